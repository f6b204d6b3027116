import { Clock, Context, Effect, Layer, Option } from "effect"
import type { Result, Tracer } from "effect"
import type { Group, ItemKey, RunId } from "../domain/Ids.ts"
import { ModelError, RequestTooLarge } from "./ChatModel.ts"
import type { Usage } from "./ChatModel.ts"
import { Standby } from "./Fallback.ts"
import { Gate } from "./Gate.ts"
import type { Demand, NotAdmitted, Permit, Ticket } from "./Gate.ts"
import * as GroupCommit from "./GroupCommit.ts"
import { Journal } from "./Journal.ts"
import type { Answer, Reservation, Settlement } from "./Journal.ts"
import { cost, ModelCatalog } from "./ModelCatalog.ts"
import { Retry } from "./Retry.ts"
import type { Verdict } from "./Retry.ts"
import type { RunStopped } from "./RunStopped.ts"
import type { StorageError } from "./StorageError.ts"

/** What a call would send, and at most use. */
export interface Request<P> {
  readonly payload: P
  readonly group: Group
  readonly items: ReadonlyArray<ItemKey>
  /** At most, for the budget. */
  readonly inputTokens: number
  readonly outputTokens: number
  /** Likely, for the gate; absent: what it is at most. */
  readonly expected?: { readonly inputTokens: number; readonly outputTokens: number }
}

/** What came back, and what it is worth. */
export interface Response<A> {
  readonly value: A
  readonly usage: Usage
  /** The model that answered. */
  readonly model: string
  /** For the journal. */
  readonly raw: string
  /** For the gate: names in lower case. */
  readonly headers?: Readonly<Record<string, string>>
  /** The items that are answered validly. */
  readonly answers: ReadonlyArray<Answer>
}

/** Whom a call asks. */
export interface Target<P, A> {
  readonly endpoint: string
  readonly model: string
  /** One attempt. Errors that are not the provider's fault are the caller's affair: they come back as they are. */
  readonly send: (payload: P) => Effect.Effect<Response<A>, ModelError>
}

export interface Call<P, A> extends Target<P, A> {
  readonly run: RunId
  readonly kind: "extraction" | "embedding"
  /** Asked instead, through its own pool, while the first cannot be had; its answers stand for the same items. */
  readonly fallback?: Target<P, A>
  readonly priority: Ticket["priority"]
  /** Groups take turns at the gate. */
  readonly group?: Group
  /** Asked once, when the gate has admitted the call: what is waiting by then goes together. Nothing: no call. */
  readonly take: () => Option.Option<Request<P>>
  /** What `take` would ask for now, without taking it; absent: the call takes when it is next, and waits with that. */
  readonly peek?: () => Option.Option<Demand>
  /** Of the calls that wait, the longest go first. */
  readonly expectedOutput?: number
  /** Spans of the documents that the items come from. */
  readonly links?: (payload: P) => ReadonlyArray<Tracer.SpanLink>
}

export interface CallResult<P, A> {
  readonly payload: P
  readonly response: Response<A>
  /** The answers that stand in the journal: older ones, where another process was faster. */
  readonly answers: ReadonlyMap<ItemKey, string>
}

/** A call that was sent, and that the provider will not answer as it is: split what it carries. */
export interface CallRefused<P> {
  readonly payload: P
  readonly error: ModelError
}

/** Counts for the progress display. */
export interface CallCounts {
  sent: number
  inFlight: number
  retried: number
  /** Answers taken from the journal. */
  journal: number
  note: string | undefined
}

/**
 * The one door to every model: admission, reservation, sending, settlement, retry. A request is reserved in the journal,
 * durably, before it is sent, and its valid answers are in the journal, durably, before anyone sees them.
 */
export class ModelCalls extends Context.Service<
  ModelCalls,
  {
    /** `none`: there was nothing to send. */
    readonly call: <P, A>(
      spec: Call<P, A>
    ) => Effect.Effect<
      Option.Option<
        | { readonly _tag: "answered"; readonly result: CallResult<P, A> }
        | ({ readonly _tag: "refused" } & CallRefused<P>)
      >,
      RunStopped | StorageError
    >
    /** Natural batches of journal look-ups; counts what it finds. */
    readonly lookup: (key: ItemKey) => Effect.Effect<Option.Option<string>, StorageError>
    readonly counts: CallCounts
  }
>()("sluice/services/ModelCalls") {}

/** Virtual time may stand between two milliseconds; the journal's does not. */
const currentMillis = Effect.map(Clock.currentTimeMillis, Math.round)

/** The request's own fault: the provider did answer. */
const isRefusal = ({ reason }: ModelError): boolean =>
  reason._tag === "RequestTooLarge" || reason._tag === "RequestRejected"

export const demandOf = ({ expected, inputTokens, outputTokens }: Request<unknown>): Demand => ({
  inputTokens: expected?.inputTokens ?? inputTokens,
  outputCap: outputTokens,
  expectedOutput: Math.min(outputTokens, expected?.outputTokens ?? outputTokens)
})

/** The name of the pool of limits that all calls to one endpoint and model share. */
export const poolOf = ({ endpoint, model }: { readonly endpoint: string; readonly model: string }): string =>
  `${endpoint} ${model}`

const noUsage: Usage = { input: 0, output: 0, cached: 0 }

/** `verdict`: of a fault of the provider. */
interface Sent<P, A> {
  readonly payload: P
  readonly sent: Result.Result<Response<A>, ModelError>
  readonly verdict: Result.Result<Verdict, RunStopped> | undefined
}

/** What is too large for a limit was not sent, and comes back as if the provider had said so. */
const notAdmitted = <P>({ message, reason }: NotAdmitted, request: Option.Option<Request<P>>) =>
  reason === "nothing"
    ? Option.none()
    : Option.map(request, ({ payload }) => ({
        _tag: "refused" as const,
        payload,
        error: new ModelError({ reason: new RequestTooLarge(), retryable: false, message })
      }))

const make = Effect.gen(function* () {
  const gate = yield* Gate
  const journal = yield* Journal
  const retry = yield* Retry
  const catalog = yield* ModelCatalog
  const counts: CallCounts = { sent: 0, inFlight: 0, retried: 0, journal: 0, note: undefined }
  const standbys = new Map<string, Standby>()
  let ordinal = 0

  const standbyOf = <P, A>(spec: Call<P, A>): Standby | undefined => {
    if (spec.fallback === undefined) return undefined
    const pool = poolOf(spec)
    const known = standbys.get(pool)
    if (known !== undefined) return known
    const made = new Standby(spec.model, spec.fallback.model)
    standbys.set(pool, made)
    return made
  }

  const reserve = yield* GroupCommit.make(
    (batch: ReadonlyArray<Reservation>) => Effect.as(journal.reserve(batch), batch),
    { maxBatch: 500 }
  )
  const settle = yield* GroupCommit.make(
    (batch: ReadonlyArray<Settlement>) => Effect.map(journal.settle(batch), (standing) => batch.map(() => standing)),
    { maxBatch: 500 }
  )
  const find = yield* GroupCommit.make(
    (keys: ReadonlyArray<ItemKey>) =>
      Effect.map(journal.lookup(keys), (found) => keys.map((key) => Option.fromUndefinedOr(found.get(key)))),
    { maxBatch: 2000 }
  )

  const lookup = (key: ItemKey) =>
    Effect.tap(find(key), (found) =>
      Effect.sync(() => {
        if (Option.isSome(found)) counts.journal++
      })
    )

  const call = Effect.fnUntraced(function* <P, A>(spec: Call<P, A>) {
    const standby = standbyOf(spec)
    let taken: Option.Option<Request<P>> | undefined
    const take = () => (taken ??= spec.take())

    for (let attempt = 1; ; attempt++) {
      const isSecond = standby?.choose(yield* currentMillis) === "second"
      const target = isSecond && spec.fallback !== undefined ? spec.fallback : spec
      const pool = poolOf(target)
      const price = catalog.price(target.model)
      let isStarted = false
      const id = `${spec.run}-${++ordinal}`
      const sending = Effect.fnUntraced(function* (
        permit: Permit
      ): Effect.fn.Return<Option.Option<Sent<P, A>>, StorageError> {
        isStarted = true
        const request = take()
        if (Option.isNone(request)) return Option.none()
        const { group, inputTokens, items, outputTokens, payload } = request.value
        yield* reserve({
          call: id,
          run: spec.run,
          group,
          kind: spec.kind,
          endpoint: target.endpoint,
          model: target.model,
          items,
          inputTokens,
          outputTokens,
          usd: cost(price, { input: inputTokens, output: outputTokens, cached: 0 }),
          at: yield* currentMillis
        })
        counts.sent++
        counts.inFlight++
        yield* permit.sending
        const sent = yield* target.send(payload).pipe(
          Effect.ensuring(Effect.sync(() => counts.inFlight--)),
          Effect.withSpan(
            `model.${spec.kind}`,
            {
              attributes: {
                "sluice.call": id,
                "gen_ai.request.model": target.model,
                "sluice.items": items.length,
                attempt
              },
              links: spec.links?.(payload) ?? []
            },
            { captureStackTrace: false }
          ),
          Effect.result
        )
        if (sent._tag === "Success") {
          const { headers = {}, usage } = sent.success
          yield* permit.settle({ _tag: "answered", headers, usage })
          return Option.some({ payload, sent, verdict: undefined })
        }
        const error = sent.failure
        const verdict = isRefusal(error) ? undefined : yield* Effect.result(retry.onFault(pool, attempt, error))
        const freeze = verdict?._tag === "Success" ? verdict.success.freeze : 0
        yield* permit.settle({ _tag: "failed", error, freeze })
        return Option.some({ payload, sent, verdict })
      })
      const ticket: Ticket = {
        pool,
        priority: spec.priority,
        again: attempt > 1,
        ...(spec.group === undefined ? {} : { group: spec.group }),
        ...(spec.expectedOutput === undefined ? {} : { expectedOutput: spec.expectedOutput }),
        demand: () => (taken === undefined && spec.peek !== undefined ? spec.peek() : Option.map(take(), demandOf)),
        onTaken: take
      }
      const admitted = gate
        .admit(ticket, sending)
        .pipe(Effect.catchTag("NotAdmitted", (refusal) => Effect.succeed(refusal)))
      const outcome = yield* standby === undefined ? admitted : standby.unlessChanged(admitted, () => isStarted)
      if (outcome === undefined) continue
      if (!Option.isOption(outcome)) return notAdmitted(outcome, outcome.reason === "nothing" ? Option.none() : take())
      if (Option.isNone(outcome)) return Option.none()
      const { payload, sent, verdict } = outcome.value
      const at = yield* currentMillis

      if (sent._tag === "Success") {
        const response = sent.success
        yield* retry.onAnswer(pool)
        if (!isSecond && standby !== undefined) yield* standby.answered
        counts.note = undefined
        const standing = yield* settle({
          call: id,
          outcome: "answered",
          usage: response.usage,
          usd: cost(price, response.usage),
          model: response.model,
          response: response.raw,
          answers: response.answers,
          at
        })
        const answers = new Map(response.answers.map(({ key, value }) => [key, standing.get(key) ?? value]))
        return Option.some({ _tag: "answered" as const, result: { payload, response, answers } })
      }

      const error = sent.failure
      yield* settle({
        call: id,
        outcome: "failed",
        usage: noUsage,
        usd: 0,
        response: `${error.reason._tag}: ${error.message}`,
        answers: [],
        at
      })
      if (verdict === undefined) {
        yield* retry.onAnswer(pool)
        if (!isSecond && standby !== undefined) yield* standby.answered
        return Option.some({ _tag: "refused" as const, payload, error })
      }
      const stopped = verdict._tag === "Failure" ? verdict.failure : undefined
      const isElsewhere =
        standby !== undefined && (yield* isSecond ? standby.secondFailed(stopped) : standby.firstFailed(error, stopped))
      if (isElsewhere) {
        counts.retried++
        // The other has not failed yet.
        attempt = 1
        continue
      }
      const { wait } = yield* Effect.fromResult(verdict)
      counts.retried++
      counts.note = `${error.reason._tag}: ${error.message}`
      // Who was turned away at a limit waits at the gate, which knows when it opens.
      if (error.reason._tag !== "RateLimited") yield* Effect.sleep(wait)
    }
  })

  return ModelCalls.of({ call, lookup, counts })
})

export const layer: Layer.Layer<ModelCalls, never, Gate | Journal | Retry> = Layer.effect(ModelCalls, make)
