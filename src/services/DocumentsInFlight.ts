import { Context, Effect, Exit } from "effect"

/** A document's share of the memory that documents in flight may take. */
export interface Place {
  /** Says how many bytes it takes after all; never waits: it counts for those that come. */
  readonly resize: (bytes: number) => void
  /** Gives it back; once, however often it is called. */
  readonly leave: () => void
}

interface Entry {
  weight: number
  readonly depth: number
}

interface Waiting extends Entry {
  readonly admit: (place: Place) => void
}

/** What a document takes besides its text, in bytes: many small ones count as well. */
const overhead = 4 * 1024

/**
 * Room for documents, in bytes of their text. First come, first served, so that large ones are not overtaken for ever.
 * Not a semaphore, for three reasons: the room may shrink below what somebody waits for; a document that is larger than
 * all of it passes all the same, alone; and what lies in a container passes while no other document of its depth, or
 * deeper, is in flight. Documents that lie less deep may wait behind the container, and give nothing back before it
 * has ended. So somebody can always go on, and at most one document per depth is above the limit.
 */
export class Room {
  #capacity: number
  #used = 0
  #isAdmitting = false
  readonly #inside = new Set<Entry>()
  /** How many are inside, by depth. */
  readonly #depths: Array<number> = []
  /** By depth; of each depth the oldest first. */
  readonly #waiting: Array<Set<Waiting>> = []

  constructor(capacity: number) {
    this.#capacity = capacity
  }

  /** In bytes. */
  get capacity(): number {
    return this.#capacity
  }

  /** Bytes that are taken: more than the capacity if it has shrunk, or where a document had to pass all the same. */
  get used(): number {
    return this.#used
  }

  /** Documents that are in flight. */
  get documents(): number {
    return this.#inside.size
  }

  /** Who is inside stays, whatever the new size. */
  resize(capacity: number): void {
    this.#capacity = capacity
    this.#admit()
  }

  /** Calls `admit` once, now or later, unless what it returns is called before. */
  enter(bytes: number, depth: number, admit: (place: Place) => void): () => void {
    const waiting: Waiting = { weight: bytes + overhead, depth, admit }
    const ones = (this.#waiting[depth] ??= new Set()).add(waiting)
    this.#admit()
    return () => {
      // Those behind it may fit.
      if (ones.delete(waiting)) this.#admit()
    }
  }

  #mayEnter({ depth, weight }: Entry): boolean {
    return this.#used + weight <= this.#capacity || !this.#depths.some((count, other) => other >= depth && count > 0)
  }

  /** The deepest first: those above wait for them. */
  #first(): Waiting | undefined {
    const [first] = this.#waiting.findLast((ones) => ones !== undefined && ones.size > 0) ?? []
    return first
  }

  /** In a loop, never nested: who is admitted may go on at once, and come back here before this returns. */
  #admit(): void {
    if (this.#isAdmitting) return
    this.#isAdmitting = true
    try {
      for (let next = this.#first(); next !== undefined && this.#mayEnter(next); next = this.#first()) {
        this.#waiting[next.depth]?.delete(next)
        next.admit(this.#place(next))
      }
    } finally {
      this.#isAdmitting = false
    }
  }

  #place(entry: Entry): Place {
    const { depth } = entry
    this.#inside.add(entry)
    this.#depths[depth] = (this.#depths[depth] ?? 0) + 1
    this.#used += entry.weight
    return {
      resize: (bytes) => {
        if (!this.#inside.has(entry)) return
        this.#used += bytes + overhead - entry.weight
        entry.weight = bytes + overhead
        this.#admit()
      },
      leave: () => {
        if (!this.#inside.delete(entry)) return
        this.#depths[depth] = (this.#depths[depth] ?? 0) - 1
        this.#used -= entry.weight
        this.#admit()
      }
    }
  }
}

/**
 * The documents between the first phase and the last: from before a document is parsed (where its size is known, from
 * before it is read) until it is written, dead or discarded.
 */
export class DocumentsInFlight extends Context.Service<DocumentsInFlight, Room>()(
  "sluice/services/DocumentsInFlight"
) {}

/**
 * Takes the documents of one run in: waits for room, and gives it to `use`. If that succeeds the place is kept by
 * whoever has it then, else it is given back. Closing the scope gives back all that are left, as when a run stops.
 */
export const make = Effect.gen(function* () {
  const room = yield* DocumentsInFlight
  const held = new Set<Place>()
  yield* Effect.addFinalizer(() => Effect.sync(() => held.forEach((place) => place.leave())))

  const hold = (place: Place): Place => {
    const one: Place = {
      resize: place.resize,
      leave: () => {
        held.delete(one)
        place.leave()
      }
    }
    held.add(one)
    return one
  }

  return <A, E, R>(bytes: number, depth: number, use: (place: Place) => Effect.Effect<A, E, R>) =>
    Effect.suspend(() => {
      let place: Place | undefined
      return Effect.callback<Place>((resume) => {
        const cancel = room.enter(bytes, depth, (given) => {
          place = hold(given)
          resume(Effect.succeed(place))
        })
        return Effect.sync(cancel)
      }).pipe(
        Effect.flatMap(use),
        Effect.onExit((exit) => Effect.sync(() => (Exit.isSuccess(exit) ? undefined : place?.leave())))
      )
    })
})
