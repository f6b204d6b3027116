import { isRetryableError } from "neo4j-driver"
import type { Driver, ManagedTransaction } from "neo4j-driver"
import { compare } from "../../src/domain/Views.ts"
import { quoted } from "../../src/layers/neo4j/Identifiers.ts"
import { addEntities, addRelations, statements } from "../../src/layers/neo4j/Statements.ts"
import { whole } from "../../src/layers/neo4j/Values.ts"
import { batches } from "./workload.ts"
import type { Entity, Mention, Relation, Workload } from "./workload.ts"

/** How rows of one kind go into transactions. */
export interface Way<A> {
  readonly name: string
  /** Rows of a transaction. */
  readonly size: number
  /** Rows that are written, where all of them would take minutes. */
  readonly most?: number
  readonly send: (tx: ManagedTransaction, rows: ReadonlyArray<A>, group: string) => ReadonlyArray<Promise<unknown>>
}

export interface Trial {
  readonly rowsPerSecond: number
  readonly deadlocks: number
  readonly retries: number
  /** Microseconds of the server's processors for a row. */
  readonly cpu: number
}

const byType = <A extends { readonly type: string }>(rows: ReadonlyArray<A>) =>
  [...Map.groupBy(rows, ({ type }) => type)].toSorted(([a], [b]) => compare(a, b))

/** With the one fact that speaks for it, which a relation never goes without. */
const said = (rows: ReadonlyArray<Relation>) =>
  rows.map((row) => ({
    ...row,
    lead: `${row.id}/fact`,
    weight: whole(1),
    fact: "It was said.",
    validAt: null,
    invalidAt: null
  }))

const factsOf = (rows: ReturnType<typeof said>) =>
  rows
    .map(({ fact, id, lead, ...row }) => ({ ...row, id: lead, relation: id, text: fact }))
    .toSorted((a, b) => compare(a.relation, b.relation))

const related = async (tx: ManagedTransaction, rows: ReturnType<typeof said>, group: string): Promise<void> => {
  const { records } = await tx.run(statements.leadRelations, { group, rows: factsOf(rows) })
  const made = new Set(records.map((record): unknown => record.get("id")))
  const sent = byType(rows.filter(({ id }) => made.has(id))).map(([type, some]) => {
    const sorted = some.toSorted((a, b) => compare(a.source, b.source) || compare(a.target, b.target))
    return tx.run(addRelations(type), { group, rows: sorted }).summary()
  })
  await Promise.all(sent)
}

const nested = (rows: ReadonlyArray<Mention>) =>
  [...Map.groupBy(rows, ({ chunk }) => chunk)].map(([id, of]) => ({
    id,
    of: of.map(({ entity, start, surface }) => ({ entity, start: whole(start), end: whole(start + 1), surface }))
  }))

/** What Sluice sends, statement by statement; a commit has all kinds. */
export const ours = (size: number) => ({
  entities: {
    name: "sluice",
    size,
    send: (tx, rows, group) =>
      byType(rows).map(([type, some]) =>
        tx.run(addEntities(type), { group, rows: some.toSorted((a, b) => compare(a.id, b.id)) }).summary()
      )
  } satisfies Way<Entity>,
  mentions: {
    name: "sluice",
    size,
    send: (tx, rows, group) => [tx.run(statements.addMentions, { group, rows: nested(rows) }).summary()]
  } satisfies Way<Mention>,
  relations: {
    name: "sluice",
    size,
    send: (tx, rows, group) => [related(tx, said(rows), group)]
  } satisfies Way<Relation>
})

/** The least that a server can do with the same rows: each is made, and whether it is there is not asked. */
export const ceiling = (size: number) => ({
  entities: {
    name: "CREATE only",
    size,
    send: (tx, rows, group) =>
      byType(rows).map(([type, some]) =>
        tx
          .run(
            `UNWIND $rows AS row CREATE (:Entity:${quoted(type)} {id: row.id, group: $group, type: row.type, key: row.key, name: row.name})`,
            { group, rows: some }
          )
          .summary()
      )
  } satisfies Way<Entity>,
  mentions: {
    name: "CREATE only",
    size,
    send: (tx, rows) => [
      tx
        .run(
          `UNWIND $rows AS row MATCH (c:Chunk {id: row.chunk}) MATCH (e:Entity {id: row.entity})
           CREATE (c)-[:MENTIONS {start: row.start, end: row.end, surface: row.surface}]->(e)`,
          {
            rows: rows.map(({ start, ...row }) => ({ ...row, start: whole(start), end: whole(start + 1) }))
          }
        )
        .summary()
    ]
  } satisfies Way<Mention>,
  relations: {
    name: "CREATE only",
    size,
    send: (tx, rows, group) => [
      tx
        .run(
          `UNWIND $rows AS row CREATE (:Fact {
             id: row.id, group: $group, relation: row.relation, source: row.source, target: row.target, type: row.type,
             text: row.text})`,
          { group, rows: factsOf(said(rows)) }
        )
        .summary(),
      ...byType(said(rows)).map(([type, some]) =>
        tx
          .run(
            `UNWIND $rows AS row MATCH (s:Entity {id: row.source}) MATCH (t:Entity {id: row.target})
             CREATE (s)-[:${quoted(type)} {id: row.id, group: $group, type: row.type, weight: row.weight, fact: row.fact}]->(t)`,
            { group, rows: some }
          )
          .summary()
      )
    ]
  } satisfies Way<Relation>
})

/** One managed transaction for each entity and relation, as LightRAG's Neo4j storage writes them. */
export const single = (most: number) => ({
  entities: {
    name: "a statement a row",
    size: 1,
    most,
    send: (tx, rows, group) =>
      rows.map((row) =>
        tx
          .run(`MERGE (n:Entity {id: $row.id}) SET n += $row SET n.group = $group SET n:${quoted(row.type)}`, {
            row,
            group
          })
          .summary()
      )
  } satisfies Way<Entity>,
  mentions: {
    name: "a statement a row",
    size: 1,
    most,
    send: (tx, rows) =>
      rows.map((row) =>
        tx
          .run(
            `MATCH (c:Chunk {id: $row.chunk}) MATCH (e:Entity {id: $row.entity})
             MERGE (c)-[m:MENTIONS {start: $row.start}]->(e) SET m.surface = $row.surface`,
            { row }
          )
          .summary()
      )
  } satisfies Way<Mention>,
  relations: {
    name: "a statement a row",
    size: 1,
    most,
    send: (tx, rows) =>
      rows.map((row) =>
        tx
          .run(
            `MATCH (s:Entity {id: $row.source}) MATCH (t:Entity {id: $row.target})
             MERGE (s)-[r:${quoted(row.type)} {id: $row.id}]->(t) SET r += $row`,
            { row }
          )
          .summary()
      )
  } satisfies Way<Relation>
})

/** `MERGE` of nodes that have no label to be found by, in batches, as graph documents of LangChain without a base label. */
export const unlabelled = (size: number, most: number) => ({
  relations: {
    name: "MERGE without labels",
    size,
    most,
    send: (tx, rows) =>
      byType(rows).map(([type, some]) =>
        tx
          .run(
            `UNWIND $rows AS row MERGE (s {id: row.source}) MERGE (t {id: row.target})
             MERGE (s)-[r:${quoted(type)}]->(t) SET r += row`,
            { rows: some }
          )
          .summary()
      )
  } satisfies Way<Relation>
})

/** Microseconds that the server's processors have worked for it so far. */
export const serverCpu = async (driver: Driver): Promise<number> => {
  const { records } = await driver.executeQuery(
    `CALL dbms.queryJmx("java.lang:type=OperatingSystem") YIELD attributes RETURN attributes.ProcessCpuTime.value AS nanos`
  )
  return Number(records[0]?.get("nanos") ?? 0) / 1000
}

/** Rows through so many writers, each of which takes the next batch when it has written one. */
export const trial = async <A>(
  driver: Driver,
  { group }: Workload,
  way: Way<A>,
  rows: ReadonlyArray<A>,
  writers: number
): Promise<Trial> => {
  const taken = way.most === undefined ? rows : rows.slice(0, way.most)
  const queue = [...batches(taken, way.size)]
  let deadlocks = 0
  let retries = -queue.length
  const write = async () => {
    const session = driver.session()
    try {
      for (let batch = queue.shift(); batch !== undefined; batch = queue.shift()) {
        const sent = batch
        await session.executeWrite(async (tx) => {
          retries++
          const failed = (await Promise.allSettled(way.send(tx, sent, group))).find(
            ({ status }) => status === "rejected"
          )
          if (failed?.status !== "rejected") return
          const error: unknown = failed.reason
          if (error instanceof Error && isRetryableError(error) && error.message.includes("lock")) deadlocks++
          throw error
        })
      }
    } finally {
      await session.close()
    }
  }
  const before = await serverCpu(driver)
  const started = performance.now()
  await Promise.all(Array.from({ length: writers }, write))
  const rowsPerSecond = taken.length / ((performance.now() - started) / 1000)
  return { rowsPerSecond, deadlocks, retries, cpu: ((await serverCpu(driver)) - before) / taken.length }
}
