import { integer, orNull, text } from "./Database.ts"
import type { Database, Row } from "./Database.ts"
import { Fault } from "./Fault.ts"
import type { StoreGraph } from "./StoreGraph.ts"
import { StoreIndex } from "./StoreIndex.ts"
import { textKey } from "./StoreSchema.ts"
import { statements } from "./StoreStatements.ts"
import type { StoreLetter, StoreWrite } from "./StoreWrite.ts"

type DocumentWrite = Extract<StoreWrite, { readonly _tag: "document" }>

const ofSource = -1

/** Documents whose last source may be gone, and rows whose last evidence may be gone, until the end of the commit. */
class Touched {
  readonly documents = new Set<number>()
  readonly entities = new Set<number>()
  readonly relations = new Set<number>()
  readonly facts = new Set<number>()
  /** By entity. */
  readonly names = new Map<number, Set<string>>()
  hasChanged = false
}

/** Writes commits. Each method runs within a transaction of its caller. */
export class StoreWriter {
  readonly #sql: ReturnType<typeof statements>
  readonly #index: StoreIndex

  constructor(db: Database) {
    this.#sql = statements(db)
    this.#index = new StoreIndex(db)
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
      else if (write._tag === "removed") this.#unpoint(group, write.source, touched)
      else if (write._tag === "forgotten") {
        const row = this.#sql.document.get(group, write.document)
        if (row === undefined) continue
        for (const source of this.#sql.sourcesOf.all(integer(row, "pk"))) {
          this.#unpoint(group, text(source, "uri"), touched)
        }
      } else this.#letter(group, write.letter)
    }
    for (const document of touched.documents) {
      if (this.#sql.anySource.get(document) === undefined) this.#forget(group, document, touched)
    }
    this.#sweep(touched)
    if (writes.some(({ _tag }) => _tag === "removed" || _tag === "forgotten")) this.#sql.leavesBytes.run(group)
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
      write.run ?? run,
      content
    )
    if (written === undefined) throw new Fault("failed", `The document ${id} could not be written.`)
    const document = integer(written, "pk")
    touched.documents.add(document)
    const chunks: Array<number> = []
    for (const chunk of write.chunks) {
      const words = content.slice(chunk.start, chunk.end)
      const { changes: _, lastInsertRowid } = this.#sql.addChunk.run(
        chunk.id,
        document,
        chunk.ordinal,
        chunk.start,
        chunk.end,
        chunk.tokens,
        chunk.extraction === undefined ? "dead" : "extracted",
        chunk.header,
        words,
        orNull(chunk.extraction),
        textKey(words)
      )
      chunks.push(Number(lastInsertRowid))
    }
    this.#graph(group, document, write.graph, chunks, touched)
    const rowOf = new Map(write.chunks.map(({ id }, index) => [id, chunks[index]]))
    for (const { chunk, vector } of write.embeddings) {
      const bytes = new Uint8Array(vector.buffer, vector.byteOffset, vector.byteLength)
      this.#sql.addEmbedding.run(rowOf.get(chunk) ?? absent("chunk"), bytes)
    }
    this.#sql.dropDocumentLetters.run(group, id)
    for (const source of write.sources) {
      this.#point(group, source, document, touched)
      this.#sql.dropLetters.run(group, source)
    }
    for (const letter of write.deadLetters) this.#letter(group, letter)
  }

  /**
   * Weights are put down as rows are asked for and taken back where a row was there already, which is seldom: the same
   * name or support twice in one document.
   */
  #graph(group: number, document: number, graph: StoreGraph, chunks: ReadonlyArray<number>, touched: Touched): void {
    const sql = this.#sql
    const { decisions, entities, facts, mentions, names, relations, supports } = graph
    const chunkOf = (index: number | undefined): number => chunks[index ?? -1] ?? absent("chunk")

    const factWeights = new Int32Array(facts.id.length)
    for (const fact of supports.fact) factWeights[fact] = (factWeights[fact] ?? 0) + 1
    const relationWeights = new Int32Array(relations.id.length)
    for (const [fact, weight] of factWeights.entries()) {
      const relation = facts.relation[fact] ?? -1
      relationWeights[relation] = (relationWeights[relation] ?? 0) + weight
    }
    const entityWeights = new Int32Array(entities.length)
    for (const entity of names.entity) entityWeights[entity] = (entityWeights[entity] ?? 0) + 1

    const entityRows = new Map<number, number>()
    const entityOf = (index = -1): number => {
      const written = entityRows.get(index)
      if (written !== undefined) return written
      const { id, key, type } = entities[index] ?? absent("entity")
      const pk = pkOf(sql.putEntity.get(group, id, type, key, entityWeights[index] ?? 0), "entity", id)
      entityRows.set(index, pk)
      return pk
    }
    const called = new Set<string>()
    for (const [row, name] of names.name.entries()) {
      const entity = entityOf(names.entity[row])
      const whole = `${entity} ${name}`
      if (!called.has(whole)) {
        called.add(whole)
        this.#index.addName(entity, name)
      }
      const { changes } = sql.addName.run(
        chunkOf(names.chunk[row]),
        entity,
        name,
        names.grounded[row] ?? 0,
        names.own[row] ?? 0
      )
      if (changes === 0) sql.weighEntity.run(-1, entity)
    }
    for (const [row, surface] of mentions.surface.entries()) {
      const start = mentions.start[row] ?? 0
      const end = mentions.end[row] ?? 0
      sql.addMention.run(chunkOf(mentions.chunk[row]), entityOf(mentions.entity[row]), start, end, surface)
    }

    const relationRows = new Map<number, number>()
    for (const [index, id] of relations.id.entries()) {
      const weight = relationWeights[index] ?? 0
      if (weight === 0) continue
      const source = entityOf(relations.source[index])
      const target = entityOf(relations.target[index])
      const type = relations.type[index] ?? ""
      relationRows.set(index, pkOf(sql.putRelation.get(group, id, source, target, type, weight), "relation", id))
    }
    const relationOf = (fact: number): number => relationRows.get(facts.relation[fact] ?? -1) ?? absent("relation")

    const factRows = new Map<number, number>()
    for (const [index, id] of facts.id.entries()) {
      const weight = factWeights[index] ?? 0
      if (weight === 0) continue
      const [from, to] = facts.valid.get(index) ?? [null, null]
      const text = facts.texts[facts.text[index] ?? -1] ?? absent("text")
      const put = sql.putFact.get(group, id, relationOf(index), text, from, to, weight)
      const fact = pkOf(put, "fact", id)
      factRows.set(index, fact)
      // One that was there has a weight already, but for those that this commit has taken all evidence from.
      if (put?.["weight"] === weight && !touched.facts.has(fact)) this.#index.addFact(fact, text)
    }
    for (const [row, index] of supports.fact.entries()) {
      const fact = factRows.get(index) ?? absent("fact")
      const confidence = orNull(supports.confidence.get(row))
      const { changes } = sql.addSupport.run(
        chunkOf(supports.chunk[row]),
        fact,
        confidence,
        orNull(facts.predicate[index])
      )
      if (changes !== 0) continue
      sql.weighFact.get(-1, fact)
      sql.weighRelation.run(-1, relationOf(index))
    }

    for (const decision of decisions) {
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
    this.#sql.putSource.run(group, source, document)
    if (row === undefined) return
    const before = integer(row, "document")
    if (before !== document) this.#leave(group, source, before, touched)
  }

  #unpoint(group: number, source: string, touched: Touched): void {
    const row = this.#sql.dropSource.get(group, source)
    if (row !== undefined) this.#leave(group, source, integer(row, "document"), touched)
    this.#sql.dropLetters.run(group, source)
  }

  /** Its dead chunks are still dead if another source points at the document, which their letters go over to. */
  #leave(group: number, source: string, document: number, touched: Touched): void {
    touched.documents.add(document)
    const heir = this.#sql.anySource.get(document)
    if (heir !== undefined) this.#sql.moveLetters.run(text(heir, "uri"), group, source, document)
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
    for (const row of sql.namesIn.all(document)) {
      const entity = integer(row, "entity")
      const names = touched.names.get(entity)
      if (names === undefined) touched.names.set(entity, new Set([text(row, "name")]))
      else names.add(text(row, "name"))
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
    for (const fact of touched.facts) {
      const swept = this.#sql.sweepFact.get(fact)
      if (swept !== undefined) this.#index.dropFact(fact, text(swept, "text"))
    }
    for (const [entity, names] of touched.names) {
      for (const name of names) this.#index.sweepName(entity, name)
    }
    for (const relation of touched.relations) {
      const ends = this.#sql.sweepRelation.get(relation)
      if (ends === undefined) continue
      touched.entities.add(integer(ends, "source"))
      touched.entities.add(integer(ends, "target"))
    }
    for (const entity of touched.entities) this.#sql.sweepEntity.run(entity)
  }
}

const absent = (what: string): never => {
  throw new Fault("failed", `A document's graph speaks of a ${what} that it does not have.`)
}

const pkOf = (row: Row | undefined, what: string, id: string): number => {
  if (row === undefined) throw new Fault("failed", `The ${what} ${id} could not be written.`)
  return integer(row, "pk")
}
