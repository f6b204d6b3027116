import { assert, describe, it } from "@effect/vitest"
import { Duration } from "effect"
import { Group, chunkKey, itemKey, recipe } from "../../../src/domain/Ids.ts"
import { makeItem } from "../../../src/layers/llm/Items.ts"
import { Plan } from "../../../src/layers/llm/Plan.ts"

const group = Group.make("default")
const version = recipe("test")

const planOf = (count: number, pack: number | "auto" = "auto") => {
  const plan = new Plan({ pack, window: 2_048 }, { timeout: Duration.minutes(2), prompt: 5_000 })
  for (let document = 0; document < count; document++) {
    const text = `text ${document}`
    const key = itemKey(group, "extraction", version, "", text)
    plan.queue.add(
      makeItem({
        key,
        chunk: chunkKey(group, "", text),
        group,
        header: "",
        text,
        tokens: 400,
        span: undefined,
        document
      })
    )
    plan.opened++
  }
  return plan
}

type Items = ReturnType<Plan["take"]>

const answer = (plan: Plan, items: Items, output: number) => {
  plan.answered(
    { items, cap: plan.request(items).cap },
    { content: "", finish: "stop", usage: { input: 100, output, cached: 0 }, model: "m", headers: {} },
    { _tag: "items", items: new Map() },
    1_000
  )
  plan.ended(items)
}

const take = (plan: Plan, now: number, most: number): ReadonlyArray<Items> =>
  Array.from({ length: Math.min(most, plan.calls(0, now)) }, () => plan.take())

describe("Plan", () => {
  it("begins a long run with a few lone items from everywhere, and goes on in packs when all of them are answered", () => {
    const plan = planOf(200)
    const probes = take(plan, 0, 100)
    assert.isAtMost(probes.length, 8)
    assert.isTrue(probes.every((items) => items.length === 1))
    const documents = probes.flat().map(({ document }) => document)
    assert.isAbove(Math.max(...documents), 100)
    assert.isBelow(Math.min(...documents), 50)
    const [last = [], ...others] = probes
    for (const items of others) answer(plan, items, 900)
    plan.calls(0, 2_000)
    assert.isTrue(plan.isProbing, "answers that come first are the short ones")
    answer(plan, last, 1_000)
    plan.calls(0, 3_000)
    assert.isFalse(plan.isProbing)
    assert.isAbove(plan.next().length, 4)
    const { cap } = plan.request(plan.next())
    assert.isAbove(cap, 900 * plan.next().length)
    assert.isBelow(cap, 1_700 * plan.next().length)
  })

  it("asks more while the first answers take long, and does not wait for one that never comes", () => {
    const plan = planOf(200)
    const probes = take(plan, 0, 100)
    assert.strictEqual(plan.calls(0, 1_000), 0)
    assert.isAbove(plan.calls(0, 30_000), 2 * probes.length)
    for (const items of probes.slice(1)) answer(plan, items, 900)
    plan.calls(0, 31_000)
    assert.isTrue(plan.isProbing)
    plan.calls(0, 200_000)
    assert.isFalse(plan.isProbing)
  })

  it("a few items, and packs of a size that was asked for, are sent as they are", () => {
    assert.strictEqual(planOf(8).next().length, 8)
    const asked = planOf(200, 5)
    assert.strictEqual(asked.calls(0, 0), 40)
    assert.strictEqual(asked.next().length, 5)
    assert.isFalse(asked.isProbing)
  })

  it("what an earlier run has learned needs no probes", () => {
    const plan = planOf(200)
    plan.caps.restore({ perCall: 0, perItem: 80, perToken: 2, perName: 0, scatter: 0.2, answers: 50 })
    assert.strictEqual(plan.calls(0, 0), 25)
    assert.isFalse(plan.isProbing)
    const items = plan.next()
    assert.strictEqual(items.length, 8)
    assert.isBelow(plan.request(items).cap, 8 * 880 * 1.6)
  })
})
