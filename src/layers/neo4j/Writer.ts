import { sourceId } from "../../domain/Ids.ts"
import type { Group, RunId } from "../../domain/Ids.ts"
import { compare } from "../../domain/Views.ts"
import type { DocumentWrite, Write } from "../../services/GraphStore.ts"
import type { Answer, Row, RunStatement } from "./Connection.ts"
import { Conflict, failure } from "./Fault.ts"
import { relationshipOf } from "./Identifiers.ts"
import { decodeLetter, letterId, letterRow } from "./Letters.ts"
import { plan, spokenOf } from "./Plan.ts"
import type { Before, Plan } from "./Plan.ts"
import { graphRows } from "./Rows.ts"
import type { GraphRows, Nested } from "./Rows.ts"
import { addEntities, addRelations, followRelations, statements, sweepRelations, weighRelations } from "./Statements.ts"
import { boolean, headOf, integer, text, texts, whole } from "./Values.ts"

/** Rows that one statement takes at most: more are no faster, and a message of them all could be too large. */
const maxRows = 2000

/** Characters of text and embeddings that one statement takes at most, or one row. */
const maxText = 4_000_000

const slices = function* <A>(rows: ReadonlyArray<A>, sizeOf?: (row: A) => number): Iterable<ReadonlyArray<A>> {
  let slice: Array<A> = []
  let size = 0
  for (const row of rows) {
    if (slice.length >= maxRows || size >= maxText) {
      yield slice
      slice = []
      size = 0
    }
    slice.push(row)
    if (sizeOf !== undefined) size += sizeOf(row)
  }
  if (slice.length > 0) yield slice
}

/** One commit under way in a transaction. */
class Commit {
  readonly #run: RunStatement
  readonly #group: Group
  readonly #runId: RunId
  readonly #sent: Array<Promise<unknown>> = []

  constructor(run: RunStatement, group: Group, runId: RunId) {
    this.#run = run
    this.#group = group
    this.#runId = runId
  }

  /** Without waiting for an answer. */
  send<A>(
    statement: string,
    rows: ReadonlyArray<A>,
    check: (answers: ReadonlyArray<Answer>) => void = () => undefined,
    sizeOf?: (row: A) => number
  ): void {
    if (rows.length === 0) return
    const sent = Promise.all(Array.from(slices(rows, sizeOf), (slice) => this.#ask(statement, slice))).then(check)
    // Nobody may be there to hear of it: what fails first ends the transaction.
    sent.catch(() => undefined)
    this.#sent.push(sent)
  }

  async rows(statement: string, rows: ReadonlyArray<unknown>, more: object = {}) {
    const answers = await Promise.all(Array.from(slices(rows), (slice) => this.#ask(statement, slice, more)))
    return answers.flatMap((answer) => answer.rows)
  }

  /** A statement that takes all at once. */
  async one(statement: string, parameters: object): Promise<ReadonlyArray<Row>> {
    return (await this.#run(statement, { ...parameters, group: this.#group })).rows
  }

  /** Until all that was sent is done; the first that failed is what failed, for those behind it were not even tried. */
  async done(): Promise<void> {
    for (const settled of await Promise.allSettled(this.#sent.splice(0))) {
      if (settled.status === "rejected") throw settled.reason
    }
  }

  #ask(statement: string, rows: ReadonlyArray<unknown>, more: object = {}): Promise<Answer> {
    return this.#run(statement, { rows, group: this.#group, run: this.#runId, ...more })
  }
}

/** What was found a moment ago is gone: another writer has taken it out. */
const expect = (count: number, found: (answer: Answer) => number) => (answers: ReadonlyArray<Answer>) => {
  const all = answers.reduce((sum, answer) => sum + found(answer), 0)
  if (all !== count) throw new Conflict(`Another writer has removed what this one refers to.`)
}

const created = ({ relationshipsCreated }: Answer): number => relationshipsCreated

const sendNested = (commit: Commit, statement: string, { count, rows }: Nested): void =>
  commit.send(statement, rows, expect(count, created), ({ of }) => of.length * (maxText / maxRows))

/** What is there of what the writes speak of; locked, so that it stays so. */
const before = async (commit: Commit, group: Group, writes: ReadonlyArray<Write>): Promise<Before> => {
  const { documents, forgotten, lettersOf, sources } = spokenOf(writes)
  for (const row of await commit.rows(statements.sourcesOf, [...forgotten])) {
    sources.add(text(row, "source"))
    lettersOf.add(text(row, "source"))
  }
  const sourceRows = [...sources].toSorted(compare).map((uri) => ({ id: sourceId(group, uri), uri, head: headOf(uri) }))
  const pointers = new Map(
    (await commit.rows(statements.lockSources, sourceRows)).flatMap((row) =>
      row["document"] === null ? [] : [[text(row, "source"), text(row, "document")]]
    )
  )
  const all = [...new Set([...documents, ...pointers.values()])].toSorted(compare)
  const [locked, others, ofDocuments, ofSources] = await Promise.all([
    commit.rows(statements.lockDocuments, all),
    commit.rows(statements.otherSources, all, { sources: sourceRows.map(({ id }) => id) }),
    commit.rows(statements.lettersOfDocuments, all),
    commit.rows(
      statements.lettersOfSources,
      [...lettersOf].map((source) => sourceId(group, source))
    )
  ])
  if (others.some((row) => forgotten.has(text(row, "id")))) throw new Conflict("Another writer has just used it.")
  const letters = new Set([...ofDocuments, ...ofSources].map((row) => text(row, "letter")))
  return {
    sources,
    pointers,
    documents: new Set(locked.flatMap((row) => (boolean(row, "exists") ? [text(row, "id")] : []))),
    others: new Map(others.map((row) => [text(row, "id"), text(row, "source")])),
    letters: [...letters].map((letter) => decodeLetter(letter))
  }
}

/** What loses evidence. */
interface Losing {
  readonly entities: ReadonlySet<string>
  readonly facts: ReadonlyArray<string>
  readonly relations: ReadonlyArray<Weighed>
}

/** How much evidence of a relation there is more; less, where it is negative. */
interface Weighed {
  readonly id: string
  readonly type: string
  readonly source: string
  readonly target: string
  weight: number
}

const takeOut = async (commit: Commit, documents: ReadonlyArray<string>): Promise<Losing> => {
  if (documents.length === 0) return { entities: new Set(), facts: [], relations: [] }
  const [entities, facts] = await Promise.all([
    commit.rows(statements.entitiesOf, documents),
    commit.rows(statements.factsOf, documents)
  ])
  commit.send(statements.dropChunks, documents)
  commit.send(statements.dropDecisions, documents)
  const relations = new Map<string, Weighed>()
  for (const row of facts) {
    const id = text(row, "relation")
    const known = relations.get(id)
    if (known !== undefined) known.weight -= integer(row, "count")
    else {
      const [source, target] = [text(row, "source"), text(row, "target")]
      relations.set(id, { id, type: text(row, "type"), source, target, weight: -integer(row, "count") })
    }
  }
  const ends = [...relations.values()].flatMap(({ source, target }) => [source, target])
  return {
    entities: new Set([...entities.map((row) => text(row, "id")), ...ends]),
    facts: facts.map((row) => text(row, "id")),
    relations: [...relations.values()]
  }
}

/** Rows by relationship type, in the order in which they are locked. */
const byType = <A extends Pick<Weighed, "id" | "type" | "source" | "target">>(rows: Iterable<A>) =>
  [...Map.groupBy(rows, ({ type }) => relationshipOf(type))]
    .toSorted(([a], [b]) => compare(a, b))
    .map(([type, some]) => ({
      type,
      rows: some.toSorted((a, b) => compare(a.source, b.source) || compare(a.target, b.target) || compare(a.id, b.id))
    }))

const counted = (answer: Answer): number => answer.rows.reduce((sum, row) => sum + integer(row, "count"), 0)

/** Relations with their facts; those that nobody has made are made with their lead. */
const relate = async (commit: Commit, { facts, relations, supports }: GraphRows, losing: Losing): Promise<void> => {
  const factOf = new Map(facts.map((fact) => [fact.id, fact]))
  const leads = relations.flatMap(({ lead }) => factOf.get(lead) ?? [])
  const made = new Set((await commit.rows(statements.leadRelations, leads)).map((row) => text(row, "id")))
  const isMade = ({ id }: { readonly id: string }): boolean => made.has(id)
  const leading = new Set(relations.filter(isMade).map(({ lead }) => lead))
  commit.send(
    statements.addFacts,
    facts.filter(({ id }) => !leading.has(id))
  )
  sendNested(commit, statements.addSupports, supports)
  for (const { rows, type } of byType(relations.filter(isMade))) {
    const said = rows.map(({ lead, weight, ...row }) => {
      const { invalidAt = null, text: fact = "", validAt = null } = factOf.get(lead) ?? {}
      return { ...row, weight: whole(weight), fact, validAt, invalidAt }
    })
    commit.send(addRelations(type), said, expect(said.length, created))
  }
  const weighed = new Map(losing.relations.map((relation) => [relation.id, relation]))
  for (const { id, source, target, type, weight } of relations) {
    if (!made.has(id)) weighed.set(id, { id, source, target, type, weight: weight + (weighed.get(id)?.weight ?? 0) })
  }
  const changed = [...weighed.values()].filter(({ weight }) => weight !== 0)
  for (const { rows, type } of byType(changed)) {
    const some = rows.map((row) => ({ ...row, weight: whole(row.weight) }))
    commit.send(weighRelations(type), some, expect(some.length, counted))
  }
}

const add = async (commit: Commit, writes: ReadonlyArray<DocumentWrite>, losing: Losing): Promise<void> => {
  const rows = graphRows(writes)
  commit.send(statements.putDocuments, rows.documents, undefined, ({ size }) => size)
  commit.send(statements.addChunks, rows.chunks, undefined, ({ size }) => size)
  commit.send(statements.addNext, rows.next)
  for (const { name, rows: entities } of rows.entities) commit.send(addEntities(name), entities)
  sendNested(commit, statements.addNames, rows.names)
  sendNested(commit, statements.addMentions, rows.mentions)
  await relate(commit, rows, losing)
  commit.send(statements.addDecisions, rows.decisions)
}

const sweep = async (commit: Commit, { entities, facts, relations }: Losing): Promise<void> => {
  if (entities.size === 0) return
  const ordered = [...entities].toSorted(compare)
  commit.send(statements.lockEntities, ordered)
  const swept = await Promise.all(byType(relations).map(({ rows, type }) => commit.rows(sweepRelations(type), rows)))
  const gone = new Set(swept.flat().map((row) => text(row, "id")))
  const [row = {}] = await commit.one(statements.sweep, { entities: ordered, facts })
  const leaderless = new Set(texts(row, "led"))
  for (const { rows, type } of byType(relations.filter(({ id }) => leaderless.has(id) && !gone.has(id)))) {
    commit.send(followRelations(type), rows)
  }
}

/** Pointers, dead letters, documents that go. */
const account = (
  commit: Commit,
  group: Group,
  { letters, pointed, removed, unpointed }: Plan,
  { pointers }: Before
): void => {
  const rows = pointed.map(({ document, source }) => ({ id: sourceId(group, source), document, source }))
  commit.send(
    statements.movePointers,
    rows.filter(({ source }) => pointers.has(source))
  )
  commit.send(statements.addPointers, rows)
  commit.send(
    statements.dropSources,
    unpointed.map((source) => sourceId(group, source))
  )
  commit.send(statements.dropDocuments, removed)
  commit.send(
    statements.dropLetters,
    letters.dropped.map(({ ordinal, source }) => letterId(group, source, ordinal))
  )
  commit.send(
    statements.putLetters,
    letters.put.map((letter) => {
      const row = letterRow(group, letter)
      return { ...row, ordinal: whole(row.ordinal) }
    })
  )
}

/** In a transaction of its caller, which rolls it back where this throws. */
export const commit = async (
  run: RunStatement,
  group: Group,
  runId: RunId,
  writes: ReadonlyArray<Write>
): Promise<void> => {
  for (const write of writes) {
    if (write._tag === "document" && write.resolved.document.group !== group) {
      throw failure(
        "failed",
        `A document of group ${write.resolved.document.group} cannot be written to group ${group}.`
      )
    }
  }
  const under = new Commit(run, group, runId)
  try {
    await write(under, group, writes)
  } catch (error) {
    // What was sent before may have failed first, and then says why.
    await under.done()
    throw error
  }
  await under.done()
}

const write = async (under: Commit, group: Group, writes: ReadonlyArray<Write>): Promise<void> => {
  const found = await before(under, group, writes)
  const planned = plan(writes, found)
  const losing = await takeOut(under, planned.takenOut)
  await add(under, planned.written, losing)
  await sweep(under, losing)
  account(under, group, planned, found)
  if (planned.written.length + planned.removed.length > 0) under.send(statements.nextGeneration, [group])
}
