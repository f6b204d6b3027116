import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Option } from "effect"
import { Group, RunId } from "../../src/domain/Ids.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import * as Forget from "../../src/services/Forget.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import * as Run from "../../src/services/Run.ts"
import { StorageError } from "../../src/services/StorageError.ts"
import { documentWrite } from "../fixtures/graphs.ts"

const group = Group.make("default")
const memory = Layer.mergeAll(
  SqliteStore.layer({ file: ":memory:" }),
  SqliteJournal.layer({ file: ":memory:" }),
  Run.layer(group)
)

const brokenOff = new StorageError({ storage: "store", reason: "unavailable", retryable: true, message: "It is away." })

/** A store that takes so many commits and no more. */
const failingAfter = (store: GraphStore["Service"], commits: number): GraphStore["Service"] => {
  let left = commits
  return {
    ...store,
    commit: (...args) => Effect.suspend(() => (left-- > 0 ? store.commit(...args) : Effect.fail(brokenOff)))
  }
}

describe("forget", () => {
  it.effect("that breaks off between two commits still finds all that it names, and goes on", () =>
    Effect.gen(function* () {
      const store = yield* GraphStore
      const many = Array.from({ length: 2500 }, (_, index) => `a/${index}`)
      const outline = (bytes: string) => ({ bytes, chunks: [{ names: ["Ada Byron"] }] })
      yield* store.commit(group, RunId.make("run"), [
        documentWrite(group, many, outline("many")),
        documentWrite(group, ["b"], outline("single")),
        documentWrite(group, ["c", "d"], outline("copies"))
      ])
      const names = ["a", "a/7", "b", "c"]
      const find = Effect.forEach(names, (name) => Forget.find(name, [name]))
      for (const commits of [0, 1]) {
        const found = (yield* find).flatMap(Option.toArray)
        assert.strictEqual(found.length, names.length)
        const error = yield* Effect.flip(
          Forget.forget(found).pipe(Effect.provideService(GraphStore, failingAfter(store, commits)))
        )
        assert.strictEqual(error.reason, "unavailable")
      }
      assert.strictEqual((yield* store.counts(group)).documents, 3)
      const forgotten = yield* Forget.forget((yield* find).flatMap(Option.toArray))
      assert.deepInclude(forgotten, { documents: 2, sources: 502 })
      assert.isTrue((yield* find).every(Option.isNone))
    }).pipe(Effect.provide(memory))
  )

  it.effect("takes out no more in one commit than a server does in time, however large the documents are", () =>
    Effect.gen(function* () {
      const store = yield* GraphStore
      const outlineOf = (document: number) => ({
        bytes: `${document}`,
        chunks: Array.from({ length: 900 }, (_, chunk) => ({ names: [`Person ${document} ${chunk}`] }))
      })
      for (let document = 0; document < 6; document++) {
        yield* store.commit(group, RunId.make("run"), [documentWrite(group, [`a/${document}`], outlineOf(document))])
      }
      const removed: Array<number> = []
      const counting: GraphStore["Service"] = {
        ...store,
        commit: (of, run, writes) =>
          Effect.gen(function* () {
            const before = yield* store.counts(of)
            yield* store.commit(of, run, writes)
            removed.push(before.chunks - (yield* store.counts(of)).chunks)
          })
      }
      const found = Option.toArray(yield* Forget.find("a", ["a"]))
      const forgotten = yield* Forget.forget(found).pipe(Effect.provideService(GraphStore, counting))
      assert.deepInclude(forgotten, { documents: 6, sources: 6, chunks: 5400 })
      assert.deepStrictEqual(removed, [1800, 900, 1800, 900])
    }).pipe(Effect.provide(memory))
  )
})
