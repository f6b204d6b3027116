import { asked, byRank, cosineTo, distance, hasDirection, rank, searchText, share, slips } from "../../domain/Search.ts"
import type { Found, FoundChunk, FoundEntity, FoundFact, SearchQuery } from "../../services/GraphStore.ts"
import { floats, integer, optionalText, text } from "./Database.ts"
import type { Database, Row } from "./Database.ts"
import { padded } from "./StoreIndex.ts"
import type { StoreViews } from "./StoreViews.ts"

/** Names that are compared with the query: those that have all of it, and those that have pieces of it. */
const candidates = { whole: 200, pieces: 300 }

/** Words of facts that are like one that no fact has. */
const corrections = 4

/** Letters of a word from which on others that are like it are looked for: of shorter ones there are too many. */
const shortest = 4

/** A word that so many facts have finds little, and takes long: it counts only where the query has no rarer one. */
const common = 5_000

/**
 * Entries of the index that pieces may have together, since to look at one takes a microsecond or two; more where those
 * that were looked at have led to no name that is `good`.
 */
const mostEntries = [12_000, 60_000]
const good = 0.5

/** Facts that are compared with the query, for each that is wanted. */
const perFact = 4

/** Words that the beginnings of a query may stand for, all together. */
const beginnings = 50

/**
 * The query's side of the full-text indexes. A slip spoils three of a word's three-letter pieces, and four if two
 * letters change places, so that of any 4k + 1 pieces one is left in a name with k slips (the q-gram lemma: Jokinen and
 * Ukkonen 1991, https://doi.org/10.1007/3-540-54345-7_67); the rarest are asked for. What they find is compared by
 * domain/Search.ts.
 */
export class StoreSearch {
  readonly #sql: ReturnType<typeof statements>
  readonly #views: StoreViews

  constructor(db: Database, views: StoreViews) {
    this.#sql = statements(db)
    this.#views = views
  }

  search(group: number, { limit, text: words, vector }: SearchQuery): Found {
    const near = vector === undefined || !hasDirection(vector) ? [] : this.#nearest(group, vector, limit)
    return {
      entities: this.#entities(group, words, limit),
      facts: this.#facts(group, words, limit),
      chunks: near,
      otherDimensions: vector === undefined || near.length > 0 ? [] : this.#otherDimensions(group, vector.length)
    }
  }

  #entities(group: number, words: string, limit: number): ReadonlyArray<FoundEntity> {
    const query = asked(words)
    if (query === undefined) return []
    const found = new Set<number>()
    const ranked: Array<{ pk: number; row: Row; id: string; score: number; mentions: number }> = []
    const compare = (match: string, count: number): void => {
      for (const candidate of this.#sql.candidates.all(match, group, count)) {
        const pk = integer(candidate, "entity")
        const row = found.has(pk) ? undefined : this.#sql.entity.get(pk)
        found.add(pk)
        if (row === undefined) continue
        const names = this.#sql.namesOf.all(pk).map((name) => text(name, "name"))
        const score = rank(query, [text(row, "key"), ...names])
        if (score > 0) ranked.push({ pk, row, id: text(row, "id"), score, mentions: integer(row, "weight") })
      }
    }
    // Padded, so that it begins a word; without the last space, so that it may go on.
    compare(quoted(padded(query.text).slice(0, -1)), Math.max(candidates.whole, 2 * limit))
    const pieces = query.words
      .flatMap((word) => this.#pieces(word))
      .toSorted((a, b) => a.count - b.count || (a.piece < b.piece ? -1 : 1))
    for (const [pass, entries] of mostEntries.entries()) {
      if (ranked.length >= limit || (pass > 0 && ranked.some(({ score }) => score >= good))) break
      let sum = 0
      const some = pieces.filter(({ count }, index) => (sum += count) <= entries || index === 0)
      if (some.length === 0) break
      compare(some.map(({ piece }) => quoted(piece)).join(" OR "), Math.max(candidates.pieces, 3 * limit))
    }
    return ranked
      .toSorted(byRank)
      .slice(0, limit)
      .map(({ id, pk, row, score }) => ({
        id,
        ...this.#views.entity(pk),
        type: text(row, "type"),
        score
      }))
  }

  /** The rarest pieces of a word, as many as its slips may spoil and one more. */
  #pieces(word: string): ReadonlyArray<{ readonly piece: string; readonly count: number }> {
    const letters = [..."  ", ...word, " "]
    const all = new Set(letters.slice(2).map((_, at) => letters.slice(at, at + 3).join("")))
    return [...all]
      .map((piece) => ({ piece, count: this.#count(this.#sql.piece.get(piece)) }))
      .filter(({ count }) => count > 0)
      .toSorted((a, b) => a.count - b.count || (a.piece < b.piece ? -1 : 1))
      .slice(0, 4 * slips(word) + 1)
  }

  #facts(group: number, words: string, limit: number): ReadonlyArray<FoundFact> {
    const query = asked(words)
    if (query === undefined) return []
    const all = query.words.map((word) => ({ word, count: this.#count(this.#sql.word.get(word)) }))
    const isRare = ({ count }: { readonly count: number }) => count <= common
    const telling = all.some(isRare) ? all.filter(isRare) : all
    const match = telling.flatMap(({ count, word }) => {
      const meant = [...(count > 0 ? [word] : []), ...this.#continuations(word, Math.ceil(beginnings / telling.length))]
      return meant.length > 0 ? meant : this.#corrections(word)
    })
    if (telling.length > 1 && telling.length === all.length) match.push(searchText(words.slice(0, 200)))
    if (match.length === 0) return []
    return this.#sql.facts
      .all(match.map(quoted).join(" OR "), group, Math.max(candidates.whole, perFact * limit))
      .map((row) => ({ row, id: text(row, "id"), score: integer(row, "score") * share(query, text(row, "text")) }))
      .toSorted(byRank)
      .slice(0, limit)
      .map(({ id, row, score }) => ({
        id,
        source: this.#views.nameOf(integer(row, "source")),
        target: this.#views.nameOf(integer(row, "target")),
        type: text(row, "type"),
        ...optionalText(this.#sql.predicate.get(integer(row, "pk")) ?? {}, "predicate", "predicate"),
        text: text(row, "text"),
        ...optionalText(row, "valid_at", "validAt"),
        ...optionalText(row, "invalid_at", "invalidAt"),
        evidence: integer(row, "weight"),
        document: this.#views.documentOf(integer(row, "pk")),
        score
      }))
  }

  /** Words that begin with it. */
  #continuations(word: string, most: number): ReadonlyArray<string> {
    if (word.length < shortest) return []
    return this.#sql.continued.all(word, `${word}\u{10ffff}`, most).map((row) => text(row, "term"))
  }

  /** Words of facts that a word with slips may mean: most slips leave the first two letters as they are, or the first. */
  #corrections(word: string): ReadonlyArray<string> {
    const limit = slips(word)
    if (word.length < shortest) return []
    const near = new Map<string, number>()
    for (const beginning of new Set([word.slice(0, 2), word.slice(0, 1), ""])) {
      const from = beginning.toWellFormed() === beginning ? beginning : ""
      const rows = this.#sql.words.all(from, `${from}\u{10ffff}`, word.length - limit, word.length + limit)
      for (const row of rows) {
        const edits = distance(word, text(row, "term"), limit)
        if (edits <= limit) near.set(text(row, "term"), edits)
      }
      if ([...near.values()].some((edits) => edits === 1)) break
    }
    return [...near]
      .toSorted(([a, x], [b, y]) => x - y || (a < b ? -1 : 1))
      .slice(0, corrections)
      .map(([term]) => term)
  }

  /** All of them are looked at, one after the other, and the best kept: time grows with the group, memory does not. */
  #nearest(group: number, vector: Float32Array, limit: number): ReadonlyArray<FoundChunk> {
    const best: Array<{ readonly chunk: number; readonly score: number; readonly id: string }> = []
    const cosineOf = cosineTo(vector)
    for (const row of this.#sql.embeddings.iterate(group, vector.byteLength)) {
      const score = cosineOf(floats(row, "vector"))
      const last = best[limit - 1]
      if (Number.isNaN(score) || (last !== undefined && score < last.score)) continue
      const chunk = integer(row, "chunk")
      const entry = { chunk, score, id: text(this.#sql.chunkId.get(chunk) ?? {}, "id") }
      const at = best.findIndex((other) => byRank(entry, other) < 0)
      best.splice(at === -1 ? best.length : at, 0, entry)
      if (best.length > limit) best.pop()
    }
    return best.map(({ chunk, id, score }) => {
      const row = this.#sql.chunk.get(chunk) ?? {}
      return {
        id,
        title: text(row, "title"),
        source: typeof row["source"] === "string" ? row["source"] : "",
        start: integer(row, "start"),
        end: integer(row, "end"),
        header: text(row, "header"),
        text: text(row, "text"),
        score
      }
    })
  }

  #otherDimensions(group: number, length: number): ReadonlyArray<number> {
    const lengths = this.#sql.lengths.all(group).map((row) => integer(row, "length"))
    return lengths.includes(length) ? [] : lengths.toSorted((a, b) => a - b)
  }

  #count(row: Row | undefined): number {
    return row === undefined ? 0 : integer(row, "doc")
  }
}

/** As one phrase. What is quoted are letters, digits and spaces alone, whatever was asked: see `searchText`. */
const quoted = (terms: string): string => `"${terms.replaceAll('"', "")}"`

const statements = (db: Database) => ({
  candidates: db.prepare(
    `SELECT n.entity FROM name_search s
     CROSS JOIN entity_name n ON n.pk = s.rowid
     CROSS JOIN entity e ON e.pk = n.entity
     WHERE name_search MATCH ? AND e.grp = ? ORDER BY s.rank LIMIT ?`
  ),
  entity: db.prepare("SELECT id, type, key, weight FROM entity WHERE pk = ?"),
  namesOf: db.prepare("SELECT name FROM entity_name WHERE entity = ? ORDER BY name"),
  piece: db.prepare("SELECT doc FROM name_piece WHERE term = ?"),
  word: db.prepare("SELECT doc FROM fact_word WHERE term = ?"),
  continued: db.prepare("SELECT term FROM fact_word WHERE term > ? AND term < ? LIMIT ?"),
  words: db.prepare("SELECT term FROM fact_word WHERE term >= ? AND term < ? AND length(term) BETWEEN ? AND ?"),
  facts: db.prepare(
    `SELECT f.pk, f.id, f.text, f.valid_at, f.invalid_at, f.weight, r.source, r.target, r.type, -s.rank AS score
     FROM fact_search s
     CROSS JOIN fact f ON f.pk = s.rowid
     CROSS JOIN relation r ON r.pk = f.relation
     WHERE fact_search MATCH ? AND f.grp = ? ORDER BY s.rank LIMIT ?`
  ),
  predicate: db.prepare("SELECT min(predicate) AS predicate FROM support WHERE fact = ?"),
  embeddings: db.prepare(
    `SELECT e.chunk, e.vector FROM document d
     CROSS JOIN chunk c ON c.document = d.pk
     CROSS JOIN embedding e ON e.chunk = c.pk
     WHERE d.grp = ? AND length(e.vector) = ?`
  ),
  lengths: db.prepare(
    `SELECT DISTINCT length(e.vector) / 4 AS length FROM document d
     CROSS JOIN chunk c ON c.document = d.pk
     CROSS JOIN embedding e ON e.chunk = c.pk
     WHERE d.grp = ?`
  ),
  chunkId: db.prepare("SELECT id FROM chunk WHERE pk = ?"),
  chunk: db.prepare(
    `SELECT d.title, c.start, c."end", c.header, c.text,
       (SELECT uri FROM source WHERE document = d.pk ORDER BY uri LIMIT 1) AS source
     FROM chunk c JOIN document d ON d.pk = c.document WHERE c.pk = ?`
  )
})
