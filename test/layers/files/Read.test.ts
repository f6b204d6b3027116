import { mkdirSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Clock, Effect } from "effect"
import { makeReadFile } from "../../../src/layers/files/read.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

/** A clock on which each look takes so many nanoseconds. */
const ticking = (nanos: bigint) =>
  Effect.map(Clock.Clock, (clock) => {
    let now = 0n
    const next = () => (now += nanos)
    return { ...clock, currentTimeNanosUnsafe: next, currentTimeNanos: Effect.sync(next) }
  })

describe("reading files whose size was asked a moment ago", () => {
  it.effect.each([
    ["a fast disk", 1n],
    ["a slow one", 1_000_000_000n]
  ] as const)("gives their bytes as they are now, and says what is wrong with them, from %s", ([, nanos]) =>
    Effect.scoped(
      Effect.gen(function* () {
        const path = yield* temporaryDirectory({ a: "aa", empty: "", grown: "g", gone: "g", kind: "k", large: "l" })
        const read = makeReadFile(100_000)
        const bytesOf = (name: string, size: number) =>
          Effect.map(read(name, join(path, name), size), (bytes) => new TextDecoder().decode(bytes))
        writeFileSync(join(path, "grown"), "g".repeat(90_000))
        writeFileSync(join(path, "large"), "l".repeat(100_001))
        rmSync(join(path, "gone"))
        rmSync(join(path, "kind"))
        mkdirSync(join(path, "kind"))
        for (const _ of [1, 2]) {
          assert.strictEqual(yield* bytesOf("a", 2), "aa")
          assert.strictEqual(yield* bytesOf("empty", 0), "")
          assert.lengthOf(yield* bytesOf("grown", 1), 90_000)
          const wrong = yield* Effect.forEach(["gone", "kind", "large"], (name) => Effect.flip(bytesOf(name, 1)))
          assert.deepStrictEqual(
            wrong.map(({ reason }) => reason),
            ["unreadable", "unreadable", "too-large"]
          )
        }
      }).pipe(Effect.provideServiceEffect(Clock.Clock, ticking(nanos)))
    )
  )
})
