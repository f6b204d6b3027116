import { assert, layer as describeWith } from "@effect/vitest"
import { Effect, Schema, Stream } from "effect"
import type { Layer } from "effect"
import { DeadLetter } from "../../src/domain/DeadLetter.ts"
import type { ResolvedDocument } from "../../src/domain/Graph.ts"
import { graphHash } from "../../src/domain/Canonical.ts"
import { chunkKey, documentId, RunId } from "../../src/domain/Ids.ts"
import type { Group } from "../../src/domain/Ids.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import type { RemovalWrite } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import type { StorageError } from "../../src/services/StorageError.ts"
import { documentWrite, randomOutline, recordsOf, resolvedDocument } from "../fixtures/graphs.ts"
import type { DocumentOutline } from "../fixtures/graphs.ts"
import { makeRandom } from "../support/random.ts"
import { freshGroup } from "./GraphStore.ts"

const run = RunId.make("run-1")
const idOf = (group: Group, bytes: string) => documentId(group, new TextEncoder().encode(bytes))
const keysOf = (group: Group, outline: DocumentOutline) =>
  resolvedDocument(group, outline).chunks.map(({ header, text }) => chunkKey(group, header, text))
const unreadable = (source: string) =>
  new DeadLetter({ stage: "load", cause: "unreadable", message: "It is not there.", source, attempts: 1 })
const removed = (source: string): RemovalWrite => ({ _tag: "removed", source })

/** Its first chunk is also the second document's. */
const first: DocumentOutline = {
  bytes: "first",
  chunks: [{ names: ["Ada Byron"] }, { names: ["Zoë"] }, { names: ["Mary"], isDead: true }]
}
const second: DocumentOutline = { bytes: "second", chunks: [{ names: ["Ada Byron"] }] }

/**
 * What any store must do when something is to go for good. `server`: one whose files are out of reach, and where a commit
 * crosses a network, so that there are fewer of them.
 */
export const suite = (
  name: string,
  layer: Layer.Layer<GraphStore | Ledger, StorageError>,
  options: { readonly server?: boolean } = {}
): void => {
  const { runs, sources } = options.server === true ? { runs: 3, sources: 25 } : { runs: 30, sources: 2500 }
  const inStore = <A, E>(
    use: (store: GraphStore["Service"], ledger: Ledger["Service"], group: Group) => Effect.Effect<A, E>
  ) =>
    Effect.gen(function* () {
      return yield* use(yield* GraphStore, yield* Ledger, freshGroup())
    })

  describeWith(layer, { timeout: "60 seconds" })(`Removal: ${name}`, (it) => {
    it.effect("tells the chunks that only what goes has, and the sources, without taking anything out", () =>
      inStore((store, _, group) =>
        Effect.gen(function* () {
          const other = freshGroup()
          yield* store.commit(group, run, [
            documentWrite(group, ["a", "copy of a"], first),
            documentWrite(group, ["b"], second),
            { _tag: "dead-letter", letter: unreadable("lost") }
          ])
          yield* store.commit(other, run, [documentWrite(other, ["a"], first)])
          const hash = yield* store.hash(group)
          const [shared, ...own] = keysOf(group, first)
          const asked = (...writes: ReadonlyArray<RemovalWrite>) =>
            Effect.map(store.removal(group, writes), ({ chunks, sources }) => [sources, chunks.toSorted()])
          assert.deepStrictEqual(yield* asked(removed("a")), [1, []])
          assert.deepStrictEqual(yield* asked(removed("a"), removed("copy of a")), [2, own.toSorted()])
          assert.deepStrictEqual(yield* asked({ _tag: "forgotten", document: idOf(group, "first") }), [
            2,
            own.toSorted()
          ])
          const all = [removed("a"), removed("copy of a"), removed("b"), removed("lost"), removed("never there")]
          assert.deepStrictEqual(yield* asked(...all), [4, [shared, ...own].toSorted()])
          assert.deepStrictEqual(yield* asked({ _tag: "forgotten", document: idOf(other, "first") }), [0, []])
          assert.deepStrictEqual(yield* asked(), [0, []])
          assert.strictEqual(yield* store.hash(group), hash)
        })
      )
    )

    it.effect("forgets a group whole, ledger and all, and leaves the others", () =>
      inStore((store, ledger, group) =>
        Effect.gen(function* () {
          const other = freshGroup()
          for (const one of [group, other]) {
            yield* ledger.startRun({ id: RunId.make(`${one}-run`), group: one, startedAt: 1, status: "running" })
            yield* store.commit(one, run, [
              documentWrite(one, ["a"], first),
              documentWrite(one, ["b"], second),
              { _tag: "dead-letter", letter: unreadable("lost") }
            ])
          }
          const hash = yield* store.hash(other)
          yield* store.forgetGroup(group)
          yield* store.purge
          assert.strictEqual(yield* store.hash(group), "0".repeat(64))
          assert.deepInclude(yield* store.counts(group), { documents: 0, chunks: 0, entities: 0, mentions: 0 })
          assert.deepStrictEqual(yield* Stream.runCollect(ledger.sources(group)), [])
          assert.deepStrictEqual(yield* ledger.runs(group, 1), [])
          assert.deepStrictEqual(yield* ledger.deadLetters(group), [])
          assert.strictEqual(yield* store.hash(other), hash)
          assert.strictEqual((yield* Stream.runCollect(ledger.sources(other))).length, 3)
          assert.strictEqual((yield* ledger.runs(other, 1)).length, 1)
          yield* store.forgetGroup(group)
          yield* store.forgetGroup(freshGroup())
          yield* store.commit(group, run, [documentWrite(group, ["b"], second)])
          assert.strictEqual(yield* store.hash(group), graphHash(recordsOf([resolvedDocument(group, second)])))
        })
      )
    )

    it.effect("has something to purge after a removal, and nothing after that", () =>
      inStore((store, _, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["a"], first)])
          yield* store.purge
          yield* store.commit(group, run, [documentWrite(group, ["b"], second), removed("a")])
          const hash = yield* store.hash(group)
          assert.strictEqual(yield* store.purge, options.server !== true)
          assert.isFalse(yield* store.purge)
          assert.strictEqual(yield* store.hash(group), hash)
        })
      )
    )

    it.effect("lists the sources that begin with something, and says which sources have others in them", () =>
      inStore((store, ledger, group) =>
        Effect.gen(function* () {
          const names = ["a.mbox", "a.mbox#1", "a.mbox#2", "a.mboxes/1", "a.mbo", "b/1", "b/2", "b#", "ü#\u{10ffff}"]
          yield* store.commit(
            group,
            run,
            names.map((name) => documentWrite(group, [name], { bytes: name, chunks: [] }))
          )
          yield* store.commit(group, run, [
            { _tag: "dead-letter", letter: unreadable("a.mbox#3") },
            { _tag: "dead-letter", letter: unreadable("c#") },
            { _tag: "dead-letter", letter: unreadable("d#x") }
          ])
          const under = (prefix: string) =>
            Effect.map(Stream.runCollect(ledger.sources(group, prefix)), (found) => found.map(({ source }) => source))
          assert.deepStrictEqual(yield* under("a.mbox#"), ["a.mbox#1", "a.mbox#2", "a.mbox#3"])
          assert.deepStrictEqual(yield* under("b/"), ["b/1", "b/2"])
          assert.deepStrictEqual(yield* under("ü"), ["ü#\u{10ffff}"])
          assert.deepStrictEqual(yield* under("nothing"), [])
          assert.strictEqual((yield* under("")).length, 12)
          const asked = ["a.mbox", "a.mbo", "ü", "b", "c", "d", "nothing", ""]
          const found = yield* ledger.hasMembers(group, asked)
          assert.deepStrictEqual(
            asked.filter((_, index) => found[index]),
            ["a.mbox", "ü", "b", "d"]
          )
          assert.deepStrictEqual(yield* ledger.hasMembers(freshGroup(), ["a.mbox"]), [false])
        })
      )
    )

    it.effect("lists more sources than a page holds while they are being removed, each once", () =>
      inStore((store, ledger, group) =>
        Effect.gen(function* () {
          const names = Array.from({ length: sources }, (_, index) => `s/${String(index).padStart(5, "0")}`)
          yield* store.commit(group, run, [documentWrite(group, names, second)])
          const seen: Array<string> = []
          yield* ledger.sources(group, "s/").pipe(
            Stream.runForEach(({ source }) => {
              seen.push(source)
              return store.commit(group, run, [removed(source)])
            })
          )
          assert.deepStrictEqual(seen, names)
          assert.strictEqual(yield* store.hash(group), "0".repeat(64))
        })
      )
    )

    it.effect.prop(
      "what is told to go is what no other document has, and what is left is what the rest makes",
      { seed: Schema.Int },
      ({ seed }) =>
        inStore((store, _, group) =>
          Effect.gen(function* () {
            const random = makeRandom(seed)
            const live = new Map<string, ResolvedDocument>()
            for (const source of ["a", "b", "c", "d", "e", "f"]) {
              const outline = randomOutline(random, random.pick(["1", "2", "3", "4"]))
              const resolved = resolvedDocument(group, outline)
              for (const [other, { document }] of live) {
                if (document.id === resolved.document.id) live.set(other, resolved)
              }
              live.set(source, resolved)
              yield* store.commit(group, run, [documentWrite(group, [source], outline)])
            }
            const going = [...live.keys()].filter(() => random.next() < 0.5)
            const writes = going.map(removed)
            const told = yield* store.removal(group, writes)
            const before = keysIn(group, live.values())
            for (const source of going) live.delete(source)
            const after = keysIn(group, live.values())
            assert.deepStrictEqual(told.chunks.toSorted(), [...before].filter((key) => !after.has(key)).toSorted())
            assert.strictEqual(told.sources, going.length)
            yield* store.commit(group, run, writes)
            const rest = new Map([...live.values()].map((resolved) => [resolved.document.id, resolved]))
            assert.strictEqual(yield* store.hash(group), graphHash(recordsOf([...rest.values()])))
          })
        ),
      { arbitrary: { runs } }
    )
  })
}

const keysIn = (group: Group, documents: Iterable<ResolvedDocument>): ReadonlySet<string> =>
  new Set([...documents].flatMap(({ chunks }) => chunks.map(({ header, text }) => chunkKey(group, header, text))))
