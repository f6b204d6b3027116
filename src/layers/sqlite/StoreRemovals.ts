import type { RemovalWrite } from "../../services/GraphStore.ts"
import { integer, text } from "./Database.ts"
import type { Database } from "./Database.ts"
import { StoreIndex } from "./StoreIndex.ts"
import { textKey } from "./StoreSchema.ts"

/** A `Removal` whose chunks have no keys yet: to make them would load more into the thread than all of this. */
export interface StoreRemoval {
  readonly sources: number
  readonly chunks: ReadonlyArray<{ readonly header: string; readonly text: string }>
}

/** What goes: which chunks nobody else has, and groups as a whole. */
export class StoreRemovals {
  readonly #db: Database
  readonly #sql: ReturnType<typeof statements>
  readonly #index: StoreIndex

  constructor(db: Database) {
    this.#db = db
    this.#index = new StoreIndex(db)
    this.#sql = statements(db)
  }

  removal(group: number, writes: ReadonlyArray<RemovalWrite>): StoreRemoval {
    const named = new Set<string>()
    const documents = new Set<number>()
    const forgotten = new Set<number>()
    for (const write of writes) {
      const row =
        write._tag === "removed"
          ? this.#sql.source.get(group, write.source)
          : this.#sql.document.get(group, write.document)
      if (
        write._tag === "removed" &&
        (row !== undefined || this.#sql.anyLetter.get(group, write.source) !== undefined)
      ) {
        named.add(write.source)
      }
      if (row === undefined) continue
      const pk = integer(row, "document")
      documents.add(pk)
      if (write._tag === "forgotten") forgotten.add(pk)
    }
    const going = new Set<number>()
    for (const document of documents) {
      const sources = this.#sql.sourcesOf.all(document).map((row) => text(row, "uri"))
      if (forgotten.has(document)) for (const source of sources) named.add(source)
      if (sources.every((source) => named.has(source))) going.add(document)
    }
    const chunks = new Map<string, StoreRemoval["chunks"][number]>()
    for (const document of going) {
      for (const row of this.#sql.chunksOf.iterate(document)) {
        const [header, content] = [text(row, "header"), text(row, "text")]
        const key = `${header.length} ${header}${content}`
        if (!chunks.has(key) && this.#isSole(group, header, content, going)) chunks.set(key, { header, text: content })
      }
    }
    return { sources: named.size, chunks: [...chunks.values()] }
  }

  /** Everything of the group, its runs too. */
  forgetGroup(group: number): void {
    this.#index.dropGroup(group)
    for (const drop of this.#sql.dropGroup) drop.run(group)
  }

  /**
   * A row that is deleted leaves its bytes in the file, and, whatever `secure_delete` says, copies of it where pages were
   * rebuilt; so the file is written anew. That takes as much room again while it lasts, and nobody else may have it open.
   */
  purge(): boolean {
    if (this.#sql.unpurged.get() === undefined) return false
    this.#db.write(() => this.#index.rebuild())
    this.#db.rewrite()
    this.#db.write(() => {
      this.#sql.dropForgottenGroups.run()
      this.#sql.purged.run()
    })
    this.#db.emptyLog()
    return true
  }

  #isSole(group: number, header: string, content: string, going: ReadonlySet<number>): boolean {
    for (const row of this.#sql.same.iterate(textKey(content), group, header, content)) {
      if (!going.has(integer(row, "document"))) return false
    }
    return true
  }
}

const documents = "SELECT pk FROM document WHERE grp = ?1"
const chunks = `SELECT pk FROM chunk WHERE document IN (${documents})`

const statements = (db: Database) => ({
  source: db.prepare("SELECT document FROM source WHERE grp = ? AND uri = ?"),
  document: db.prepare("SELECT pk AS document FROM document WHERE grp = ? AND id = ?"),
  anyLetter: db.prepare("SELECT 1 FROM dead_letter WHERE grp = ? AND source = ?"),
  sourcesOf: db.prepare("SELECT uri FROM source WHERE document = ?"),
  chunksOf: db.prepare("SELECT header, text FROM chunk WHERE document = ?"),
  same: db.prepare(
    `SELECT c.document FROM chunk c CROSS JOIN document d ON d.pk = c.document
     WHERE c.text_key = ?1 AND d.grp = ?2 AND c.header = ?3 AND c.text = ?4`
  ),
  unpurged: db.prepare("SELECT 1 FROM grp WHERE unpurged = 1"),
  dropForgottenGroups: db.prepare("DELETE FROM grp WHERE name = ' ' || pk"),
  purged: db.prepare("UPDATE grp SET unpurged = 0 WHERE unpurged = 1"),
  dropGroup: [
    ...["name", "mention", "support", "embedding"].map((table) =>
      db.prepare(`DELETE FROM ${table} WHERE chunk IN (${chunks})`)
    ),
    db.prepare(`DELETE FROM chunk WHERE document IN (${documents})`),
    ...["fact", "relation", "entity", "decision", "dead_letter", "source", "document", "run"].map((table) =>
      db.prepare(`DELETE FROM ${table} WHERE grp = ?1`)
    ),
    // No group has a name with a space in it. What is left of this one is the mark for `purge`.
    db.prepare("UPDATE grp SET name = ' ' || pk, hash = NULL, unpurged = 1 WHERE pk = ?1")
  ]
})
