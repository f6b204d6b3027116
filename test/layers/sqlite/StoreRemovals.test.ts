import { existsSync, readFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { Group, RunId } from "../../../src/domain/Ids.ts"
import * as SqliteStore from "../../../src/layers/SqliteStore.ts"
import { GraphStore } from "../../../src/services/GraphStore.ts"
import { documentWrite } from "../../fixtures/graphs.ts"
import type { DocumentOutline } from "../../fixtures/graphs.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

const group = Group.make("g")
const run = RunId.make("run")

const inFile = <A, E>(file: string, use: (store: GraphStore["Service"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(GraphStore, use).pipe(Effect.provide(SqliteStore.layer({ file })))

/** Chunks of all lengths, which fill pages in part, whole, and with others to overflow. */
const outline = (name: string, seed: number): DocumentOutline => ({
  bytes: name,
  chunks: Array.from({ length: 1 + (seed % 3) }, (_, chunk) => ({
    names: Array.from({ length: 1 + ((seed * 7 + chunk * 31) % 90) }, (_, index) => `${name}X${index}`),
    said: [{ source: `${name}X0`, type: "KNOWS", target: `${name}X0` }]
  }))
})

describe("what is taken out of a store's file", () => {
  it.effect("is not in its bytes after a purge, while the store is open", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "store.db")
      const found = () =>
        ["", "-wal"]
          .filter((suffix) => existsSync(file + suffix))
          // In small letters it is what the full-text indexes have of it.
          .flatMap((suffix) => readFileSync(file + suffix, "latin1").match(/secret\w*/gi) ?? [])
      const isIndexed = () => found().some((word) => /^secret\d/.test(word))
      yield* inFile(file, (store) =>
        Effect.gen(function* () {
          const names = Array.from({ length: 60 }, (_, i) => `${i % 4 === 1 ? "Secret" : "Plain"}${i}`)
          for (const [index, name] of names.entries()) {
            yield* store.commit(group, run, [documentWrite(group, [`${name}.md`], outline(name, index))])
          }
          assert.isAbove(found().length, 100)
          assert.isTrue(isIndexed())
          const secret = names.filter((name) => name.startsWith("Secret"))
          // An edit, a removal, and documents that are forgotten.
          yield* store.commit(group, run, [documentWrite(group, ["Secret1.md"], outline("Plain1", 1))])
          yield* store.commit(group, run, [{ _tag: "source", source: "plain.md", document: documentOf("Plain1") }])
          yield* store.commit(
            group,
            run,
            secret.map((name) => ({ _tag: "removed", source: `${name}.md` }) as const)
          )
          const hash = yield* store.hash(group)
          yield* store.purge
          assert.deepStrictEqual(found(), [])
          assert.strictEqual(yield* store.hash(group), hash)
        })
      )
      assert.deepStrictEqual(found(), [])
    })
  )

  it.effect("leaves nothing in the full-text indexes, before any purge", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "store.db")
      yield* inFile(file, (store) =>
        Effect.gen(function* () {
          const secret: DocumentOutline = {
            bytes: "s",
            chunks: [
              {
                names: ["Ada Moreno", "Quentin Qwyzz"],
                said: [{ source: "Ada Moreno", type: "KNOWS", target: "Quentin Qwyzz", text: "They hid a xylophone." }]
              }
            ]
          }
          yield* store.commit(group, run, [documentWrite(group, ["plain"], outline("Plain", 5))])
          yield* store.commit(group, run, [documentWrite(group, ["s"], secret)])
          yield* store.commit(group, run, [{ _tag: "removed", source: "s" }])
        })
      )
      const db = new DatabaseSync(file)
      const words = ["name_piece", "fact_word"].flatMap((table) => db.prepare(`SELECT term FROM ${table}`).all())
      const names = db.prepare("SELECT name FROM entity_name").all()
      const kept = JSON.stringify([words, names])
      assert.include(kept, "plainx0")
      assert.notMatch(kept, /xylophone|qwy|hid/i)
      db.exec("INSERT INTO name_search (name_search) VALUES ('integrity-check')")
      db.exec("INSERT INTO fact_search (fact_search) VALUES ('integrity-check')")
      db.close()
    })
  )

  it.effect("is found in a store of an older version too", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "store.db")
      const [one, other] = [outline("One", 5), outline("Other", 3)]
      yield* inFile(file, (store) =>
        store.commit(group, run, [documentWrite(group, ["one"], one), documentWrite(group, ["other"], other)])
      )
      const db = new DatabaseSync(file)
      db.exec(`DROP TABLE name_piece; DROP TABLE fact_word; DROP TABLE name_search; DROP TABLE fact_search;
        DROP TABLE entity_name; DROP INDEX chunk_by_text; ALTER TABLE chunk DROP COLUMN text_key;
        ALTER TABLE grp DROP COLUMN unpurged; PRAGMA user_version = 2`)
      db.close()
      yield* inFile(file, (store) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [
            documentWrite(group, ["copy"], { ...one, bytes: "a copy with other bytes" })
          ])
          const told = yield* store.removal(group, [
            { _tag: "removed", source: "one" },
            { _tag: "removed", source: "other" }
          ])
          assert.strictEqual(told.chunks.length, other.chunks.length)
          const { entities, facts } = yield* store.search(group, { text: "OtherX0", limit: 1 })
          assert.deepStrictEqual([entities[0]?.name, facts[0]?.text], ["OtherX0", "OtherX0 KNOWS OtherX0"])
          yield* store.commit(group, run, [{ _tag: "removed", source: "other" }])
          const left = yield* store.search(group, { text: "OtherX0", limit: 1 })
          assert.deepStrictEqual([left.entities, left.facts], [[], []])
        })
      )
    })
  )
})

const documentOf = (name: string) => {
  const write = documentWrite(group, [], { bytes: name, chunks: [] })
  return write._tag === "document" ? write.resolved.document.id : assert.fail("no document")
}
