import { Heap } from "./Heap.ts"

/** The most urgent first. */
export const priorities = ["interactive", "normal", "bulk"] as const
export type Priority = (typeof priorities)[number]

/** What the order of admission looks at. */
export interface Place {
  readonly priority: Priority
  /** Sent before, and to be sent again. */
  readonly again: boolean
  readonly group: string
  /** Tokens, or anything that grows with how long the call will take. */
  readonly expectedOutput: number
}

interface Entry<A> {
  readonly item: A
  readonly place: Place
  readonly number: number
  readonly since: number
  isWaiting: boolean
}

interface Class<A> {
  readonly again: Heap<Entry<A>>
  /** The group at the front is next. */
  readonly groups: Map<string, Heap<Entry<A>>>
}

const ranks: Readonly<Record<Priority, number>> = { interactive: 0, normal: 1, bulk: 2 }

/** Of so many admissions one is of whoever has waited longest, if that is longer than `patience` milliseconds. */
const share = 8
const patience = 5_000

const older = (a: { readonly number: number }, b: { readonly number: number }) => a.number < b.number

/**
 * Who is admitted next: by priority; in it those that were sent before; then the groups in turn; in a group the longest
 * expected output first, which leaves the short calls for the end and so ends soonest (Jackson's rule for delivery
 * times); ties by age. So that nobody starves, every eighth admission is of whoever has waited longest, whatever their
 * priority: were all who have waited for long to go first, a deep queue would be first come, first served, and end late.
 * Every step takes time logarithmic in the number that wait.
 */
export class Order<A> {
  readonly #classes: ReadonlyArray<Class<A>> = [0, 1, 2].map(() => ({
    again: new Heap<Entry<A>>(older),
    groups: new Map<string, Heap<Entry<A>>>()
  }))
  #byAge: Array<Entry<A>> = []
  #ageStart = 0
  readonly #entries = new Map<A, Entry<A>>()
  #count = 0
  #admissions = 0

  get size(): number {
    return this.#entries.size
  }

  add(item: A, place: Place, now: number): void {
    const entry: Entry<A> = { item, place, number: this.#count++, since: now, isWaiting: true }
    this.#entries.set(item, entry)
    this.#byAge.push(entry)
    const inClass = this.#classOf(entry)
    if (place.again) inClass.again.push(entry)
    else {
      const group = inClass.groups.get(place.group)
      if (group !== undefined) group.push(entry)
      else {
        const made = new Heap<Entry<A>>((a, b) =>
          a.place.expectedOutput === b.place.expectedOutput
            ? older(a, b)
            : a.place.expectedOutput > b.place.expectedOutput
        )
        made.push(entry)
        inClass.groups.set(place.group, made)
      }
    }
  }

  /** Who has waited longest. */
  eldest(): A | undefined {
    return this.#oldest()?.item
  }

  /** Of the most urgent, whoever will likely be answered first. Takes time linear in the number that wait. */
  shortest(): A | undefined {
    let best: Entry<A> | undefined
    for (const entry of this.#entries.values()) {
      if (best === undefined) best = entry
      const ahead = ranks[entry.place.priority] - ranks[best.place.priority]
      if (ahead < 0 || (ahead === 0 && entry.place.expectedOutput < best.place.expectedOutput)) best = entry
    }
    return best?.item
  }

  /** Who is next; the same until somebody comes or leaves, but for those whose patience ends. */
  next(now: number): A | undefined {
    if (this.#admissions % share === share - 1) {
      const oldest = this.#oldest()
      if (oldest !== undefined && now - oldest.since >= patience) return oldest.item
    }
    for (const inClass of this.#classes) {
      const again = first(inClass.again)
      if (again !== undefined) return again.item
      for (const [name, group] of inClass.groups) {
        const entry = first(group)
        if (entry !== undefined) return entry.item
        inClass.groups.delete(name)
      }
    }
    return undefined
  }

  /** @returns whether it was waiting */
  remove(item: A, reason: "admitted" | "left"): boolean {
    const entry = this.#entries.get(item)
    if (entry === undefined) return false
    entry.isWaiting = false
    this.#entries.delete(item)
    if (reason === "admitted") {
      this.#admissions++
      const { groups } = this.#classOf(entry)
      const group = groups.get(entry.place.group)
      if (group !== undefined && !entry.place.again) {
        groups.delete(entry.place.group)
        if (first(group) !== undefined) groups.set(entry.place.group, group)
      }
    }
    if (this.#byAge.length - this.#ageStart > 2 * this.#entries.size + 64) this.#tidy()
    return true
  }

  #classOf({ place }: Entry<A>): Class<A> {
    const found = this.#classes[ranks[place.priority]]
    if (found === undefined) throw new Error(`no class for ${place.priority}`)
    return found
  }

  #oldest(): Entry<A> | undefined {
    for (; this.#ageStart < this.#byAge.length; this.#ageStart++) {
      const entry = this.#byAge[this.#ageStart]
      if (entry?.isWaiting === true) return entry
    }
    return undefined
  }

  /** Those that have left stay in the heaps until they come to the top, or are more than those that wait. */
  #tidy(): void {
    const isWaiting = (entry: Entry<A>) => entry.isWaiting
    this.#byAge = this.#byAge.slice(this.#ageStart).filter(isWaiting)
    this.#ageStart = 0
    for (const { again, groups } of this.#classes) {
      again.keep(isWaiting)
      for (const [name, group] of groups) {
        group.keep(isWaiting)
        if (group.size === 0) groups.delete(name)
      }
    }
  }
}

const first = <A>(heap: Heap<Entry<A>>): Entry<A> | undefined => {
  for (;;) {
    const top = heap.peek()
    if (top === undefined || top.isWaiting) return top
    heap.pop()
  }
}
