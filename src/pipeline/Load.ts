import { Effect, Exit, Option, Semaphore } from "effect"
import { DeadLetter } from "../domain/DeadLetter.ts"
import type { DeadLetterCause } from "../domain/DeadLetter.ts"
import { documentId } from "../domain/Ids.ts"
import type { DocumentId, Recipe } from "../domain/Ids.ts"
import { ceilings, ParseConcurrency } from "../services/Concurrency.ts"
import * as GroupCommit from "../services/GroupCommit.ts"
import { GraphStore } from "../services/GraphStore.ts"
import { Ledger } from "../services/Ledger.ts"
import { Parser } from "../services/Parser.ts"
import { Run } from "../services/Run.ts"
import { endSpan } from "./InFlight.ts"
import type { Claims, LoadedDocument, OpenItem } from "./InFlight.ts"
import { RunCounters } from "./Metrics.ts"
import { Discarded } from "./Phase.ts"
import * as Phase from "./Phase.ts"

/**
 * Source item to parsed document. A document that is in the graph already, made by the same recipe, needs no further
 * work; if it comes under a new name, the name is written down.
 */
export const load = Effect.fnUntraced(function* (options: { readonly recipe: Recipe; readonly claims: Claims }) {
  const { claims } = options
  const run = yield* Run
  const parser = yield* Parser
  const ledger = yield* Ledger
  const store = yield* GraphStore
  const counters = yield* RunCounters
  const permits = yield* ParseConcurrency

  const lookUp = yield* GroupCommit.make(
    (asked: ReadonlyArray<{ readonly id: DocumentId; readonly source: string }>) => ledger.documents(run.group, asked),
    { maxBatch: ceilings.parse }
  )

  const letter = (source: string, cause: DeadLetterCause, message: string) =>
    new DeadLetter({ stage: "load", cause, message, source, attempts: 1 })

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
        copies.map((source) => ({ _tag: "dead-letter", letter: letter(source, failure.cause, failure.message) }))
      )
    })

  /** Points a source at a document that is there, which settles its dead letters; false if it has been taken out a moment ago, with its last source. */
  const isLinked = (document: DocumentId, source: string) =>
    store.commit(run.group, run.id, [{ _tag: "source", source, document }]).pipe(
      Effect.as(true),
      Effect.catchIf(
        ({ reason, retryable }) => reason === "failed" && retryable,
        () => Effect.succeed(false)
      )
    )

  const unchanged = () => {
    counters.documents.unchanged++
    return new Discarded({ reason: "unchanged" })
  }

  const process = Effect.fnUntraced(function* ({ item, span }: OpenItem) {
    const bytes = yield* item.read.pipe(Effect.mapError((error) => letter(item.uri, error.reason, error.message)))
    const id = documentId(run.group, bytes, parser.formatOfName(item.uri))
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
    const parsed = yield* parser.parse(item.uri, bytes).pipe(
      Effect.mapError((error) => letter(item.uri, error.reason, error.message)),
      Effect.tapError((failure) => failCopies(id, failure))
    )
    const loaded: LoadedDocument = { document: { ...parsed, id, group: run.group }, source: item.uri, span }
    return loaded
  })

  return Phase.make({
    name: "load",
    concurrency: ceilings.parse,
    describe: ({ item, span }: OpenItem) => ({ parent: span, attributes: { "sluice.source": item.uri } }),
    run: (open: OpenItem) =>
      Semaphore.withPermit(permits, process(open)).pipe(
        Effect.tapError((error) => endSpan(open.span, error._tag === "Discarded" ? Exit.void : Exit.fail(error)))
      )
  })
})
