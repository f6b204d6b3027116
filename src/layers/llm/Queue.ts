import type { Item } from "./Items.ts"

const isBefore = (a: Item, b: Item): boolean => a.document < b.document

/**
 * Items that wait for a call: those of the document that was opened first come first, in the order in which they came, so
 * that documents are completed one after the other.
 */
export class Queue {
  #items: Array<Item> = []
  #tokens = 0
  #names = 0
  #length = 0

  get size(): number {
    return this.#items.length
  }

  /** Tokens of all texts. */
  get tokens(): number {
    return this.#tokens
  }

  get names(): number {
    return this.#names
  }

  /** Characters of all, as they are sent. */
  get length(): number {
    return this.#length
  }

  add(item: Item): void {
    let index = this.#items.length
    for (; index > 0; index--) {
      const before = this.#items[index - 1]
      if (before === undefined || !isBefore(item, before)) break
    }
    this.#items.splice(index, 0, item)
    this.#tokens += item.tokens
    this.#names += item.names
    this.#length += item.length
  }

  /** What one call can carry: of one group, so many with so many tokens at most, but for a first that has more. */
  first(most: { readonly items: number; readonly tokens: number }, from = 0): ReadonlyArray<Item> {
    const first = this.#items[from]
    if (first === undefined) return []
    let tokens = 0
    let count = 0
    for (let index = from; index < this.#items.length; index++) {
      const item = this.#items[index]
      if (item?.group !== first.group || count === most.items) break
      if (count > 0 && tokens + item.tokens > most.tokens) break
      tokens += item.tokens
      count++
    }
    return this.#items.slice(from, from + count)
  }

  /** Takes so many out, from there on. */
  take(count: number, from = 0): ReadonlyArray<Item> {
    const taken = this.#items.splice(from, count)
    for (const item of taken) {
      this.#tokens -= item.tokens
      this.#names -= item.names
      this.#length -= item.length
    }
    return taken
  }
}
