import { assert, describe, it } from "@effect/vitest"
import { OwnLimit } from "../../../src/services/gate/OwnLimit.ts"
import { makeRandom } from "../../support/random.ts"

const minute = 60_000

/** Whatever wants to go goes as soon as it may, for so many minutes. */
const sentBy = (
  limit: OwnLimit,
  next: () => { readonly units: number; readonly pause: number },
  minutes: number
): ReadonlyArray<{ readonly at: number; readonly units: number }> => {
  const sent: Array<{ readonly at: number; readonly units: number }> = []
  for (let now = 0; now < minutes * minute;) {
    const { pause, units } = next()
    now += pause
    for (let wait = limit.wait(now, units); wait > 0; wait = limit.wait(now, units)) now += Math.max(1, Math.ceil(wait))
    limit.debit(now, units)
    sent.push({ at: now, units })
  }
  return sent
}

/** The most in any minute, whenever it begins. */
const most = (sent: ReadonlyArray<{ readonly at: number; readonly units: number }>): number => {
  let sum = 0
  let found = 0
  let first = 0
  for (const { at, units } of sent) {
    sum += units
    for (let old = sent[first]; old !== undefined && old.at <= at - minute; old = sent[++first]) sum -= old.units
    found = Math.max(found, sum)
  }
  return found
}

describe("a limit that the user sets", () => {
  it.each([1, 2, 7, 60, 500, 20_000])("of %i requests a minute holds in every minute, and is used", (rpm) => {
    const sent = sentBy(new OwnLimit("requests", rpm, 0), () => ({ units: 1, pause: 0 }), 10)
    assert.isAtMost(most(sent), rpm)
    assert.isAtLeast(sent.length, rpm * 9.9)
  })

  it("of tokens holds for calls of any size, after pauses of any length", () => {
    for (let seed = 1; seed <= 20; seed++) {
      const random = makeRandom(seed)
      const tpm = random.between(5_000, 500_000)
      const next = () => ({
        units: random.between(1, Math.min(tpm, 9_000)),
        pause: random.between(0, 9) === 0 ? random.between(0, 40_000) : 0
      })
      const sent = sentBy(new OwnLimit("tokens", tpm, 0), next, 20)
      assert.isAtMost(most(sent), tpm, `seed ${seed}`)
    }
  })

  it("spreads a minute's worth over the minute", () => {
    const sent = sentBy(new OwnLimit("requests", 600, 0), () => ({ units: 1, pause: 0 }), 1)
    assert.isAtMost(sent.filter(({ at }) => at < 10_000).length, 120)
  })

  it("counts what turned out to be more than was thought", () => {
    const limit = new OwnLimit("tokens", 10_000, 0)
    limit.debit(0, 100)
    limit.debit(0, 9_900)
    assert.isAtLeast(limit.wait(30_000, 100), 30_000)
    assert.isAtMost(limit.wait(60_300, 100), 0)
  })
})
