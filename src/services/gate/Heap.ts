/** A binary heap: the first by `before` comes out first. */
export class Heap<A> {
  readonly #before: (a: A, b: A) => boolean
  #items: Array<A> = []

  constructor(before: (a: A, b: A) => boolean) {
    this.#before = before
  }

  get size(): number {
    return this.#items.length
  }

  peek(): A | undefined {
    return this.#items[0]
  }

  push(item: A): void {
    const items = this.#items
    let at = items.length
    items.push(item)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = items[above]
      if (parent === undefined || !this.#before(item, parent)) break
      items[at] = parent
      at = above
    }
    items[at] = item
  }

  pop(): A | undefined {
    const items = this.#items
    const top = items[0]
    const last = items.pop()
    if (last !== undefined && items.length > 0) this.#sink(last)
    return top
  }

  /** Leaves out what is not wanted any more. */
  keep(wanted: (item: A) => boolean): void {
    const kept = this.#items.filter(wanted)
    this.#items = []
    for (const item of kept) this.push(item)
  }

  #sink(item: A): void {
    const items = this.#items
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      let first = items[child]
      const second = items[child + 1]
      if (first === undefined) break
      if (second !== undefined && this.#before(second, first)) {
        child++
        first = second
      }
      if (!this.#before(first, item)) break
      items[at] = first
      at = child
    }
    items[at] = item
  }
}
