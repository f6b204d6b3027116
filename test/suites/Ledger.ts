import { assert, layer as describeWith } from "@effect/vitest"
import { Effect, Option, Stream } from "effect"
import type { Layer } from "effect"
import { DeadLetter } from "../../src/domain/DeadLetter.ts"
import { documentId, recipe, RunId } from "../../src/domain/Ids.ts"
import type { DocumentId, Group } from "../../src/domain/Ids.ts"
import type { RunReport } from "../../src/domain/RunReport.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import type { StorageError } from "../../src/services/StorageError.ts"
import { documentWrite } from "../fixtures/graphs.ts"
import type { DocumentOutline } from "../fixtures/graphs.ts"
import { freshGroup } from "./GraphStore.ts"

const run = RunId.make("run-1")

const report = (run: RunId): RunReport => ({
  run,
  documents: { seen: 1, unchanged: 0, ingested: 1, partial: 0, failed: 0, removed: 0 },
  chunks: { total: 1, extracted: 1, reused: 0, dead: 0 },
  graph: { entities: 1, relations: 0, mentions: 1, hash: "0".repeat(64) },
  calls: { model: 1, embedding: 0, failed: 0, journal: 0 },
  tokens: { input: 1, output: 1, cached: 0 },
  cost: { usd: 0.001 },
  seconds: 1.5
})

const partial: DocumentOutline = {
  bytes: "partial",
  chunks: [{ names: ["Ada Byron"] }, { names: ["Zoë"], isDead: true }, { names: ["Mary"], isDead: true }]
}
const mended: DocumentOutline = { ...partial, chunks: partial.chunks.map(({ names }) => ({ names })) }
const other: DocumentOutline = { bytes: "other", chunks: [{ names: ["Mary"] }] }

const idOf = (group: Group, outline: DocumentOutline) => documentId(group, new TextEncoder().encode(outline.bytes))

const unreadable = (source: string, message = "It is not there.") =>
  new DeadLetter({ stage: "load", cause: "unreadable", message, source, attempts: 1 })

/** What any ledger must do; `layer` is built once, and each test has a group (or run) of its own. */
/** What the ledger knows of one document. */
export const lookUp = (ledger: Ledger["Service"], group: Group, id: DocumentId, source: string) =>
  Effect.map(ledger.documents(group, [{ id, source }]), ([found]) => found ?? Option.none())

export const suite = (name: string, layer: Layer.Layer<GraphStore | Ledger, StorageError>): void => {
  const inStore = <A, E>(
    use: (ledger: Ledger["Service"], store: GraphStore["Service"], group: Group) => Effect.Effect<A, E>
  ) =>
    Effect.gen(function* () {
      return yield* use(yield* Ledger, yield* GraphStore, freshGroup())
    })

  const lettersOf = (ledger: Ledger["Service"], group: Group) =>
    Effect.map(ledger.deadLetters(group), (letters) =>
      letters.map(({ cause, ordinal, source }) => [source, ordinal ?? null, cause])
    )

  describeWith(layer, { timeout: "60 seconds" })(`Ledger: ${name}`, (it) => {
    it.effect("gives runs newest first, and leaves one that was killed as running", () =>
      inStore((ledger, _, group) =>
        Effect.gen(function* () {
          const [first, second, third] = ["first", "second", "third"].map((id) => RunId.make(`${group}-${id}`))
          if (first === undefined || second === undefined || third === undefined) return
          yield* ledger.startRun({ id: first, group, startedAt: 1_700_000_000_000, status: "running" })
          yield* ledger.startRun({ id: third, group, startedAt: 1_700_000_002_000, status: "running" })
          yield* ledger.startRun({ id: second, group, startedAt: 1_700_000_001_000, status: "running" })
          const finished = {
            id: second,
            group,
            startedAt: 1_700_000_001_000,
            finishedAt: 1_700_000_009_000,
            root: first,
            recipe: { model: "a", chunker: "2" },
            status: "with-dead-letters",
            report: report(second)
          } as const
          yield* ledger.finishRun(finished)
          const runs = yield* ledger.runs(group, 10)
          assert.deepStrictEqual(
            runs.map(({ id, status }) => [id, status]),
            [
              [third, "running"],
              [second, "with-dead-letters"],
              [first, "running"]
            ]
          )
          assert.deepStrictEqual(runs[1], finished)
          assert.strictEqual((yield* ledger.runs(group, 2)).length, 2)
          assert.deepStrictEqual(yield* ledger.runs(freshGroup(), 10), [])
        })
      )
    )

    it.effect("knows a document, its state, and whether a source points at it", () =>
      inStore((ledger, store, group) =>
        Effect.gen(function* () {
          const id = idOf(group, partial)
          assert.isTrue(Option.isNone(yield* lookUp(ledger, group, id, "a")))
          yield* store.commit(group, run, [documentWrite(group, ["a"], partial)])
          const known = { recipe: recipe("test"), state: "partial", run, isPointedAt: true, hasLetter: false } as const
          assert.deepStrictEqual(yield* lookUp(ledger, group, id, "a"), Option.some(known))
          assert.deepStrictEqual(yield* lookUp(ledger, group, id, "b"), Option.some({ ...known, isPointedAt: false }))
          assert.isTrue(Option.isNone(yield* lookUp(ledger, freshGroup(), id, "a")))
          yield* store.commit(group, run, [documentWrite(group, ["a"], { ...mended, recipe: "newer" })])
          assert.deepStrictEqual(
            yield* lookUp(ledger, group, id, "a"),
            Option.some({
              recipe: recipe("newer"),
              state: "complete",
              run,
              isPointedAt: true,
              hasLetter: false
            } as const)
          )
          yield* store.commit(group, run, [documentWrite(group, ["a"], other)])
          assert.isTrue(Option.isNone(yield* lookUp(ledger, group, id, "a")))
        })
      )
    )

    it.effect("lists every source once, in order, with its document or without", () =>
      inStore((ledger, store, group) =>
        Effect.gen(function* () {
          const names = Array.from({ length: 2_500 }, (_, i) => `file-${String(i).padStart(5, "0")}`)
          const partially = documentWrite(group, names, partial)
          yield* store.commit(group, run, [
            partially,
            { _tag: "dead-letter", letter: unreadable("a letter") },
            { _tag: "dead-letter", letter: unreadable("file-00007") }
          ])
          const listed = yield* Stream.runCollect(ledger.sources(group))
          const document = idOf(group, partial)
          assert.deepStrictEqual(listed, [{ source: "a letter" }, ...names.map((source) => ({ source, document }))])
          assert.deepStrictEqual(yield* Stream.runCollect(ledger.sources(freshGroup())), [])
        })
      )
    )

    it.effect("a source that is removed takes its letters along, and its document if no other points at it", () =>
      inStore((ledger, store, group) =>
        Effect.gen(function* () {
          const id = idOf(group, partial)
          yield* store.commit(group, run, [
            documentWrite(group, ["a", "b"], partial),
            { _tag: "dead-letter", letter: unreadable("c") }
          ])
          yield* store.commit(group, run, [
            { _tag: "removed", source: "a" },
            { _tag: "removed", source: "c" },
            { _tag: "removed", source: "never there" }
          ])
          assert.deepStrictEqual(yield* lettersOf(ledger, group), [
            ["b", 1, "refused"],
            ["b", 2, "refused"]
          ])
          assert.isTrue(Option.isSome(yield* lookUp(ledger, group, id, "b")))
          yield* store.commit(group, run, [{ _tag: "removed", source: "b" }])
          assert.deepStrictEqual(yield* lettersOf(ledger, group), [])
          assert.isTrue(Option.isNone(yield* lookUp(ledger, group, id, "b")))
        })
      )
    )

    it.effect("a document that is forgotten goes with all its sources, and an empty store is left", () =>
      inStore((ledger, store, group) =>
        Effect.gen(function* () {
          const empty = yield* store.hash(group)
          yield* store.commit(group, run, [documentWrite(group, ["a", "b"], partial)])
          const document = idOf(group, partial)
          yield* store.commit(freshGroup(), run, [{ _tag: "forgotten", document }])
          assert.strictEqual((yield* store.counts(group)).documents, 1)
          yield* store.commit(group, run, [{ _tag: "forgotten", document }])
          assert.strictEqual(yield* store.hash(group), empty)
          assert.deepStrictEqual(yield* Stream.runCollect(ledger.sources(group)), [])
          assert.deepStrictEqual(yield* lettersOf(ledger, group), [])
          yield* store.commit(group, run, [{ _tag: "forgotten", document }])
        })
      )
    )

    it.effect("keeps dead letters whole, by source and ordinal", () =>
      inStore((ledger, store, group) =>
        Effect.gen(function* () {
          const letter = new DeadLetter({
            stage: "extract",
            cause: "invalid-answer",
            message: "The answer is not JSON.",
            source: "b",
            response: '{"entities": "\u{1F701}"',
            attempts: 3
          })
          yield* store.commit(group, run, [
            documentWrite(group, ["c"], partial),
            { _tag: "dead-letter", letter },
            { _tag: "dead-letter", letter: unreadable("a") }
          ])
          assert.deepStrictEqual(yield* lettersOf(ledger, group), [
            ["a", null, "unreadable"],
            ["b", null, "invalid-answer"],
            ["c", 1, "refused"],
            ["c", 2, "refused"]
          ])
          const [, kept] = yield* ledger.deadLetters(group)
          assert.instanceOf(kept, DeadLetter)
          assert.strictEqual(kept.message, letter.message)
          assert.deepStrictEqual({ ...kept }, { ...letter })
          assert.deepStrictEqual(yield* ledger.deadLetters(freshGroup()), [])
        })
      )
    )

    it.effect("a success replaces all dead letters of its sources and its document", () =>
      inStore((ledger, store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [
            documentWrite(group, ["a"], partial),
            { _tag: "dead-letter", letter: unreadable("b") },
            { _tag: "dead-letter", letter: unreadable("c") }
          ])
          yield* store.commit(group, run, [documentWrite(group, ["b"], mended)])
          assert.deepStrictEqual(yield* lettersOf(ledger, group), [["c", null, "unreadable"]])
          yield* store.commit(group, run, [{ _tag: "source", source: "c", document: idOf(group, mended) }])
          assert.deepStrictEqual(yield* lettersOf(ledger, group), [])
        })
      )
    )

    it.effect("tells how many documents of the group another recipe made, with their chunks", () =>
      inStore((ledger, store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["a"], partial), documentWrite(group, ["b"], other)])
          yield* store.commit(freshGroup(), run, [])
          const known = Option.getOrThrow(yield* lookUp(ledger, group, idOf(group, other), "b"))
          assert.deepStrictEqual(yield* ledger.outdated(group, known.recipe), { documents: 0, chunks: 0 })
          const all = { documents: 2, chunks: 4 }
          assert.deepStrictEqual(yield* ledger.outdated(group, recipe("later")), all)
          assert.deepStrictEqual(yield* ledger.outdated(freshGroup(), recipe("later")), { documents: 0, chunks: 0 })
        })
      )
    )

    it.effect("a source that is settled has no letter of its own any more, and no other loses one", () =>
      inStore((ledger, store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [
            documentWrite(group, ["a"], partial),
            { _tag: "dead-letter", letter: unreadable("a") },
            { _tag: "dead-letter", letter: unreadable("b") }
          ])
          assert.deepStrictEqual(yield* ledger.hasLetters(group, ["b", "c", "a"]), [true, false, true])
          yield* store.commit(group, run, [{ _tag: "settled", source: "b" }])
          assert.deepStrictEqual(yield* ledger.hasLetters(group, ["b", "c", "a"]), [false, false, true])
          const before = yield* lettersOf(ledger, group)
          yield* store.commit(group, run, [{ _tag: "settled", source: "a" }])
          assert.deepStrictEqual(
            yield* lettersOf(ledger, group),
            before.filter(([, ordinal]) => ordinal !== null)
          )
        })
      )
    )

    it.effect("a source that fails keeps what it pointed at, and its newest letter alone", () =>
      inStore((ledger, store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["a"], other)])
          const hash = yield* store.hash(group)
          yield* store.commit(group, run, [{ _tag: "dead-letter", letter: unreadable("a", "First.") }])
          yield* store.commit(group, run, [{ _tag: "dead-letter", letter: unreadable("a", "Second.") }])
          assert.deepStrictEqual(
            (yield* ledger.deadLetters(group)).map(({ message }) => message),
            ["Second."]
          )
          assert.strictEqual(yield* store.hash(group), hash)
          const known = yield* lookUp(ledger, group, idOf(group, other), "a")
          assert.isTrue(Option.isSome(known) && known.value.isPointedAt)
          assert.isTrue(Option.isSome(known) && known.value.hasLetter)
        })
      )
    )

    it.effect("dead letters of a document go with it", () =>
      inStore((ledger, store, group) =>
        Effect.gen(function* () {
          yield* store.commit(group, run, [documentWrite(group, ["a"], partial)])
          yield* store.commit(group, run, [documentWrite(group, ["a"], other)])
          assert.deepStrictEqual(yield* lettersOf(ledger, group), [])
        })
      )
    )

    it.effect("a dead chunk keeps its letter as long as any source points at its document", () =>
      inStore((ledger, store, group) =>
        Effect.gen(function* () {
          const id = idOf(group, partial)
          yield* store.commit(group, run, [documentWrite(group, ["a"], partial)])
          yield* store.commit(group, run, [
            { _tag: "source", source: "a", document: id },
            { _tag: "source", source: "b", document: id }
          ])
          assert.deepStrictEqual(yield* lettersOf(ledger, group), [
            ["a", 1, "refused"],
            ["a", 2, "refused"]
          ])
          yield* store.commit(group, run, [documentWrite(group, ["a"], other)])
          assert.deepStrictEqual(yield* lettersOf(ledger, group), [
            ["b", 1, "refused"],
            ["b", 2, "refused"]
          ])
        })
      )
    )
  })
}
