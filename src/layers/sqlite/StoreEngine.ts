import type { GraphRecord } from "../../domain/Canonical.ts"
import type { DocumentState, GraphCounts } from "../../domain/Graph.ts"
import type { DocumentId, Group, Recipe, RunId } from "../../domain/Ids.ts"
import type { ExportRow, Found, Overview, RemovalWrite, SearchQuery } from "../../services/GraphStore.ts"
import type { KnownSource, RunEntry } from "../../services/Ledger.ts"
import { Database, integer, orNull, text } from "./Database.ts"
import type { Row } from "./Database.ts"
import { isBusy } from "./Fault.ts"
import type { OpenOptions } from "./Opening.ts"
import type { Cursor, Page } from "./Page.ts"
import { StoreDocuments } from "./StoreDocuments.ts"
import type { StoreDocument } from "./StoreDocuments.ts"
import { StoreRecords } from "./StoreRecords.ts"
import { StoreRemovals } from "./StoreRemovals.ts"
import type { StoreRemoval } from "./StoreRemovals.ts"
import { StoreSearch } from "./StoreSearch.ts"
import { storeSchema } from "./StoreSchema.ts"
import { StoreViews } from "./StoreViews.ts"
import { StoreWriter } from "./StoreWriter.ts"
import type { StoreWrite } from "./StoreWrite.ts"

export type StoredRun = Omit<RunEntry, "report" | "recipe"> & {
  /** JSON. */
  readonly report?: string
  readonly recipe?: string
}

/**
 * Graph and ledger in one SQLite file, synchronously. Its methods are what `Thread` calls; arguments and results can
 * all be cloned.
 */
export class StoreEngine {
  readonly #db: Database
  readonly #isReadOnly: boolean
  readonly #sql: ReturnType<typeof statements>
  readonly #writer: StoreWriter
  readonly #removals: StoreRemovals
  readonly #records: StoreRecords
  readonly #views: StoreViews
  readonly #search: StoreSearch
  readonly #documents: StoreDocuments

  constructor(options: OpenOptions) {
    this.#db = new Database(options, storeSchema)
    this.#isReadOnly = options.readOnly
    this.#sql = statements(this.#db)
    this.#writer = new StoreWriter(this.#db)
    this.#removals = new StoreRemovals(this.#db)
    this.#records = new StoreRecords(this.#db)
    this.#views = new StoreViews(this.#db)
    this.#search = new StoreSearch(this.#db, this.#views)
    this.#documents = new StoreDocuments(this.#db)
  }

  commit(group: Group, run: RunId, writes: ReadonlyArray<StoreWrite>): void {
    if (writes.length > 0) this.#db.write(() => this.#writer.commit(group, run, writes))
  }

  removal(group: Group, writes: ReadonlyArray<RemovalWrite>): StoreRemoval {
    const pk = this.#group(group)
    return this.#db.read(() => this.#removals.removal(pk, writes))
  }

  forgetGroup(group: Group): void {
    const pk = this.#group(group)
    if (pk !== none) this.#db.write(() => this.#removals.forgetGroup(pk))
  }

  purge(): boolean {
    return this.#removals.purge()
  }

  /** What is wrong with the file, each in a few words. */
  check(): ReadonlyArray<string> {
    return this.#db.damage()
  }

  counts(group: Group): GraphCounts {
    const pk = this.#group(group)
    return this.#db.read(() => {
      const row = this.#sql.counts.get({ group: pk }) ?? {}
      return {
        group,
        documents: integer(row, "documents"),
        chunks: integer(row, "chunks"),
        entities: integer(row, "entities"),
        relations: integer(row, "relations"),
        mentions: integer(row, "mentions")
      }
    })
  }

  hash(group: Group): string {
    const { generation, hash, pk } = this.#db.read(() => {
      const row = this.#sql.group.get(group)
      const pk = row === undefined ? none : integer(row, "pk")
      const known = row?.["hash"]
      const isKnown = typeof known === "string" && row?.["generation"] === row?.["hash_generation"]
      return {
        pk,
        generation: isKnown || row === undefined ? undefined : integer(row, "generation"),
        hash: isKnown ? known : this.#records.hash(pk)
      }
    })
    if (generation !== undefined && !this.#isReadOnly) {
      try {
        this.#sql.keepHash.run(hash, pk, generation)
      } catch (error) {
        // Only a cache: whoever holds the lock is more important.
        if (!isBusy(error)) throw error
      }
    }
    return hash
  }

  records(group: Group, cursor: Cursor): Page<GraphRecord> {
    const pk = this.#group(group)
    return this.#db.read(() => this.#records.page(pk, cursor))
  }

  exportRows(group: Group, cursor: Cursor, kinds?: ReadonlyArray<ExportRow["kind"]>): Page<ExportRow> {
    const pk = this.#group(group)
    return this.#db.read(() => this.#views.page(pk, cursor, kinds))
  }

  groups(): ReadonlyArray<Group> {
    return this.#sql.groups.all().map((row) => text<Group>(row, "name"))
  }

  stored(group: Group, cursor: Cursor): Page<StoreDocument> {
    const pk = this.#group(group)
    return this.#db.read(() => this.#documents.page(pk, cursor))
  }

  overview(group: Group, limits: { readonly entities: number; readonly facts: number }): Overview {
    const pk = this.#group(group)
    return this.#db.read(() => this.#views.overview(pk, limits))
  }

  search(group: Group, query: SearchQuery): Found {
    const pk = this.#group(group)
    return this.#db.read(() => this.#search.search(pk, query))
  }

  putRun(run: StoredRun): void {
    this.#db.write(() => {
      const group = this.#writer.group(run.group)
      this.#sql.putRun.run(
        group,
        run.id,
        run.startedAt,
        orNull(run.finishedAt),
        run.status,
        orNull(run.report),
        orNull(run.root),
        orNull(run.recipe)
      )
    })
  }

  runs(group: Group, limit = all): ReadonlyArray<StoredRun> {
    return this.#sql.runs.all(this.#group(group), limit).map((row) => {
      const { finished_at: finishedAt, recipe, report, root } = row
      return {
        id: text<RunId>(row, "id"),
        group,
        startedAt: integer(row, "started_at"),
        ...(typeof finishedAt === "number" ? { finishedAt } : {}),
        status: text<RunEntry["status"]>(row, "status"),
        ...(typeof root === "string" ? { root: text<RunId>(row, "root") } : {}),
        ...(typeof recipe === "string" ? { recipe } : {}),
        ...(typeof report === "string" ? { report } : {})
      }
    })
  }

  documents(group: Group, asked: ReadonlyArray<{ readonly id: string; readonly source: string }>) {
    return asked.map(({ id, source }) => this.#known(group, id, source))
  }

  #known(group: Group, id: string, source: string) {
    const row: Row | undefined = this.#sql.document.get(source, this.#group(group), id)
    if (row === undefined) return undefined
    return {
      recipe: text<Recipe>(row, "recipe"),
      state: text<DocumentState>(row, "state"),
      run: text<RunId>(row, "run"),
      isPointedAt: integer(row, "is_pointed_at") === 1,
      hasLetter: integer(row, "has_letter") === 1
    }
  }

  outdated(group: Group, recipe: Recipe): { readonly documents: number; readonly chunks: number } {
    const row = this.#sql.outdated.get(this.#group(group), recipe) ?? {}
    return { documents: integer(row, "documents"), chunks: integer(row, "chunks") }
  }

  hasLetters(group: Group, sources: ReadonlyArray<string>): ReadonlyArray<boolean> {
    const pk = this.#group(group)
    return sources.map((source) => this.#sql.ownLetter.get(pk, source) !== undefined)
  }

  hasMembers(group: Group, sources: ReadonlyArray<string>): ReadonlyArray<boolean> {
    const pk = this.#group(group)
    return sources.map((source) => this.#sql.anyMember.get(pk, source) !== undefined)
  }

  sources(group: Group, prefix: string, cursor: Cursor): Page<KnownSource> {
    // Right behind the last one comes what it would be with the least character after it.
    const from = cursor.id === "" ? prefix : `${cursor.id}\u0000`
    const rows = this.#sql.sources.all(this.#group(group), from, prefix, sourcesPage).map((row): KnownSource => {
      const source = text(row, "uri")
      return row["document"] === null ? { source } : { source, document: text<DocumentId>(row, "document") }
    })
    const last = rows.at(-1)
    return rows.length < sourcesPage || last === undefined ? { rows } : { rows, next: { ...cursor, id: last.source } }
  }

  /** As JSON. */
  deadLetters(group: Group): ReadonlyArray<string> {
    return this.#sql.deadLetters.all(this.#group(group)).map((row) => text(row, "letter"))
  }

  close(): void {
    this.#db.close()
  }

  #group(name: string): number {
    const row = this.#sql.group.get(name)
    return row === undefined ? none : integer(row, "pk")
  }
}

const sourcesPage = 1000

/** A `LIMIT` that is none. */
const all = -1

/** Of a group that nothing was written to. */
const none = 0

const statements = (db: Database) => ({
  group: db.prepare("SELECT pk, generation, hash, hash_generation FROM grp WHERE name = ?"),
  // One that was forgotten has a space in its name until it is purged, and nothing besides.
  groups: db.prepare(
    `SELECT name FROM grp g WHERE EXISTS (SELECT 1 FROM document WHERE grp = g.pk)
       OR EXISTS (SELECT 1 FROM source WHERE grp = g.pk) OR EXISTS (SELECT 1 FROM run WHERE grp = g.pk)
       OR EXISTS (SELECT 1 FROM dead_letter WHERE grp = g.pk)`
  ),
  keepHash: db.prepare("UPDATE grp SET hash = ?1, hash_generation = ?3 WHERE pk = ?2 AND generation = ?3"),
  counts: db.prepare(
    `SELECT
       (SELECT count(*) FROM document WHERE grp = :group) AS documents,
       (SELECT count(*) FROM document d CROSS JOIN chunk c ON c.document = d.pk WHERE d.grp = :group) AS chunks,
       (SELECT count(*) FROM entity WHERE grp = :group) AS entities,
       (SELECT count(*) FROM relation WHERE grp = :group) AS relations,
       (SELECT count(*) FROM document d CROSS JOIN chunk c ON c.document = d.pk
          CROSS JOIN mention m ON m.chunk = c.pk WHERE d.grp = :group) AS mentions`
  ),
  putRun: db.prepare(
    `INSERT INTO run (grp, id, started_at, finished_at, status, report, root, recipe) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (grp, id) DO UPDATE SET started_at = excluded.started_at, finished_at = excluded.finished_at,
       status = excluded.status, report = excluded.report, root = excluded.root, recipe = excluded.recipe`
  ),
  runs: db.prepare(
    `SELECT id, started_at, finished_at, status, report, root, recipe FROM run
     WHERE grp = ? ORDER BY started_at DESC, pk DESC LIMIT ?`
  ),
  document: db.prepare(
    `SELECT d.recipe, d.state, d.run,
       EXISTS (SELECT 1 FROM source WHERE grp = d.grp AND uri = ?1 AND document = d.pk) AS is_pointed_at,
       EXISTS (SELECT 1 FROM dead_letter WHERE grp = d.grp AND source = ?1 AND ordinal = -1) AS has_letter
     FROM document d WHERE d.grp = ?2 AND d.id = ?3`
  ),
  // A byte that no text has ends the range: every text that begins with the prefix is less.
  sources: db.prepare(
    `SELECT uri, (SELECT id FROM document WHERE pk = document) AS document FROM (
       SELECT uri, document FROM source WHERE grp = ?1 AND uri >= ?2 AND uri < ?3 || CAST(x'ff' AS TEXT)
       UNION ALL
       SELECT DISTINCT source, NULL FROM dead_letter l
         WHERE grp = ?1 AND source >= ?2 AND source < ?3 || CAST(x'ff' AS TEXT)
         AND NOT EXISTS (SELECT 1 FROM source WHERE grp = ?1 AND uri = l.source)
       ORDER BY uri
     ) LIMIT ?4`
  ),
  // `$` follows `#`; a letter of what lies in a source as a whole is named `SOURCE#`.
  anyMember: db.prepare(
    `SELECT 1 FROM source WHERE grp = ?1 AND uri >= ?2 || '#' AND uri < ?2 || '$'
     UNION ALL SELECT 1 FROM dead_letter WHERE grp = ?1 AND source > ?2 || '#' AND source < ?2 || '$' LIMIT 1`
  ),
  outdated: db.prepare(
    `SELECT count(DISTINCT d.pk) AS documents, count(c.pk) AS chunks
     FROM document d LEFT JOIN chunk c ON c.document = d.pk WHERE d.grp = ? AND d.recipe <> ?`
  ),
  ownLetter: db.prepare("SELECT 1 FROM dead_letter WHERE grp = ? AND source = ? AND ordinal = -1"),
  deadLetters: db.prepare("SELECT letter FROM dead_letter WHERE grp = ? ORDER BY source, ordinal")
})
