import { assert, layer as describeWith } from "@effect/vitest"
import { Effect } from "effect"
import type { Layer } from "effect"
import { chunkKey, Group, itemKey, recipe, RunId } from "../../src/domain/Ids.ts"
import type { ItemKey } from "../../src/domain/Ids.ts"
import { Journal } from "../../src/services/Journal.ts"
import type { Reservation, Settlement } from "../../src/services/Journal.ts"
import type { StorageError } from "../../src/services/StorageError.ts"

const group = Group.make("journal-suite")

let runs = 0
const freshRun = (): RunId => RunId.make(`run-${process.pid}-${++runs}-${Math.random().toString(36).slice(2, 8)}`)

const keysOf = (run: RunId, count: number): ReadonlyArray<ItemKey> =>
  Array.from({ length: count }, (_, i) => itemKey(group, "extraction", recipe("test"), run, String(i)))

export const reservation = (run: RunId, call: string, items: ReadonlyArray<ItemKey> = []): Reservation => ({
  call: `${run}-${call}`,
  run,
  group,
  kind: "extraction",
  endpoint: "http://localhost",
  model: "model",
  items,
  inputTokens: 100,
  outputTokens: 50,
  usd: 0.5,
  at: 1_700_000_000_000
})

export const settlement = (
  run: RunId,
  call: string,
  answers: ReadonlyArray<readonly [ItemKey, string]>,
  more: Partial<Settlement> = {}
): Settlement => ({
  call: `${run}-${call}`,
  outcome: "answered",
  usage: { input: 80, output: 20, cached: 5 },
  usd: 0.125,
  model: "model-2026-01-01",
  response: '{"answer": "a raw response"}',
  answers: answers.map(([key, value]) => ({ key, group, kind: "extraction", value })),
  at: 1_700_000_001_000,
  ...more
})

/** What any journal must do; `layer` is built once, and each test has a group (or run) of its own. */
export const suite = (name: string, layer: Layer.Layer<Journal, StorageError>): void => {
  const inJournal = <A, E>(use: (journal: Journal["Service"], run: RunId) => Effect.Effect<A, E>) =>
    Effect.flatMap(Journal, (journal) => use(journal, freshRun()))

  describeWith(layer)(`Journal: ${name}`, (it) => {
    it.effect("finds what was settled, and nothing else", () =>
      inJournal((journal, run) =>
        Effect.gen(function* () {
          const [a, b, c] = keysOf(run, 3)
          if (a === undefined || b === undefined || c === undefined) return
          assert.strictEqual((yield* journal.lookup([a, b])).size, 0)
          assert.strictEqual((yield* journal.lookup([])).size, 0)
          yield* journal.reserve([reservation(run, "1", [a, b])])
          assert.strictEqual((yield* journal.lookup([a, b])).size, 0)
          const standing = yield* journal.settle([
            settlement(run, "1", [
              [a, '"A"'],
              [b, '{"b":"\u{1F701}"}']
            ])
          ])
          assert.deepStrictEqual(
            [...standing],
            [
              [a, '"A"'],
              [b, '{"b":"\u{1F701}"}']
            ]
          )
          assert.deepStrictEqual([...(yield* journal.lookup([c, b, a, a]))].length, 2)
          assert.strictEqual((yield* journal.lookup([a])).get(a), '"A"')
        })
      )
    )

    it.effect("the first answer written wins, and is what the second is given", () =>
      inJournal((journal, run) =>
        Effect.gen(function* () {
          const [a, b] = keysOf(run, 2)
          if (a === undefined || b === undefined) return
          yield* journal.reserve([reservation(run, "1", [a]), reservation(run, "2", [a, b])])
          yield* journal.settle([settlement(run, "1", [[a, "1"]])])
          const standing = yield* journal.settle([
            settlement(run, "2", [
              [a, "2"],
              [b, "2"]
            ])
          ])
          assert.deepStrictEqual(
            [...standing],
            [
              [a, "1"],
              [b, "2"]
            ]
          )
          assert.deepStrictEqual(
            [...(yield* journal.lookup([a, b]))],
            [
              [a, "1"],
              [b, "2"]
            ]
          )
        })
      )
    )

    it.effect("what was reserved and never settled counts as spent", () =>
      inJournal((journal, run) =>
        Effect.gen(function* () {
          yield* journal.reserve([
            reservation(run, "1"),
            reservation(run, "2"),
            reservation(run, "3"),
            { ...reservation(run, "4"), kind: "embedding" }
          ])
          yield* journal.settle([
            settlement(run, "1", []),
            settlement(run, "2", [], { outcome: "failed", usd: 0, usage: { input: 0, output: 0, cached: 0 } })
          ])
          assert.deepStrictEqual(yield* journal.totals(run), {
            calls: { embedding: 1, extraction: 3 },
            failed: 1,
            unsettled: 2,
            usage: { input: 80, output: 20, cached: 5 },
            usd: 1.125
          })
          assert.deepStrictEqual(yield* journal.totals(freshRun()), {
            calls: {},
            failed: 0,
            unsettled: 0,
            usage: { input: 0, output: 0, cached: 0 },
            usd: 0
          })
        })
      )
    )

    it.effect("reckons each run by itself, with what was reserved for whatever nobody knows the price of", () =>
      inJournal((journal, run) =>
        Effect.gen(function* () {
          const [other, none] = [freshRun(), freshRun()]
          yield* journal.reserve([
            reservation(run, "answered"),
            reservation(run, "failed"),
            reservation(run, "lost"),
            { ...reservation(run, "unsettled"), at: 1_700_000_009_000 },
            reservation(other, "1")
          ])
          const free = { usd: 0, usage: { input: 0, output: 0, cached: 0 } }
          yield* journal.settle([
            settlement(run, "answered", []),
            settlement(run, "failed", [], { ...free, outcome: "failed" }),
            settlement(run, "lost", [], { ...free, outcome: "lost" })
          ])
          const reckoned = yield* journal.reckon([run, other, none])
          assert.deepStrictEqual(
            [...reckoned],
            [
              [run, { calls: 4, tokens: 100 + 150 + 150, usd: 0.125 + 0.5 + 0.5, lastAt: 1_700_000_009_000 }],
              [other, { calls: 1, tokens: 150, usd: 0.5, lastAt: 1_700_000_000_000 }]
            ]
          )
          assert.deepInclude(yield* journal.totals(run), { failed: 2, unsettled: 1, usd: 0.125 + 0.5 })
        })
      )
    )

    it.effect("a call settled twice costs once", () =>
      inJournal((journal, run) =>
        Effect.gen(function* () {
          yield* journal.reserve([reservation(run, "1")])
          yield* journal.settle([settlement(run, "1", [])])
          yield* journal.settle([settlement(run, "1", [], { usd: 9 })])
          assert.strictEqual((yield* journal.totals(run)).usd, 0.125)
        })
      )
    )

    it.effect("one bad settlement leaves nothing of the whole transaction", () =>
      inJournal((journal, run) =>
        Effect.gen(function* () {
          const [a] = keysOf(run, 1)
          if (a === undefined) return
          yield* journal.reserve([reservation(run, "1", [a])])
          const error = yield* Effect.flip(
            journal.settle([settlement(run, "1", [[a, "1"]]), settlement(run, "no", [])])
          )
          assert.strictEqual(error.storage, "journal")
          assert.strictEqual(error.reason, "failed")
          assert.include(error.message, `${run}-no`)
          assert.strictEqual((yield* journal.lookup([a])).size, 0)
          assert.strictEqual((yield* journal.totals(run)).unsettled, 1)
        })
      )
    )

    it.effect("forgets all answers about a chunk, and no other group's", () =>
      inJournal((journal, run) =>
        Effect.gen(function* () {
          const [a, b, c, d] = keysOf(run, 4)
          if (a === undefined || b === undefined || c === undefined || d === undefined) return assert.fail("keys")
          const chunk = chunkKey(group, "", run)
          const other = chunkKey(group, "", `${run} other`)
          yield* journal.reserve([reservation(run, "1", [a, b, c, d])])
          yield* journal.settle([
            {
              ...settlement(run, "1", []),
              answers: [
                { key: a, group, kind: "extraction", chunk, value: "1" },
                { key: b, group, kind: "embedding", chunk, value: "2" },
                { key: c, group, kind: "extraction", chunk: other, value: "3" },
                { key: d, group, kind: "extraction", value: "4" }
              ]
            }
          ])
          assert.strictEqual(yield* journal.forget(Group.make("another"), [chunk]), 0)
          assert.strictEqual((yield* journal.lookup([a, b, c, d])).size, 4)
          assert.strictEqual(yield* journal.forget(group, [chunk]), 2)
          assert.deepStrictEqual([...(yield* journal.lookup([a, b, c, d])).keys()], [c, d])
          assert.strictEqual((yield* journal.totals(run)).usd, 0.125)
        })
      )
    )

    it.effect("knows what was asked for a source, until it is forgotten", () =>
      inJournal((journal, run) =>
        Effect.gen(function* () {
          const [a, b] = keysOf(run, 2)
          if (a === undefined || b === undefined) return assert.fail("keys")
          const [first, second] = [chunkKey(group, run, "first"), chunkKey(group, run, "second")]
          yield* journal.reserve([reservation(run, "1", [a, b])])
          yield* journal.settle([
            {
              ...settlement(run, "1", []),
              answers: [
                { key: a, group, kind: "extraction", chunk: first, source: `${run}/a.md`, value: "1" },
                { key: b, group, kind: "extraction", chunk: second, source: `${run}/b.md`, value: "2" }
              ]
            }
          ])
          assert.deepStrictEqual(yield* journal.askedFor(group, [`${run}/a.md`, "none"]), [first])
          assert.deepStrictEqual(yield* journal.askedFor(Group.make("another"), [`${run}/a.md`]), [])
          yield* journal.forget(group, [first])
          assert.deepStrictEqual(yield* journal.askedFor(group, [`${run}/a.md`, `${run}/b.md`]), [second])
        })
      )
    )

    it.effect("forgets a group whole, and leaves the others", () =>
      inJournal((journal, run) =>
        Effect.gen(function* () {
          const [a, b] = keysOf(run, 2)
          if (a === undefined || b === undefined) return assert.fail("keys")
          const gone = Group.make("gone")
          yield* journal.reserve([reservation(run, "1", [a]), { ...reservation(run, "2", [b]), group: gone }])
          yield* journal.settle([
            settlement(run, "1", [[a, "1"]]),
            { ...settlement(run, "2", []), answers: [{ key: b, group: gone, kind: "extraction", value: "2" }] }
          ])
          assert.strictEqual(yield* journal.forgetGroup(gone), 1)
          assert.deepStrictEqual([...(yield* journal.lookup([a, b]))], [[a, "1"]])
          assert.strictEqual((yield* journal.totals(run)).usd, 0.25)
        })
      )
    )

    it.effect("keeps the last that was learned of each pool", () =>
      inJournal((journal, run) =>
        Effect.gen(function* () {
          yield* journal.learn(`${run} a`, "1")
          yield* journal.learn(`${run} b`, "2")
          yield* journal.learn(`${run} a`, "3")
          const learned = yield* journal.learned
          assert.deepStrictEqual([learned.get(`${run} a`), learned.get(`${run} b`)], ["3", "2"])
        })
      )
    )

    it.effect("looks 10,000 keys up at once", () =>
      inJournal((journal, run) =>
        Effect.gen(function* () {
          const keys = keysOf(run, 10_000)
          yield* journal.reserve([reservation(run, "1", keys)])
          yield* journal.settle([
            settlement(
              run,
              "1",
              keys.map((key, i) => [key, String(i)] as const)
            )
          ])
          const found = yield* journal.lookup(keys)
          assert.strictEqual(found.size, 10_000)
          assert.isTrue(keys.every((key, i) => found.get(key) === String(i)))
        })
      )
    )
  })
}
