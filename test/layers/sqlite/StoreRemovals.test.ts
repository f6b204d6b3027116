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
          .flatMap((suffix) => readFileSync(file + suffix, "latin1").match(/Secret\w*/g) ?? [])
      yield* inFile(file, (store) =>
        Effect.gen(function* () {
          const names = Array.from({ length: 60 }, (_, i) => `${i % 4 === 1 ? "Secret" : "Plain"}${i}`)
          for (const [index, name] of names.entries()) {
            yield* store.commit(group, run, [documentWrite(group, [`${name}.md`], outline(name, index))])
          }
          assert.isAbove(found().length, 100)
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

  it.effect("is found in a store of an older version too", () =>
    Effect.gen(function* () {
      const file = join(yield* temporaryDirectory(), "store.db")
      const [one, other] = [outline("One", 5), outline("Other", 3)]
      yield* inFile(file, (store) =>
        store.commit(group, run, [documentWrite(group, ["one"], one), documentWrite(group, ["other"], other)])
      )
      const db = new DatabaseSync(file)
      db.exec(`DROP INDEX chunk_by_text; ALTER TABLE chunk DROP COLUMN text_key;
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
        })
      )
    })
  )
})

const documentOf = (name: string) => {
  const write = documentWrite(group, [], { bytes: name, chunks: [] })
  return write._tag === "document" ? write.resolved.document.id : assert.fail("no document")
}
