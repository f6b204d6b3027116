import type { DeadLetter } from "../../domain/DeadLetter.ts"
import type { DocumentGraph, ResolvedDocument } from "../../domain/Graph.ts"
import type { ChunkId } from "../../domain/Ids.ts"
import { normaliseName } from "../../domain/Names.ts"
import { integer, orNull, text } from "./Database.ts"
import type { Database } from "./Database.ts"
import { Fault } from "./Fault.ts"
import { statements } from "./StoreStatements.ts"

/** A `Write` as it crosses to the worker thread: no class instances, and nothing twice. */
export type StoreWrite =
  | {
      readonly _tag: "document"
      readonly sources: ReadonlyArray<string>
      readonly document: Omit<ResolvedDocument["document"], "blocks">
      readonly recipe: ResolvedDocument["recipe"]
      readonly chunks: ReadonlyArray<StoreChunk>
      readonly graph: DocumentGraph
      readonly deadLetters: ReadonlyArray<StoreLetter>
      readonly embeddings: ReadonlyArray<{ readonly chunk: ChunkId; readonly vector: Float32Array }>
    }
  | { readonly _tag: "source"; readonly source: string; readonly document: string }
  | { readonly _tag: "settled"; readonly source: string }
  | { readonly _tag: "dead-letter"; readonly letter: StoreLetter }

/** Its text is the document's in `[start,end)`. */
export interface StoreChunk {
  readonly id: ChunkId
  readonly ordinal: number
  readonly start: number
  readonly end: number
  readonly tokens: number
  readonly header: string
  /** JSON; absent: dead. */
  readonly extraction?: string
}

export interface StoreLetter {
  readonly source: string
  readonly ordinal?: number
  readonly document?: string
  readonly cause: DeadLetter["cause"]
  /** The dead letter as JSON. */
  readonly json: string
}

type DocumentWrite = Extract<StoreWrite, { readonly _tag: "document" }>

const ofSource = -1

/** Documents whose last source may be gone, and rows whose last evidence may be gone, until the end of the commit. */
class Touched {
  readonly documents = new Set<number>()
  readonly entities = new Set<number>()
  readonly relations = new Set<number>()
  readonly facts = new Set<number>()
  hasChanged = false
}

/** Writes commits. Each method runs within a transaction of its caller. */
export class StoreWriter {
  readonly #sql: ReturnType<typeof statements>

  constructor(db: Database) {
    this.#sql = statements(db)
  }

  group(name: string): number {
    const known = this.#sql.group.get(name) ?? this.#sql.addGroup.get(name)
    if (known === undefined) throw new Fault("failed", `The group ${name} could not be written.`)
    return integer(known, "pk")
  }

  commit(name: string, run: string, writes: ReadonlyArray<StoreWrite>): void {
    const group = this.group(name)
    const touched = new Touched()
    for (const write of writes) {
      if (write._tag === "document") {
        if (write.document.group !== name) {
          throw new Fault("failed", `A document of group ${write.document.group} cannot be written to group ${name}.`)
        }
        this.#document(group, run, write, touched)
      } else if (write._tag === "source") {
        const document = this.#sql.document.get(group, write.document)
        if (document === undefined) {
          throw new Fault(
            "failed",
            `${write.source} is a copy of a document that has just been taken out of the graph. Run the same command again.`,
            true
          )
        }
        this.#point(group, write.source, integer(document, "pk"), touched)
        this.#sql.dropSourceLetters.run(group, write.source, write.document)
      } else if (write._tag === "settled") this.#sql.dropOwnLetter.run(group, write.source)
      else this.#letter(group, write.letter)
    }
    for (const document of touched.documents) {
      if (this.#sql.anySource.get(document) === undefined) this.#forget(group, document, touched)
    }
    this.#sweep(touched)
    if (touched.hasChanged) this.#sql.nextGeneration.run(group)
  }

  #document(group: number, run: string, write: DocumentWrite, touched: Touched): void {
    touched.hasChanged = true
    const { date, id, mediaType, text: content, title } = write.document
    const state = write.chunks.every(({ extraction }) => extraction !== undefined) ? "complete" : "partial"
    const known = this.#sql.document.get(group, id)
    if (known !== undefined) this.#takeOut(integer(known, "pk"), touched)
    const written = this.#sql.putDocument.get(
      group,
      id,
      write.recipe,
      state,
      mediaType,
      title,
      orNull(date),
      run,
      content
    )
    if (written === undefined) throw new Fault("failed", `The document ${id} could not be written.`)
    const document = integer(written, "pk")
    touched.documents.add(document)
    const chunks = new Map<string, number>()
    for (const chunk of write.chunks) {
      const { changes: _, lastInsertRowid } = this.#sql.addChunk.run(
        chunk.id,
        document,
        chunk.ordinal,
        chunk.start,
        chunk.end,
        chunk.tokens,
        chunk.extraction === undefined ? "dead" : "extracted",
        chunk.header,
        content.slice(chunk.start, chunk.end),
        orNull(chunk.extraction)
      )
      chunks.set(chunk.id, Number(lastInsertRowid))
    }
    this.#graph(group, document, write.graph, (chunk) => among(chunks, chunk, "chunk"))
    for (const { chunk, vector } of write.embeddings) {
      const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
      this.#sql.addEmbedding.run(among(chunks, chunk, "chunk"), bytes)
    }
    this.#sql.dropDocumentLetters.run(group, id)
    for (const source of write.sources) {
      this.#point(group, source, document, touched)
      this.#sql.dropLetters.run(group, source)
    }
    for (const letter of write.deadLetters) this.#letter(group, letter)
  }

  #graph(group: number, document: number, graph: DocumentGraph, chunkOf: (id: string) => number): void {
    const sql = this.#sql
    const records = new Map<string, DocumentGraph["entities"][number]>(
      graph.entities.map((entity) => [entity.id, entity])
    )
    const entities = new Map<string, number>()
    const entityOf = (id: string): number => {
      const seen = entities.get(id)
      if (seen !== undefined) return seen
      const record = among(records, id, "entity")
      const row = sql.entity.get(group, id) ?? sql.addEntity.get(group, id, record.type, record.key)
      if (row === undefined) throw new Fault("failed", `The entity ${id} could not be written.`)
      const pk = integer(row, "pk")
      entities.set(id, pk)
      return pk
    }

    const keys = new Map<string, string>()
    const keyOf = (name: string): string => {
      const known = keys.get(name)
      if (known !== undefined) return known
      const key = normaliseName(name)
      keys.set(name, key)
      return key
    }
    const named = new Map<number, number>()
    for (const { chunk, entity, grounded, name } of graph.names) {
      const pk = entityOf(entity)
      const isOwn = keyOf(name) === records.get(entity)?.key
      // Counted by what was inserted, so that a name given twice weighs once.
      const added = Number(sql.addName.run(chunkOf(chunk), pk, name, grounded ? 1 : 0, isOwn ? 1 : 0).changes)
      named.set(pk, (named.get(pk) ?? 0) + added)
    }
    for (const [pk, count] of named) sql.weighEntity.run(count, pk)
    for (const { chunk, end, entity, start, surface } of graph.mentions) {
      sql.addMention.run(chunkOf(chunk), entityOf(entity), start, end, surface)
    }

    const relationRecords = new Map(graph.relations.map((relation) => [String(relation.id), relation]))
    const relations = new Map<string, number>()
    const relationOf = (id: string): number => {
      const seen = relations.get(id)
      if (seen !== undefined) return seen
      const record = among(relationRecords, id, "relation")
      const row =
        sql.relation.get(group, id) ??
        sql.addRelation.get(group, id, entityOf(record.source), entityOf(record.target), record.type)
      if (row === undefined) throw new Fault("failed", `The relation ${id} could not be written.`)
      const pk = integer(row, "pk")
      relations.set(id, pk)
      return pk
    }

    const factRecords = new Map<string, DocumentGraph["facts"][number]>()
    for (const fact of graph.facts) {
      const other = factRecords.get(fact.id)
      const isFirst =
        other?.predicate === undefined || (fact.predicate !== undefined && fact.predicate < other.predicate)
      if (isFirst) factRecords.set(fact.id, fact)
    }
    const facts = new Map<
      string,
      { readonly pk: number; readonly relation: number; readonly predicate: string | null }
    >()
    const factOf = (id: string) => {
      const seen = facts.get(id)
      if (seen !== undefined) return seen
      const record = among(factRecords, id, "fact")
      const relation = relationOf(record.relation)
      const row =
        sql.fact.get(group, id) ??
        sql.addFact.get(group, id, relation, record.text, orNull(record.validAt), orNull(record.invalidAt))
      if (row === undefined) throw new Fault("failed", `The fact ${id} could not be written.`)
      const fact = { pk: integer(row, "pk"), relation, predicate: orNull(record.predicate) }
      facts.set(id, fact)
      return fact
    }
    const supported = new Map<number, number>()
    const related = new Map<number, number>()
    for (const { chunk, confidence, fact: id } of graph.supports) {
      const fact = factOf(id)
      const added = Number(sql.addSupport.run(chunkOf(chunk), fact.pk, orNull(confidence), fact.predicate).changes)
      supported.set(fact.pk, (supported.get(fact.pk) ?? 0) + added)
      related.set(fact.relation, (related.get(fact.relation) ?? 0) + added)
    }
    for (const [pk, count] of supported) sql.weighFact.get(count, pk)
    for (const [pk, count] of related) sql.weighRelation.run(count, pk)

    for (const decision of graph.decisions) {
      sql.addDecision.run(
        group,
        decision.id,
        document,
        decision.from,
        decision.to,
        decision.score,
        decision.evidence,
        decision.decidedBy
      )
    }
  }

  #point(group: number, source: string, document: number, touched: Touched): void {
    const row = this.#sql.source.get(group, source)
    if (row !== undefined) {
      const before = integer(row, "document")
      if (before === document) return
      touched.documents.add(before)
      this.#sql.putSource.run(group, source, document)
      // Its dead chunks are still dead if another source points at it, which their letters go over to.
      const heir = this.#sql.anySource.get(before)
      if (heir !== undefined) {
        this.#sql.moveLetters.run(text(heir, "uri"), group, source, before)
      }
      return
    }
    this.#sql.putSource.run(group, source, document)
  }

  #letter(group: number, { cause, document, json, ordinal, source }: StoreLetter): void {
    this.#sql.putLetter.run(group, source, ordinal ?? ofSource, orNull(document), cause, json)
  }

  #forget(group: number, document: number, touched: Touched): void {
    touched.hasChanged = true
    this.#takeOut(document, touched)
    const row = this.#sql.dropDocument.get(document)
    if (row !== undefined) this.#sql.dropDocumentLetters.run(group, text(row, "id"))
  }

  /** Everything that a document added, but its own row. */
  #takeOut(document: number, touched: Touched): void {
    const sql = this.#sql
    for (const row of sql.namedBy.all(document)) {
      const entity = integer(row, "entity")
      sql.weighEntity.run(-integer(row, "count"), entity)
      touched.entities.add(entity)
    }
    for (const row of sql.mentionedBy.all(document)) touched.entities.add(integer(row, "entity"))
    for (const row of sql.supportedBy.all(document)) {
      const fact = integer(row, "fact")
      const count = integer(row, "count")
      const weighed = sql.weighFact.get(-count, fact)
      touched.facts.add(fact)
      if (weighed === undefined) continue
      const relation = integer(weighed, "relation")
      sql.weighRelation.run(-count, relation)
      touched.relations.add(relation)
    }
    for (const drop of sql.dropEvidence) drop.run(document)
  }

  #sweep(touched: Touched): void {
    for (const fact of touched.facts) this.#sql.sweepFact.run(fact)
    for (const relation of touched.relations) {
      const ends = this.#sql.sweepRelation.get(relation)
      if (ends === undefined) continue
      touched.entities.add(integer(ends, "source"))
      touched.entities.add(integer(ends, "target"))
    }
    for (const entity of touched.entities) this.#sql.sweepEntity.run(entity)
  }
}

const among = <A>(records: ReadonlyMap<string, A>, id: string, what: string): A => {
  const found = records.get(id)
  if (found === undefined)
    throw new Fault("failed", `A document's graph speaks of a ${what} ${id} that it does not have.`)
  return found
}
