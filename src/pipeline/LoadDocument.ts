import { Effect, Option, Semaphore } from "effect"
import { DeadLetter } from "../domain/DeadLetter.ts"
import type { DeadLetterCause } from "../domain/DeadLetter.ts"
import { documentId } from "../domain/Ids.ts"
import type { DocumentId, Recipe } from "../domain/Ids.ts"
import { ParseConcurrency } from "../services/Concurrency.ts"
import type { Place } from "../services/DocumentsInFlight.ts"
import * as GroupCommit from "../services/GroupCommit.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import { Parser } from "../services/Parser.ts"
import { Run } from "../services/Run.ts"
import type { Claims, LoadedDocument, OpenItem } from "./InFlight.ts"
import { RunCounters } from "./Metrics.ts"
import { Discarded } from "./Phase.ts"

export const letter = (source: string, cause: DeadLetterCause, message: string) =>
  new DeadLetter({ stage: "load", cause, message, source, attempts: 1 })

/** What is said of a source, said of its copy. */
const renamed = (message: string, source: string, copy: string): string => {
  if (message.startsWith(`${source} `)) return copy + message.slice(source.length)
  return message.replace(` ${source} `, () => ` ${copy} `)
}

/**
 * A document's bytes to its text, unless it is in the graph already, made by the same recipe, or on its way there under
 * another name: then at most its new name is written down.
 */
export const make = Effect.fnUntraced(function* (options: {
  readonly recipe: Recipe
  readonly claims: Claims
  /** Documents that are asked about at once at most. */
  readonly atOnce: number
}) {
  const { claims } = options
  const working = Semaphore.withPermit(yield* ParseConcurrency)
  const run = yield* Run
  const parser = yield* Parser
  const ledger = yield* Ledger
  const store = yield* GraphStore
  const counters = yield* RunCounters

  const lookUp = yield* GroupCommit.make(
    (asked: ReadonlyArray<{ readonly id: DocumentId; readonly source: string }>) => ledger.documents(run.group, asked),
    { maxBatch: options.atOnce }
  )

  /** Copies that relied on a document which turned out to be unreadable share its fate. */
  const failCopies = (id: DocumentId, failure: DeadLetter) =>
    Effect.suspend(() => {
      const copies = claims.release(id).slice(1)
      if (copies.length === 0) return Effect.void
      counters.documents.unchanged -= copies.length
      counters.documents.failed += copies.length
      return store.commit(
        run.group,
        run.id,
        copies.map((source) => ({
          _tag: "dead-letter",
          letter: letter(source, failure.cause, renamed(failure.message, failure.source, source))
        }))
      )
    })

  /**
   * Points a source at a document that is there, which settles its dead letters; false if the document has been taken out
   * a moment ago, with its last source.
   */
  const isLinked = (document: DocumentId, source: string) =>
    store.commit(run.group, run.id, [{ _tag: "source", source, document }]).pipe(
      Effect.as(true),
      Effect.catchIf(
        ({ reason, retryable }) => reason === "failed" && retryable,
        () => Effect.succeed(false)
      )
    )

  // One for all: making an error takes longer than finding out that a document is there.
  const discarded = new Discarded({ reason: "unchanged" })
  const unchanged = () => {
    counters.documents.unchanged++
    return discarded
  }

  return Effect.fnUntraced(function* ({ item, span }: OpenItem, bytes: Uint8Array, place: Place) {
    const mediaType = item.mediaType === undefined ? undefined : yield* item.mediaType
    const id = documentId(run.group, bytes, parser.formatOfName(item.uri, mediaType))
    span.attribute("sluice.document.id", id)
    if (!claims.claim(id, item.uri)) return yield* unchanged()
    const known = yield* lookUp({ id, source: item.uri })
    if (Option.isSome(known) && known.value.state === "complete" && known.value.recipe === options.recipe) {
      const isSettled = known.value.isPointedAt && !known.value.hasLetter
      if (isSettled || (yield* isLinked(id, item.uri))) {
        const copies = claims.release(id).slice(1)
        yield* Effect.forEach(copies, (source) => isLinked(id, source), { discard: true })
        return yield* unchanged()
      }
    }
    const parsed = yield* parser.parse(item.uri, bytes, mediaType).pipe(
      working,
      Effect.mapError((error) => letter(item.uri, error.reason, error.message)),
      Effect.tapError((failure) => failCopies(id, failure))
    )
    // The file may have been pictures for the most part, or packed.
    place.resize(parsed.text.length)
    const loaded: LoadedDocument = {
      document: { ...parsed, id, group: run.group },
      source: item.uri,
      isRetried: Option.exists(known, ({ recipe, state }) => state === "partial" && recipe === options.recipe),
      span,
      leave: Effect.sync(place.leave)
    }
    return loaded
  })
})
