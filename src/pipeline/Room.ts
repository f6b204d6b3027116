import { Effect, Exit, Semaphore } from "effect"

/** Bytes and characters of documents in memory at once, on each level of files in files. */
const capacity = 64 * 1024 * 1024

/** A place in memory, until `leave`. */
export interface Place {
  /** It has become so large; takes what is free, and never waits, since whoever has room and waits for more blocks all. */
  readonly grow: (size: number) => Effect.Effect<void>
  /** Gives it back; only the first time counts. */
  readonly leave: Effect.Effect<void>
}

/**
 * Room for documents, from before they are read until they are in the graph: however fast they come and however slow the
 * store is, memory holds no more than a few large ones, and one alone if it is larger than all the room.
 *
 * Each level has room of its own: documents wait in the stream behind a container whose parts have to be read first, and
 * would wait for ever if those were to wait for the room that they take.
 */
export const make = () => {
  const levels = new Map<number, Semaphore.Semaphore>()
  const at = (level: number): Semaphore.Semaphore => {
    const found = levels.get(level) ?? Semaphore.makeUnsafe(capacity)
    levels.set(level, found)
    return found
  }

  const placeOf = (room: Semaphore.Semaphore, taken: number): Place => {
    let held = taken
    return {
      grow: (size) =>
        Effect.suspend(() => {
          const more = Math.min(capacity, size) - held
          if (more <= 0) return Effect.void
          return Effect.map(Semaphore.takeIfAvailable(room, more), (isTaken) => {
            if (isTaken) held += more
          })
        }),
      leave: Effect.suspend(() => {
        const given = held
        held = 0
        return given === 0 ? Effect.void : Semaphore.release(room, given)
      })
    }
  }

  /** Waits for the room, and gives it back if `use` comes to nothing. */
  const within = <A, E, R>(
    level: number,
    size: number,
    use: (place: Place) => Effect.Effect<A, E, R>
  ): Effect.Effect<A, E, R> =>
    Effect.uninterruptibleMask((restore) => {
      const room = at(level)
      const wanted = Math.min(capacity, size)
      return restore(wanted === 0 ? Effect.void : Semaphore.take(room, wanted)).pipe(
        Effect.flatMap(() => {
          const place = placeOf(room, wanted)
          return Effect.onExit(restore(use(place)), (exit) => (Exit.isSuccess(exit) ? Effect.void : place.leave))
        })
      )
    })

  return { within }
}
