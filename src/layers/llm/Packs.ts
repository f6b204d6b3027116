import { Deferred, Effect, Option, Scope } from "effect"
import type { Cause } from "effect"
import type { ItemKey } from "../../domain/Ids.ts"
import { ChatModel } from "../../services/ChatModel.ts"
import type { ModelError } from "../../services/ChatModel.ts"
import { FallbackModel } from "../../services/Fallback.ts"
import { Gate } from "../../services/Gate.ts"
import { unreadable } from "../../services/Journal.ts"
import { demandOf, ModelCalls, poolOf } from "../../services/ModelCalls.ts"
import { millisOf } from "../../services/Monotonic.ts"
import { Run } from "../../services/Run.ts"
import { RunStopped } from "../../services/RunStopped.ts"
import type { StorageError } from "../../services/StorageError.ts"
import { isFault } from "./Answer.ts"
import type { Fault } from "./Answer.ts"
import { decodeAnswer, halved, halves, makeItem } from "./Items.ts"
import type { Item, ItemText, StoredAnswer } from "./Items.ts"
import * as Pack from "./Pack.ts"
import * as Plan from "./Plan.ts"

/** Content faults of one item before it is given up. */
const maxAttempts = 3

/** Rejections in a row, before anything was ever answered, that say that it is not the chunks' fault. */
const hopeless = 5

/**
 * Items share calls. A pack is made when the gate admits its call, of what waits at that moment: so it is as full as it
 * can be without anyone waiting for it, and nothing that is ready waits while the gate would admit, but for the time
 * until the first answers have shown how much room answers need. A call that fails as a whole through its content is
 * bisected until the poisonous item is alone; an item that is missing or invalid in an answer is asked again alone; what
 * an answer did not get to before it was cut off waits again.
 */
export const make = Effect.fnUntraced(function* (options: Pack.PackOptions) {
  const run = yield* Run
  const calls = yield* ModelCalls
  const gate = yield* Gate
  const model = yield* ChatModel
  const fallback = yield* FallbackModel
  const scope = yield* Scope.Scope
  const prompt = options.system.length + JSON.stringify(options.schema).length
  const plan = new Plan.Plan(options, { timeout: model.timeout, prompt })
  const pool = poolOf({ endpoint: model.endpoint, model: options.model })
  const { requestOf, send: sendPack } = Pack.make(options, plan)
  /** Calls at the gate that will take from what waits. */
  let queued = 0
  let answeredOnce = false
  let rejections = 0

  const giveUp = (item: Item, { cause, message }: Fault, response: string | undefined) =>
    Deferred.fail(item.answered, { _tag: "ItemFailure", cause, message, attempts: item.attempts, response })

  const again = (item: Item, fault: Fault, cap: number, response: string): Effect.Effect<unknown> => {
    if (fault.cause === "truncated") {
      plan.cutAlone(item, cap)
      return fork([item])
    }
    item.attempts++
    return item.attempts >= maxAttempts ? giveUp(item, fault, response.slice(0, 4000)) : fork([item])
  }

  const bisect = (pack: ReadonlyArray<Item>): Effect.Effect<unknown> => {
    const middle = Math.ceil(pack.length / 2)
    return Effect.andThen(fork(pack.slice(0, middle)), fork(pack.slice(middle)))
  }

  /** The first that a cut answer did not get to may be what makes it long: the second time it is asked alone. */
  const unanswered = (rest: ReadonlyArray<Item>): Effect.Effect<unknown> => {
    const [first, ...others] = rest
    if (first === undefined) return Effect.void
    first.cuts++
    for (const item of first.cuts > 1 ? others : rest) plan.queue.add(item)
    return first.cuts > 1 ? fork([first]) : Effect.void
  }

  const settle = (
    { cap, items: pack }: Pack.Pack,
    { content, given, judgement }: Pack.Given,
    standing: ReadonlyMap<ItemKey, string>
  ) => {
    const rest: Array<Item> = []
    return Effect.forEach(
      pack,
      (item, index) => {
        const standingAnswer = standing.get(item.key)
        if (standingAnswer !== undefined) {
          const own = given.get(item.key)
          if (own?.encoded === standingAnswer) return Deferred.succeed(item.answered, own.answer)
          return Option.match(decodeAnswer(standingAnswer), {
            onNone: () => Deferred.fail(item.answered, unreadable(item.key)),
            onSome: (stored) => Deferred.succeed(item.answered, stored)
          })
        }
        if (judgement._tag === "unusable")
          return pack.length > 1 ? Effect.void : again(item, judgement.fault, cap, content)
        const one = judgement.items.get(Pack.label(index))
        if (one === undefined) rest.push(item)
        return one !== undefined && isFault(one) ? again(item, one, cap, content) : Effect.void
      },
      { discard: true }
    ).pipe(
      Effect.andThen(
        Effect.suspend(() => (judgement._tag === "unusable" && pack.length > 1 ? bisect(pack) : unanswered(rest)))
      )
    )
  }

  const refused = ({ cap, items }: Pack.Pack, error: ModelError) => {
    const { message, reason } = error
    if (reason._tag === "Unrecorded") {
      return Effect.forEach(items, (item) => giveUp(item, { cause: "unrecorded", message }, undefined), {
        discard: true
      })
    }
    if (plan.toldLimit(message, cap, items)) {
      for (const item of items) plan.queue.add(item)
      return Effect.void
    }
    const [only, ...others] = items
    if (only === undefined || others.length > 0) return bisect(items)
    if (reason._tag === "RequestTooLarge") {
      if (plan.withLess(only, cap)) return fork(items)
      if (Option.isSome(halves(only.text))) return Deferred.succeed(only.answered, halved)
      only.attempts++
      const why = `The request is too large, and the text too short to be halved: ${message}`
      return giveUp(only, { cause: "rejected", message: why }, undefined)
    }
    rejections++
    only.attempts++
    return answeredOnce || rejections < hopeless
      ? giveUp(only, { cause: "rejected", message: `The provider rejected the request: ${message}` }, undefined)
      : Deferred.fail(
          only.answered,
          new RunStopped({
            reason: "configuration",
            retryable: false,
            message: `The provider has rejected each of the first ${rejections} requests, so it is not for what they hold: ${message} Check --model, and whether the server knows JSON schemas.`
          })
        )
  }

  /** While it is under way, others wait at the gate. */
  const send = (pack: Pack.Pack, chat: ChatModel["Service"], name: string) =>
    Effect.andThen(queueCalls, sendPack(pack, chat, name))

  /** One call, for the items given or for whatever waits; what becomes of them is told to each. */
  const callOnce = (fixed: ReadonlyArray<Item> | undefined): Effect.Effect<void> => {
    let pack: ReadonlyArray<Item> = fixed ?? []
    let isTaken = false
    return calls
      .call({
        run: run.id,
        kind: "extraction",
        endpoint: model.endpoint,
        model: options.model,
        priority: run.priority,
        take: () => {
          if (fixed === undefined) {
            isTaken = true
            queued--
            pack = plan.take()
          }
          return requestOf(pack)
        },
        peek: () => Option.map(requestOf(fixed ?? plan.next()), demandOf),
        ...(fixed === undefined ? {} : { expectedOutput: fixed.reduce((sum, { tokens }) => sum + tokens, 0) }),
        send: (pack) => send(pack, model, options.model),
        ...Option.match(fallback, {
          onNone: () => ({}),
          onSome: ({ chat, model: name }) => ({
            fallback: { endpoint: chat.endpoint, model: name, send: (pack: Pack.Pack) => send(pack, chat, name) }
          })
        }),
        links: ({ items }) => items.flatMap(({ span }) => (span === undefined ? [] : [{ span, attributes: {} }]))
      })
      .pipe(
        Effect.tap(
          Effect.map(gate.state, (state) => {
            plan.ended(pack)
            plan.inform(state.get(pool))
          })
        ),
        Effect.flatMap(
          Option.match({
            onNone: () => {
              if (fixed === undefined && !isTaken) queued--
              return Effect.void
            },
            onSome: (outcome): Effect.Effect<unknown> => {
              if (outcome._tag === "refused") return refused(outcome.payload, outcome.error)
              answeredOnce = true
              const { answers, payload, response } = outcome.result
              return settle(payload, response.value, answers)
            }
          })
        ),
        // Something may have come meanwhile that counted on this call, or that had to wait for what it teaches.
        Effect.andThen(queueCalls),
        Effect.catchCause((cause) => endAll(pack, cause))
      )
  }

  /** What ends one call, ends all: what waits may have counted on it, and another would fare no better. */
  const endAll = (pack: ReadonlyArray<Item>, cause: Cause.Cause<RunStopped | StorageError>) =>
    Effect.suspend(() =>
      Effect.forEach(
        [...pack, ...plan.queue.take(plan.queue.size)],
        (item) => Deferred.failCause(item.answered, cause),
        { discard: true }
      )
    )

  const fork = (fixed: ReadonlyArray<Item> | undefined): Effect.Effect<unknown> => Effect.forkIn(callOnce(fixed), scope)

  /** As many calls wait at the gate as what waits could fill; packs that close early leave items to the calls queued then. */
  const queueCalls: Effect.Effect<void> = Effect.clockWith((clock) => {
    if (queued >= plan.calls(queued, millisOf(clock))) return Effect.void
    queued++
    return Effect.andThen(fork(undefined), queueCalls)
  })

  /** While the first answers take long, others are asked. */
  const look = Effect.andThen(Effect.sleep(1_000), queueCalls).pipe(
    Effect.repeat({ while: () => plan.isProbing }),
    Effect.catchCause((cause) => endAll([], cause))
  )
  let isLooking = false

  return {
    /** What is learned of the length of answers. */
    caps: plan.caps,
    /** Waits for the item's answer, which is in the journal by then. */
    ask: (text: ItemText): Effect.Effect<StoredAnswer, Effect.Error<ReturnType<typeof awaited>>> =>
      Effect.suspend(() => {
        const item = makeItem(text)
        plan.opened++
        plan.queue.add(item)
        return queueCalls.pipe(
          Effect.andThen(
            Effect.suspend(() => {
              if (isLooking || !plan.isProbing) return Effect.void
              isLooking = true
              return Effect.forkIn(look, scope)
            })
          ),
          Effect.andThen(awaited(item)),
          Effect.ensuring(Effect.sync(() => plan.opened--))
        )
      })
  }
})

const awaited = (item: Item) => Deferred.await(item.answered)
