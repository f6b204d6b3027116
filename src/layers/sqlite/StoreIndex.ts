import { searchText } from "../../domain/Search.ts"
import { integer, text } from "./Database.ts"
import type { Database, Row } from "./Database.ts"

/**
 * Names as three-letter pieces: every word begins with two spaces and is followed by one, so that a beginning of one letter
 * is a piece too.
 */
export const padded = (words: string): string => (words === "" ? "" : `${`  ${words.replaceAll(" ", "  ")}`} `)

/** What of a name is indexed. */
export const nameTerms = (name: string): string => padded(searchText(name))

const ascii = /^[\t\n\r -~]*$/

/** What of a fact's text is indexed. Of plain English the index makes the same words by itself, and there is much of it. */
export const factTerms = (words: string): string => (ascii.test(words) ? words : searchText(words))

/**
 * The full-text indexes, which hold terms and no texts: whoever takes something out says what it was, and nothing of it
 * is left. Every method runs within a transaction of its caller, the one that changes what is indexed.
 */
export class StoreIndex {
  readonly #sql: ReturnType<typeof statements>

  constructor(db: Database) {
    this.#sql = statements(db)
  }

  /** An entity is called so; nothing happens where that is known. */
  addName(entity: number, name: string): void {
    const added = this.#sql.addName.get(entity, name)
    if (added === undefined) return
    const terms = nameTerms(name)
    if (terms !== "") this.#sql.indexName.run(integer(added, "pk"), terms)
  }

  /** A fact that was not there. */
  addFact(fact: number, words: string): void {
    this.#sql.indexFact.run(fact, factTerms(words))
  }

  /** Nothing calls the entity so any more, unless evidence does. */
  sweepName(entity: number, name: string): void {
    const dropped = this.#sql.dropName.get(entity, name)
    if (dropped !== undefined) this.#unindexName(dropped)
  }

  dropFact(fact: number, words: string): void {
    this.#sql.unindexFact.run(fact, factTerms(words))
  }

  /** Before the rows of a group go. A group that is most of all is quicker left out of a new index. */
  dropGroup(group: number): void {
    const { others, own } = this.#sql.share.get(group) ?? {}
    if (typeof own === "number" && typeof others === "number" && own > others) {
      this.#sql.dropNames.run(group)
      this.#refill(group)
      return
    }
    for (const row of this.#sql.namesOf.all(group)) this.#unindexName(row)
    for (const row of this.#sql.factsOf.all(group)) this.dropFact(integer(row, "pk"), text(row, "text"))
    this.#sql.dropNames.run(group)
  }

  /** Makes both anew, so that no page keeps what a term once was. */
  rebuild(): void {
    this.#refill(0)
  }

  #refill(without: number): void {
    for (const empty of this.#sql.empty) empty.run()
    this.#sql.refillNames.run()
    this.#sql.refillFacts.run(without)
  }

  #unindexName(row: Row): void {
    const terms = nameTerms(text(row, "name"))
    if (terms !== "") this.#sql.unindexName.run(integer(row, "pk"), terms)
  }
}

const statements = (db: Database) => ({
  addName: db.prepare("INSERT OR IGNORE INTO entity_name (entity, name) VALUES (?, ?) RETURNING pk"),
  indexName: db.prepare("INSERT INTO name_search (rowid, text) VALUES (?, ?)"),
  dropName: db.prepare(
    `DELETE FROM entity_name WHERE entity = ?1 AND name = ?2
         AND NOT EXISTS (SELECT 1 FROM name WHERE entity = ?1 AND own IN (0, 1) AND name = ?2)
       RETURNING pk, name`
  ),
  unindexName: db.prepare("INSERT INTO name_search (name_search, rowid, text) VALUES ('delete', ?, ?)"),
  indexFact: db.prepare("INSERT INTO fact_search (rowid, text) VALUES (?, ?)"),
  unindexFact: db.prepare("INSERT INTO fact_search (fact_search, rowid, text) VALUES ('delete', ?, ?)"),
  share: db.prepare(
    "SELECT count(*) FILTER (WHERE grp = ?1) AS own, count(*) FILTER (WHERE grp <> ?1) AS others FROM fact"
  ),
  namesOf: db.prepare("SELECT n.pk, n.name FROM entity e JOIN entity_name n ON n.entity = e.pk WHERE e.grp = ?"),
  factsOf: db.prepare("SELECT pk, text FROM fact WHERE grp = ?"),
  dropNames: db.prepare("DELETE FROM entity_name WHERE entity IN (SELECT pk FROM entity WHERE grp = ?)"),
  empty: ["name_search", "fact_search"].map((table) =>
    db.prepare(`INSERT INTO ${table} (${table}) VALUES ('delete-all')`)
  ),
  refillNames: db.prepare(
    "INSERT INTO name_search (rowid, text) SELECT pk, name_terms(name) FROM entity_name WHERE name_terms(name) <> ''"
  ),
  refillFacts: db.prepare("INSERT INTO fact_search (rowid, text) SELECT pk, fact_terms(text) FROM fact WHERE grp <> ?")
})
