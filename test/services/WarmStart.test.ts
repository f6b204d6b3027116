import { assert, describe, it } from "@effect/vitest"
import { Duration, Effect, Exit, Layer, Option, Redacted, Schema, Scope } from "effect"
import { TestClock } from "effect/testing"
import { connect } from "../../src/layers/http/Connection.ts"
import type { Limits } from "../../src/layers/simulated/Limits.ts"
import * as SqliteJournal from "../../src/layers/SqliteJournal.ts"
import * as Gate from "../../src/services/Gate.ts"
import { Journal } from "../../src/services/Journal.ts"
import { poolOf } from "../../src/services/ModelCalls.ts"
import * as WarmStart from "../../src/services/WarmStart.ts"
import { sentAgain } from "../support/limits.ts"
import type { Work } from "../support/limits.ts"

/** Runs one after the other that share a journal, an hour between them, or longer. */
const runs = (works: ReadonlyArray<Omit<Work, "seed" | "run"> & { readonly after?: Duration.Input }>) =>
  Effect.forEach(works, ({ after = "1 hour", ...work }, index) =>
    Effect.andThen(TestClock.adjust(after), sentAgain({ ...work, seed: 1, run: `run${index}` }))
  ).pipe(Effect.provide(SqliteJournal.layerMemory))

const within = (millis: number, arrivals: ReadonlyArray<{ readonly at: number }>): number =>
  arrivals.filter(({ at }) => at <= millis).length

describe("what was learned of a provider", () => {
  it.effect("lets a second run open at once, where answers take long to tell of limits", () =>
    Effect.gen(function* () {
      const work = { limits: { rpm: 3_000, tpm: 10_000_000 }, latency: 8_000, calls: 120 }
      const [first, second] = yield* runs([work, work])
      assert.isAtMost(within(2_500, first?.arrivals ?? []), 70)
      assert.isAtLeast(within(2_500, second?.arrivals ?? []), 100)
      // The first call is alone for a moment, as ever.
      assert.strictEqual(within(299, second?.arrivals ?? []), 1)
      assert.strictEqual(second?.turnedAway, 0)
    })
  )

  it.effect("is a rate to begin with where no headers come, and a number of calls where there is no limit", () =>
    Effect.gen(function* () {
      const unknown = { limits: { rpm: 900, tpm: 120_000, headers: "none", terse: true }, calls: 150 } as const
      const [first, second] = yield* runs([unknown, unknown])
      assert.isAtLeast(within(2_000, second?.arrivals ?? []), 1.5 * within(2_000, first?.arrivals ?? []))
      assert.isBelow(second?.seconds ?? Infinity, (first?.seconds ?? 0) * 1.15)
      assert.isAtMost(second?.turnedAway ?? 0, first?.turnedAway ?? 0)
      const own: Limits = { headers: "none", slots: { count: 8, step: 5, perRequest: 0.1 } }
      const [slow, quick] = yield* runs([
        { limits: own, calls: 200 },
        { limits: own, calls: 60 }
      ])
      assert.isBelow(within(600, slow?.arrivals ?? []), 8)
      assert.isAtLeast(within(600, quick?.arrivals ?? []), 8)
    })
  )

  for (const [name, lowered] of Object.entries<Limits>({
    "a third": { rpm: 1_000, tpm: 200_000, rejectAfter: 300 },
    "a tenth": { rpm: 300, tpm: 60_000, rejectAfter: 300 },
    "a third, in buckets of a second": { rpm: 1_000, tpm: 200_000, window: 1, rejectAfter: 300 }
  })) {
    it.effect(`brings no storm when the limit has become ${name} of what it was`, () =>
      Effect.gen(function* () {
        const before = { limits: { rpm: 3_000, tpm: 600_000 }, calls: 60 }
        const [, second] = yield* runs([before, { limits: lowered, calls: 150 }])
        assert.isAtMost(second?.turnedAway ?? Infinity, 1)
        assert.isAbove(second?.used ?? 0, 0.75)
      })
    )
  }

  it.effect("does not hold back what a provider has raised meanwhile", () =>
    Effect.gen(function* () {
      const raised = { limits: { rpm: 3_000, tpm: 1_200_000 }, calls: 150 }
      const [alone] = yield* runs([raised])
      const [, after] = yield* runs([{ limits: { rpm: 300, tpm: 120_000 }, calls: 20 }, raised])
      const [, muchLater] = yield* runs([
        { limits: { rpm: 300, tpm: 120_000 }, calls: 20 },
        { ...raised, after: "200 days" }
      ])
      assert.isBelow(after?.seconds ?? Infinity, (alone?.seconds ?? 0) + 3)
      assert.isBelow(muchLater?.seconds ?? Infinity, (alone?.seconds ?? 0) + 1)
    })
  )

  const learned = { limits: [], charge: { rule: "sum", factor: 1 }, concurrency: 40 } as const
  const row = (change: object) => JSON.stringify({ version: 1, at: 0, value: learned, ...change })

  it.effect("in another form, or damaged, counts as nothing", () =>
    Effect.gen(function* () {
      const journal = yield* Journal
      const rows = {
        good: row({}),
        version: row({ version: 2 }),
        shape: row({ value: { ...learned, concurrency: -1 } }),
        text: "{",
        hostile: row({ value: { ...learned, limits: [{ dimension: "requests", perMinute: "Infinity" }] } })
      }
      for (const [pool, text] of Object.entries(rows)) yield* journal.learn(`limits ${pool}`, text)
      const found = WarmStart.limitsIn(yield* journal.learned)
      assert.deepStrictEqual([...found.keys()], ["good"])
    }).pipe(Effect.provide(SqliteJournal.layerMemory))
  )

  it.effect("is written when it changes and at the end, and never for each call", () =>
    Effect.gen(function* () {
      const writes: Array<string> = []
      const counting = Layer.effect(
        Journal,
        Effect.map(Journal, (journal) => ({
          ...journal,
          learn: (name: string, value: string) =>
            Effect.andThen(
              Effect.sync(() => writes.push(name)),
              journal.learn(name, value)
            )
        }))
      ).pipe(Layer.provide(SqliteJournal.layerMemory))
      yield* sentAgain({ limits: { rpm: 600, tpm: 400_000 }, seed: 1, calls: 300 }).pipe(Effect.provide(counting))
      assert.isAtLeast(writes.length, 1)
      assert.isAtMost(writes.length, 10)
      assert.isTrue(writes.every((name) => name === "limits simulated test-model"))
    })
  )

  it.effect("of other kinds is kept too, and is there after a stop of any kind", () =>
    Effect.gen(function* () {
      const kept = (current: number | undefined, exit: Exit.Exit<void>) =>
        Effect.gen(function* () {
          const scope = yield* Scope.make()
          const services = yield* Layer.buildWithScope(
            Layer.provide(WarmStart.layer, Gate.layer({ ceiling: 1 })),
            scope
          )
          const found = yield* Effect.gen(function* () {
            const { keep } = yield* WarmStart.WarmStart
            return yield* keep("answers", Schema.Finite, () => current)
          }).pipe(Effect.provide(services), Scope.provide(scope))
          yield* TestClock.adjust("2 seconds")
          yield* Scope.close(scope, exit)
          return found
        })
      assert.deepStrictEqual(yield* kept(undefined, Exit.void), Option.none())
      assert.deepStrictEqual(yield* kept(7, Exit.die("a defect")), Option.none())
      assert.deepStrictEqual(yield* kept(undefined, Exit.void), Option.some({ value: 7, age: 0 }))
      assert.deepStrictEqual(yield* kept(8, Exit.interrupt()), Option.some({ value: 7, age: 2_000 }))
      assert.deepStrictEqual(yield* kept(undefined, Exit.void), Option.some({ value: 8, age: 0 }))
    }).pipe(Effect.provide(SqliteJournal.layerMemory))
  )

  it.effect("is apart for each key, and names none", () =>
    Effect.gen(function* () {
      const names = yield* Effect.forEach(["sk-first-secret", "sk-second-secret"], (key) =>
        connect({
          apiKey: Redacted.make(key),
          baseURL: "https://api.example.com/v1",
          timeout: Duration.minutes(1)
        }).pipe(
          Effect.map(({ endpoint }) => poolOf({ endpoint, model: "m" })),
          Effect.scoped
        )
      )
      assert.strictEqual(new Set(names).size, 2)
      for (const name of names) {
        assert.match(name, /^https:\/\/api\.example\.com\/v1#[0-9a-f]{8} m$/)
        assert.notInclude(name, "secret")
      }
    })
  )
})
