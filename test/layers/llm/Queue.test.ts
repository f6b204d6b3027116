import { assert, describe, it } from "@effect/vitest"
import { chunkKey, Group, itemKey, recipe } from "../../../src/domain/Ids.ts"
import { makeItem } from "../../../src/layers/llm/Items.ts"
import { Queue } from "../../../src/layers/llm/Queue.ts"

const version = recipe("test")

const item = (document: number, text: string, group = "default") => {
  const name = Group.make(group)
  const key = itemKey(name, "extraction", version, "", text)
  return makeItem({
    key,
    chunk: chunkKey(name, "", text),
    group: name,
    header: "",
    text,
    tokens: 100,
    span: undefined,
    document
  })
}
const all = { items: 100, tokens: Infinity }
const textsOf = (items: ReadonlyArray<{ readonly text: string }>) => items.map(({ text }) => text)

describe("Queue", () => {
  it("gives the items of the document that was opened first first, whenever they come", () => {
    const queue = new Queue()
    for (const [document, text] of [
      [0, "a1"],
      [1, "b1"],
      [2, "c1"],
      [0, "a2"],
      [1, "b2"],
      [0, "a3"]
    ] as const)
      queue.add(item(document, text))
    assert.deepStrictEqual(textsOf(queue.first(all)), ["a1", "a2", "a3", "b1", "b2", "c1"])
  })

  it("never lets groups share a call, and keeps to the most that it may carry", () => {
    const queue = new Queue()
    for (const text of ["1", "2", "3"]) queue.add(item(0, text))
    queue.add(item(1, "4", "other"))
    assert.deepStrictEqual(textsOf(queue.first(all)), ["1", "2", "3"])
    assert.deepStrictEqual(textsOf(queue.first({ items: 2, tokens: Infinity })), ["1", "2"])
    assert.deepStrictEqual(textsOf(queue.first({ items: 8, tokens: 250 })), ["1", "2"])
    assert.deepStrictEqual(textsOf(queue.first({ items: 8, tokens: 10 })), ["1"], "what is too large alone goes alone")
    assert.deepStrictEqual(textsOf(queue.first(all, 3)), ["4"])
    queue.take(2, 1)
    assert.deepStrictEqual(textsOf(queue.first(all)), ["1"])
    assert.deepStrictEqual([queue.size, queue.tokens], [2, 200])
    queue.take(2)
    assert.deepStrictEqual([queue.size, queue.tokens, queue.names, queue.length], [0, 0, 0, 0])
    assert.deepStrictEqual(queue.first(all), [])
  })
})
