import { Clock, Context, Effect, Layer, Option } from "effect"
import type { Result } from "effect"
import type { ItemKey } from "../domain/Ids.ts"
import { Budget } from "./Budget.ts"
import type { Reserved } from "./Budget.ts"
import { mayBeCharged, ModelError, RequestTooLarge, retryAfter } from "./ChatModel.ts"
import type { Usage } from "./ChatModel.ts"
import { Standby } from "./Fallback.ts"
import { Gate } from "./Gate.ts"
import type { Demand, Permit, Ticket } from "./Gate.ts"
import * as GroupCommit from "./GroupCommit.ts"
import { Journal } from "./Journal.ts"
import type { Reservation, Settlement } from "./Journal.ts"
import { demandOf } from "./ModelCall.ts"
import type { Call, CallRefused, CallResult, Request, Response, Target } from "./ModelCall.ts"
import { cost, highestCost, ModelCatalog } from "./ModelCatalog.ts"
import * as Monotonic from "./Monotonic.ts"
import { OpenRequests } from "./OpenRequests.ts"
import { Retry } from "./Retry.ts"
import type { Verdict } from "./Retry.ts"
import { RunStopped } from "./RunStopped.ts"
import type { StorageError } from "./StorageError.ts"

export { demandOf } from "./ModelCall.ts"
export type { Call, CallRefused, CallResult, Request, Response, Target } from "./ModelCall.ts"

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
 * The one door to every model: admission, reservation, sending, settlement, retry. A request is reserved in the budget
 * and, durably, in the journal before it is sent, and its valid answers are in the journal, durably, before anyone sees
 * them. That goes for each attempt by itself.
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
    /**
     * From now on nothing is sent, and who waits to send waits for good. What is in flight is paid for, so its answers are
     * awaited until they are in the journal, for so many milliseconds at most. @returns the calls that are still in flight
     */
    readonly drain: (millis: number) => Effect.Effect<number>
    /** Requests that are reserved and not settled. */
    readonly open: Effect.Effect<number>
  }
>()("sluice/services/ModelCalls") {}

/** Virtual time may stand between two milliseconds; the journal's does not. */
const currentMillis = Effect.map(Clock.currentTimeMillis, Math.round)

/** The request's own fault: the provider did answer. */
const isRefusal = ({ reason }: ModelError): boolean =>
  reason._tag === "RequestTooLarge" || reason._tag === "RequestRejected"

/** The name of the pool of limits that all calls to one endpoint and model share. */
export const poolOf = ({ endpoint, model }: { readonly endpoint: string; readonly model: string }): string =>
  `${endpoint} ${model}`

const noUsage: Usage = { input: 0, output: 0, cached: 0 }

type Unsent = { readonly _tag: "nothing" } | { readonly _tag: "tooLarge"; readonly message: string }

/** `verdict`: of a fault of the provider. */
interface Failed<P> {
  readonly _tag: "failed"
  readonly payload: P
  readonly error: ModelError
  readonly verdict: Result.Result<Verdict, RunStopped> | undefined
}

/** What came of an attempt, and what is in the journal of it. What is too large for a limit was not sent. */
type Attempted<P, A> =
  | Unsent
  | Failed<P>
  | { readonly _tag: "answered"; readonly payload: P; readonly response: Response<A> }
type Sent<P, A> = Unsent | Failed<P> | { readonly _tag: "answered"; readonly result: CallResult<P, A> }

/** Nothing is left to be split. */
const isAlone = (request: Option.Option<Request<unknown>>): boolean =>
  Option.exists(request, ({ items }) => items.length < 2)

const make = Effect.gen(function* () {
  const gate = yield* Gate
  const journal = yield* Journal
  const retry = yield* Retry
  const catalog = yield* ModelCatalog
  const budget = yield* Budget
  const counts: CallCounts = { sent: 0, inFlight: 0, retried: 0, journal: 0, note: undefined }
  const standbys = new Map<string, Standby>()
  let ordinal = 0
  const requests = new OpenRequests()

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

  /** One request, if there is any: from its admission until what came of it is in the journal; undefined: see `Standby`. */
  const attemptOnce = <P, A>(
    spec: Call<P, A>,
    target: Target<P, A>,
    attempt: number,
    take: () => Option.Option<Request<P>>,
    peek: () => Option.Option<Demand>,
    standby: Standby | undefined
  ): Effect.Effect<Sent<P, A> | undefined, RunStopped | StorageError> => {
    const pool = poolOf(target)
    const price = catalog.price(target.model)
    const id = `${spec.run}-${++ordinal}`
    let isStarted = false
    let reserved: Reserved | undefined

    const withinBudget = ({ inputTokens, items, outputTokens }: Request<P>) =>
      Effect.uninterruptibleMask((restore) =>
        Effect.flatMap(
          restore(
            budget.reserve({ model: target.model, price, inputTokens, outputTokens, isDivisible: items.length > 1 })
          ),
          (given) => {
            if (given === undefined) return Effect.succeed(false)
            if (requests.isClosed) return Effect.andThen(given.release, restore(Effect.never))
            requests.began()
            reserved = given
            return Effect.succeed(true)
          }
        )
      )

    const sending = Effect.fnUntraced(function* (
      permit: Permit
    ): Effect.fn.Return<Attempted<P, A>, RunStopped | StorageError> {
      isStarted = true
      if (requests.isClosed) return yield* Effect.never
      const request = take()
      if (Option.isNone(request)) return { _tag: "nothing" }
      const { group, inputTokens, items, outputTokens, payload } = request.value
      if (!(yield* withinBudget(request.value))) {
        return { _tag: "tooLarge", message: "It is too large for what the budget has left" }
      }
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
        usd: highestCost(price, inputTokens, outputTokens),
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
        return { _tag: "answered", payload, response: sent.success }
      }
      const error = sent.failure
      const verdict = isRefusal(error) ? undefined : yield* Effect.result(retry.onFault(pool, attempt, error))
      yield* permit.settle({ _tag: "failed", error, freeze: verdict?._tag === "Success" ? verdict.success.freeze : 0 })
      return { _tag: "failed", payload, error, verdict }
    })

    const ticket: Ticket = {
      pool,
      priority: spec.priority,
      again: attempt > 1,
      ...(spec.group === undefined ? {} : { group: spec.group }),
      ...(spec.expectedOutput === undefined ? {} : { expectedOutput: spec.expectedOutput }),
      demand: peek,
      onTaken: take
    }
    const admitted = gate.admit(ticket, sending).pipe(
      Effect.catchTag("NotAdmitted", ({ message, reason }) =>
        reason === "notAllowed" && isAlone(take())
          ? Effect.fail(
              new RunStopped({
                reason: "configuration",
                retryable: false,
                message: `${message}: raise it, or leave it out.`
              })
            )
          : Effect.succeed<Attempted<P, A>>(reason === "nothing" ? { _tag: "nothing" } : { _tag: "tooLarge", message })
      )
    )

    const answered = Effect.fnUntraced(function* (payload: P, response: Response<A>) {
      const standing = yield* settle({
        call: id,
        outcome: "answered",
        usage: response.usage,
        usd: cost(price, response.usage),
        model: response.model,
        response: response.raw,
        answers: response.answers,
        at: yield* currentMillis
      })
      if (reserved !== undefined) yield* reserved.settle(response.usage)
      const answers = new Map(response.answers.map(({ key, value }) => [key, standing.get(key) ?? value]))
      return { _tag: "answered", result: { payload, response, answers } } as const
    })

    const failed = Effect.fnUntraced(function* (fault: Failed<P>) {
      const { error } = fault
      const isLost = mayBeCharged(error)
      yield* settle({
        call: id,
        outcome: isLost ? "lost" : "failed",
        usage: noUsage,
        usd: 0,
        response: `${error.reason._tag}: ${error.message}`,
        answers: [],
        at: yield* currentMillis
      })
      if (reserved !== undefined && !isLost) yield* reserved.release
      return fault
    })

    return (standby === undefined ? admitted : standby.unlessChanged(admitted, () => isStarted)).pipe(
      Effect.flatMap((outcome): Effect.Effect<Sent<P, A> | undefined, RunStopped | StorageError> => {
        if (outcome?._tag === "answered") return answered(outcome.payload, outcome.response)
        return outcome?._tag === "failed" ? failed(outcome) : Effect.succeed(outcome)
      }),
      Effect.ensuring(
        Effect.suspend(() => (reserved === undefined ? Effect.void : Effect.andThen(reserved.keep, requests.ended)))
      )
    )
  }

  const call = Effect.fnUntraced(function* <P, A>(spec: Call<P, A>) {
    const standby = standbyOf(spec)
    let taken: Option.Option<Request<P>> | undefined
    const take = () => (taken ??= spec.take())
    const peek = () => (taken === undefined && spec.peek !== undefined ? spec.peek() : Option.map(take(), demandOf))

    for (let attempt = 1; ; attempt++) {
      const isSecond = standby?.choose(yield* Monotonic.millis) === "second"
      const target = isSecond && spec.fallback !== undefined ? spec.fallback : spec
      const sent = yield* attemptOnce(spec, target, attempt, take, peek, standby)
      if (sent === undefined) continue
      if (sent._tag === "nothing") return Option.none()
      if (sent._tag === "tooLarge") {
        const error = new ModelError({ reason: new RequestTooLarge(), retryable: false, message: sent.message })
        return Option.map(take(), ({ payload }) => ({ _tag: "refused" as const, payload, error }))
      }
      const hasAnswered = sent._tag === "answered" || sent.verdict === undefined
      if (hasAnswered) {
        yield* retry.onAnswer(poolOf(target))
        if (!isSecond && standby !== undefined) yield* standby.answered
      }
      if (sent._tag === "answered") {
        counts.note = undefined
        return Option.some(sent)
      }
      const { error, payload, verdict } = sent
      if (verdict === undefined) {
        if (error.reason._tag === "RequestRejected" && error.reason.isMended === true) continue
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
      // What is waited for at a limit is known at the gate.
      counts.note = error.reason._tag === "RateLimited" ? undefined : error.message
      // Who was turned away at a limit waits at the gate, which knows when it opens, but for what it was asked to wait.
      if (error.reason._tag !== "RateLimited" || retryAfter(error) !== undefined) yield* Effect.sleep(wait)
    }
  })

  return ModelCalls.of({ call, lookup, counts, drain: (millis) => requests.drain(millis), open: requests.count })
})

export const layer: Layer.Layer<ModelCalls, never, Gate | Journal | Retry> = Layer.effect(ModelCalls, make)
