import type { DeadLetter } from "../../domain/DeadLetter.ts"
import { stateOf } from "../../domain/Graph.ts"
import { chunkKey, sourceId } from "../../domain/Ids.ts"
import type { Group } from "../../domain/Ids.ts"
import type { ExportRow, StoredDocument } from "../../services/GraphStore.ts"
import type { RunEntry } from "../../services/Ledger.ts"
import { labelOf, relationshipOf } from "./Identifiers.ts"
import { runRow } from "./Ledger.ts"
import { letterRow } from "./Letters.ts"
import { current, embeddingOf } from "./Schema.ts"
import { headOf } from "./Values.ts"

/**
 * The graph as `neo4j-admin database import` takes it: every node and relationship that a commit would write, with the
 * same labels, types and properties. Fields are quoted as in RFC 4180, section 2; one that is empty and not quoted is
 * null, and one that is quoted is a string, which no library of CSV tells apart.
 */
interface Table {
  readonly kind: "nodes" | "relationships"
  /** Label or relationship type; absent: a column has it. */
  readonly name?: string
  readonly header: ReadonlyArray<string>
}

const chunkHeader = [
  "id:ID(Chunk)",
  "key",
  "group",
  "document",
  "ordinal:long",
  "start:long",
  "end:long",
  "tokens:long",
  "state",
  "header",
  "text",
  "extraction"
]

const tables = {
  schema: { kind: "nodes", name: "SluiceSchema", header: ["id", "version:long"] },
  groups: { kind: "nodes", name: "Group", header: ["name", "generation:long"] },
  runs: {
    kind: "nodes",
    name: "Run",
    header: ["id", "group", "startedAt:long", "finishedAt:long", "status", "report", "root", "recipe"]
  },
  letters: {
    kind: "nodes",
    name: "DeadLetter",
    header: ["id", "group", "sourceId", "source", "head", "ordinal:long", "document", "cause", "letter"]
  },
  sources: { kind: "nodes", name: "Source", header: ["id:ID(Source)", "group", "uri", "head"] },
  documents: {
    kind: "nodes",
    name: "Document",
    header: ["id:ID(Document)", "group", "recipe", "state", "mediaType", "title", "date", "text", "run"]
  },
  chunks: { kind: "nodes", name: "Chunk", header: chunkHeader },
  entities: {
    kind: "nodes",
    header: ["id:ID(Entity)", "group", "type", "key", "name", "aliases:string[]", ":LABEL"]
  },
  facts: {
    kind: "nodes",
    name: "Fact",
    header: ["id:ID(Fact)", "group", "relation", "source", "target", "type", "text", "validAt", "invalidAt", "leads"]
  },
  decisions: {
    kind: "nodes",
    name: "Decision",
    header: ["id:ID(Decision)", "group", "document", "from", "to", "score:long", "evidence", "decidedBy"]
  },
  is: { kind: "relationships", name: "IS", header: [":START_ID(Source)", ":END_ID(Document)"] },
  partof: { kind: "relationships", name: "PART_OF", header: [":START_ID(Chunk)", ":END_ID(Document)"] },
  next: { kind: "relationships", name: "NEXT", header: [":START_ID(Chunk)", ":END_ID(Chunk)"] },
  names: {
    kind: "relationships",
    name: "NAMES",
    header: [":START_ID(Chunk)", ":END_ID(Entity)", "name", "grounded:boolean"]
  },
  mentions: {
    kind: "relationships",
    name: "MENTIONS",
    header: [":START_ID(Chunk)", ":END_ID(Entity)", "start:long", "end:long", "surface"]
  },
  supports: {
    kind: "relationships",
    name: "SUPPORTS",
    header: [":START_ID(Chunk)", ":END_ID(Fact)", "confidence:long", "predicate"]
  },
  decided: { kind: "relationships", name: "DECIDED_IN", header: [":START_ID(Decision)", ":END_ID(Document)"] },
  relations: {
    kind: "relationships",
    header: [
      ":START_ID(Entity)",
      ":END_ID(Entity)",
      ":TYPE",
      "id",
      "group",
      "type",
      "weight:long",
      "fact",
      "validAt",
      "invalidAt"
    ]
  }
} as const satisfies Readonly<Record<string, Table>>

type Plain = keyof typeof tables

/** A table's name, and its files': chunks whose embeddings are of one length have a table of their own. */
export type TableName = Plain | `chunks-${number}`

export const isTableName = (name: string): name is TableName => Object.hasOwn(tables, name) || /^chunks-\d+$/.test(name)

const isPlain = (name: TableName): name is Plain => Object.hasOwn(tables, name)

export const tableOf = (name: TableName): Table => {
  if (isPlain(name)) return tables[name]
  const { property } = embeddingOf("Chunk", Number(name.slice("chunks-".length)))
  return { ...tables.chunks, header: [...chunkHeader, `${property}:float[]`] }
}

/**
 * Between the elements of a list. Names hold no character that is white space; one that holds this control character is
 * left out of the aliases, and the entity is marked as one to be named anew.
 */
export const arrayDelimiter = "\u001f"

/** Absent: null. */
export type Field = string | number | boolean | null | undefined

const quoted = (text: string): string => `"${text.includes('"') ? text.replaceAll('"', '""') : text}"`

/** As it stands in a line. */
export const fieldOf = (value: Field): string =>
  value === undefined || value === null ? "" : typeof value === "string" ? quoted(value) : String(value)

/** Takes a row of a table. */
export interface Put {
  (table: TableName, fields: ReadonlyArray<Field>): void
}

export const headerOf = (name: TableName): string => `${tableOf(name).header.join(",")}\n`

const list = (elements: ReadonlyArray<string>): string => elements.join(arrayDelimiter)

/** Nine digits tell every 32-bit float from its neighbours. */
const float = (value: number): string => (value === 0 ? "0" : value.toPrecision(9))

export const putSchema = (put: Put): void => put("schema", ["sluice", current])

export const putGroup = (put: Put, group: Group): void => put("groups", [group, 1])

export const putRun = (put: Put, run: RunEntry): void => {
  const { finishedAt, group, id, recipe, report, root, startedAt, status } = runRow(run)
  put("runs", [id, group, startedAt, finishedAt, status, report, root, recipe])
}

export const putLetter = (put: Put, group: Group, letter: DeadLetter): void => {
  const row = letterRow(group, letter)
  put("letters", [row.id, group, row.sourceId, row.source, row.head, row.ordinal, row.document, row.cause, row.letter])
}

/** A document with all that is its own; entities, facts and relations are shared, and come from `putView`. */
export const putDocument = (put: Put, { embeddings, resolved, run, sources }: StoredDocument): void => {
  const { chunks, document, extractions, graph, recipe } = resolved
  const { date, group, id, mediaType, text, title } = document
  put("documents", [id, group, recipe, stateOf(resolved), mediaType, title, date, text, run])
  for (const uri of sources) {
    const source = sourceId(group, uri)
    put("sources", [source, group, uri, headOf(uri)])
    put("is", [source, id])
  }
  const vectors = new Map(embeddings.map(({ chunk, vector }) => [chunk, vector]))
  let previous: string | undefined
  for (const chunk of chunks) {
    const extraction = extractions.get(chunk.ordinal)
    const vector = vectors.get(chunk.id)
    const fields = [
      chunk.id,
      chunkKey(group, chunk.header, chunk.text),
      group,
      id,
      chunk.ordinal,
      chunk.start,
      chunk.end,
      chunk.tokens,
      extraction === undefined ? "dead" : "extracted",
      chunk.header,
      chunk.text,
      extraction === undefined ? undefined : JSON.stringify(extraction)
    ]
    if (vector === undefined) put("chunks", fields)
    else put(`chunks-${vector.length}`, [...fields, list(Array.from(vector, float))])
    put("partof", [chunk.id, id])
    if (previous !== undefined) put("next", [previous, chunk.id])
    previous = chunk.id
  }
  for (const { chunk, entity, grounded, name } of graph.names) put("names", [chunk, entity, name, grounded])
  for (const { chunk, end, entity, start, surface } of graph.mentions) {
    put("mentions", [chunk, entity, start, end, surface])
  }
  const predicates = new Map(graph.facts.map((fact) => [fact.id, fact.predicate]))
  for (const { chunk, confidence, fact } of graph.supports) {
    put("supports", [chunk, fact, confidence, predicates.get(fact)])
  }
  for (const { decidedBy, evidence, from, id: decision, score, to } of graph.decisions) {
    put("decisions", [decision, group, id, from, to, score, evidence, decidedBy])
    put("decided", [decision, id])
  }
}

/** What documents share. */
export const putView = (put: Put, group: Group, row: ExportRow): void => {
  if (row.kind === "entity") {
    const aliases = row.aliases.filter((alias) => !alias.includes(arrayDelimiter))
    const label = labelOf(row.type)
    const labels = [
      "Entity",
      ...(label === undefined ? [] : [label]),
      ...(aliases.length < row.aliases.length ? ["Renamed"] : [])
    ]
    put("entities", [row.id, group, row.type, row.key, row.name, list(aliases), list(labels)])
  } else if (row.kind === "relation") {
    const { facts, id, source, target, type, weight } = row
    // The best supported fact leads the relation, which says what it says.
    const [lead] = facts
    for (const fact of facts) {
      const leads = fact === lead ? id : undefined
      put("facts", [fact.id, group, id, source, target, type, fact.text, fact.validAt, fact.invalidAt, leads])
    }
    put("relations", [
      source,
      target,
      relationshipOf(type),
      id,
      group,
      type,
      weight,
      lead?.text ?? "",
      lead?.validAt,
      lead?.invalidAt
    ])
  }
}
