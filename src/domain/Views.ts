import type { ChunkId } from "./Ids.ts"

// How a graph reads to people, which must be the same in every store.

/** The order of code units, in which ids, names and sources are listed. */
export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

export interface UsedName {
  readonly name: string
  /** Whether its key is the entity's. */
  readonly isOwn: boolean
  /** How many chunks call the entity so. */
  readonly count: number
}

/**
 * The commonest name whose key is the entity's, or of all; ties go to the least. The others are aliases. An entity that
 * no chunk names is called by its key.
 */
export const called = (
  key: string,
  names: ReadonlyArray<UsedName>
): { readonly name: string; readonly aliases: ReadonlyArray<string> } => {
  const [first, ...others] = names.toSorted(
    (a, b) => Number(b.isOwn) - Number(a.isOwn) || b.count - a.count || compare(a.name, b.name)
  )
  return { name: first?.name ?? key, aliases: others.map(({ name }) => name).toSorted(compare) }
}

/** What a relation says, by its facts, the best supported first. */
export const said = <Fact extends { readonly text: string; readonly evidence: ReadonlyArray<ChunkId> }>(
  unsorted: ReadonlyArray<Fact>
) => {
  const facts = unsorted.toSorted((a, b) => b.evidence.length - a.evidence.length || compare(a.text, b.text))
  return {
    fact: facts[0]?.text ?? "",
    evidence: [...new Set(facts.flatMap(({ evidence }) => evidence))].toSorted(compare),
    weight: facts.reduce((sum, { evidence }) => sum + evidence.length, 0),
    facts
  }
}
