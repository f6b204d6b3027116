import type { DecisionRecord } from "./Graph.ts"
import { decisionId, entityId } from "./Ids.ts"
import type { DocumentId, EntityId, Group } from "./Ids.ts"
import { contains, startsWith } from "./Names.ts"
import { anyEntity } from "./Ontology.ts"

/** An entity as a document names it: the deterministic key is (group, type, normalised name). */
export interface Candidate {
  readonly id: EntityId
  readonly type: string
  readonly key: string
}

export const candidate = (group: Group, type: string, key: string): Candidate => ({
  id: entityId(group, type, key),
  type,
  key
})

/** A pair, before conflicts between pairs are settled. */
interface Proposal {
  readonly from: Candidate
  readonly to: Candidate
  readonly score: number
  readonly evidence: string
}

/** Parts of a name that stand for the whole: any part of a person's, the beginning of an organisation's or product's. */
const abbreviates = (part: Candidate, whole: Candidate): boolean => {
  if (part.type !== whole.type && part.type !== anyEntity) return false
  if (part.key.length < 2 || /^\p{N}+$/u.test(part.key)) return false
  switch (whole.type) {
    case "Person":
      return contains(whole.key, part.key)
    case "Organization":
    case "Product":
      return startsWith(whole.key, part.key)
    default:
      return false
  }
}

const byKey = (a: Candidate, b: Candidate): number =>
  a.key < b.key ? -1 : a.key > b.key ? 1 : a.type < b.type ? -1 : a.type > b.type ? 1 : 0

/**
 * Longer names that hold a shorter one are looked up by their words, so that a document with ten thousand names does
 * not compare each with each.
 */
const containments = (all: ReadonlyArray<Candidate>): ReadonlyArray<Proposal> => {
  const byWord = new Map<string, Array<Candidate>>()
  for (const whole of all) {
    if (whole.type !== "Person" && whole.type !== "Organization" && whole.type !== "Product") continue
    for (const word of new Set(whole.key.split(" "))) {
      const others = byWord.get(word)
      if (others === undefined) byWord.set(word, [whole])
      else others.push(whole)
    }
  }
  const withRarestWord = (key: string): ReadonlyArray<Candidate> =>
    key
      .split(" ")
      .map((word) => byWord.get(word) ?? [])
      .reduce((a, b) => (b.length < a.length ? b : a))
  return all.flatMap((part) => {
    const wholes = withRarestWord(part.key).filter((whole) => abbreviates(part, whole))
    const to = wholes.reduce((a, b) => (b.key.length > a.key.length ? b : a), part)
    return to === part || wholes.some((whole) => whole !== to && !abbreviates(whole, to))
      ? []
      : [{ from: part, to, score: 90, evidence: `"${part.key}" is part of one name in this document: "${to.key}"` }]
  })
}

/** A name that is once a `Thing` and once, and only once, something definite is the definite one. */
const definiteTypes = (all: ReadonlyArray<Candidate>): ReadonlyArray<Proposal> => {
  const byName = Map.groupBy(all, (one) => one.key)
  return [...byName.values()].flatMap((same) => {
    const from = same.find((one) => one.type === anyEntity)
    const [to, ...more] = same.filter((one) => one.type !== anyEntity)
    return from === undefined || to === undefined || more.length > 0
      ? []
      : [{ from, to, score: 95, evidence: `"${from.key}" has one definite type in this document: ${to.type}` }]
  })
}

/** A name that the extractor gave as another name of one entity only. */
const statedAliases = (
  all: ReadonlyArray<Candidate>,
  stated: ReadonlyArray<{ readonly alias: Candidate; readonly of: Candidate }>
): ReadonlyArray<Proposal> => {
  const byAlias = Map.groupBy(stated, ({ alias }) => alias.id)
  return all.flatMap((from) => {
    const claims = (byAlias.get(from.id) ?? []).filter(({ of }) => of.id !== from.id)
    const [to, ...more] = new Map(claims.map(({ of }) => [of.id, of])).values()
    return to === undefined || more.length > 0
      ? []
      : [{ from, to, score: 95, evidence: `the text gives "${from.key}" as another name of "${to.key}"` }]
  })
}

/**
 * Aliases within a document. A pure function of the set of names in it: the order of chunks does not matter. Each name
 * gets at most one target, by the surest rule; a chain ends at its last name, and a pair that would close a circle is
 * left out.
 */
export const resolveAliases = (
  document: DocumentId,
  candidates: ReadonlyArray<Candidate>,
  stated: ReadonlyArray<{ readonly alias: Candidate; readonly of: Candidate }>
): ReadonlyArray<DecisionRecord> => {
  const all = [...new Map(candidates.map((one) => [one.id, one])).values()].toSorted(byKey)
  const next = new Map<EntityId, Proposal>()
  const last = (id: EntityId): EntityId => {
    let end = id
    for (let step = next.get(end); step !== undefined; step = next.get(end)) end = step.to.id
    return end
  }
  for (const proposal of [...statedAliases(all, stated), ...definiteTypes(all), ...containments(all)]) {
    if (!next.has(proposal.from.id) && last(proposal.to.id) !== proposal.from.id) next.set(proposal.from.id, proposal)
  }
  return [...next.values()].map(({ evidence, from, score }) => {
    const to = last(from.id)
    return { id: decisionId(document, from.id, to), document, from: from.id, to, score, evidence, decidedBy: "rule" }
  })
}
