import { Deferred, Effect, Option, Scope } from "effect"
import type { ItemKey } from "../../domain/Ids.ts"
import { ChatModel } from "../../services/ChatModel.ts"
import type { ChatResponse } from "../../services/ChatModel.ts"
import { FallbackModel } from "../../services/Fallback.ts"
import { unreadable } from "../../services/Journal.ts"
import { demandOf, ModelCalls } from "../../services/ModelCalls.ts"
import type { Request } from "../../services/ModelCalls.ts"
import { Run } from "../../services/Run.ts"
import { RunStopped } from "../../services/RunStopped.ts"
import type { StorageError } from "../../services/StorageError.ts"
import { isFault, judge } from "./Answer.ts"
import type { Fault, Judgement } from "./Answer.ts"
import { Caps } from "./Caps.ts"
import { decodeAnswer, encodeAnswer, halved } from "./Items.ts"
import type { Item, StoredAnswer } from "./Items.ts"
import { messages } from "./Prompt.ts"

export interface PackOptions {
  readonly model: string
  readonly system: string
  readonly schema: object
  /** At most so many items a call; their texts together at most `maxTokens`, unless one alone has more. */
  readonly maxItems: number
  readonly maxTokens: number
}

/** Content faults of one item before it is given up. */
const maxAttempts = 3

/** Rejections in a row, before anything was ever answered, that say that it is not the chunks' fault. */
const hopeless = 5

/** What current models can answer at once, at the least. */
const maxOutputTokens = 16_384

/** Room for reasoning and structure, and for an answer that is longer than its text. */
const firstCap = (pack: ReadonlyArray<Item>): number => pack.reduce((sum, { tokens }) => sum + 1500 + 5 * tokens, 0)

const tokensOf = (pack: ReadonlyArray<Item>): number => pack.reduce((sum, { tokens }) => sum + tokens, 0)

/** Items that share a call, and the room that its answer has. */
interface Pack {
  readonly items: ReadonlyArray<Item>
  readonly cap: number
}

/** An answer, judged. */
interface Given {
  readonly judgement: Judgement
  readonly content: string
  /** What of it is kept, as it is and as the journal has it. */
  readonly given: ReadonlyMap<ItemKey, { readonly answer: StoredAnswer; readonly encoded: string }>
}

const label = (index: number) => `c${index + 1}`

/**
 * Items share calls. A pack is made when the gate admits its call, of what waits at that moment: so it is as full as it
 * can be without anyone waiting for it, and nothing that is ready waits while the gate would admit. A call that fails as
 * a whole through its content is bisected until the poisonous item is alone; an item that is missing or invalid in an
 * answer is asked again alone.
 */
export const make = Effect.fnUntraced(function* (options: PackOptions) {
  const run = yield* Run
  const calls = yield* ModelCalls
  const model = yield* ChatModel
  const fallback = yield* FallbackModel
  const scope = yield* Scope.Scope
  const caps = new Caps()
  const schemaLength = JSON.stringify(options.schema).length
  const waiting: Array<Item> = []
  /** Calls at the gate that will take from what waits. */
  let queued = 0
  let answeredOnce = false
  let rejections = 0

  /**
   * Only an expectation: what a lone chunk's answer finds no room in is asked again with all the room there is, so that
   * packing does not decide what is cut.
   */
  const outputCap = (pack: ReadonlyArray<Item>): number =>
    pack.some(({ needsRoom }) => needsRoom)
      ? maxOutputTokens
      : Math.min(maxOutputTokens, caps.cap(tokensOf(pack), pack.length) ?? firstCap(pack))

  /** What the next pack would be: of one group, as much as fits. */
  const nextPack = (): ReadonlyArray<Item> => {
    const [first] = waiting
    if (first === undefined) return []
    let tokens = 0
    let count = 0
    for (const item of waiting) {
      if (item.group !== first.group || count === options.maxItems) break
      if (count > 0 && tokens + item.tokens > options.maxTokens) break
      tokens += item.tokens
      count++
    }
    return waiting.slice(0, count)
  }

  const toRequest = (items: ReadonlyArray<Item>): Option.Option<Request<Pack>> => {
    const [first] = items
    if (first === undefined) return Option.none()
    const cap = outputCap(items)
    const length =
      options.system.length +
      schemaLength +
      items.reduce((sum, { header, text }) => sum + header.length + text.length + 50, 0)
    return Option.some({
      payload: { items, cap },
      group: first.group,
      items: items.map(({ key }) => key),
      inputTokens: Math.ceil(length / 3),
      outputTokens: cap,
      expected: {
        inputTokens: Math.ceil(length / 4),
        outputTokens: caps.expected(tokensOf(items), items.length) ?? Math.ceil(cap / 3)
      }
    })
  }

  const labelled = (pack: ReadonlyArray<Item>) =>
    pack.map(({ header, text }, index) => ({ id: label(index), header, text }))

  /** What of an answer is to be kept, by item: valid extractions, and that a lone item was too long. */
  const worth = ({ cap, items: pack }: Pack, judgement: Judgement): Given["given"] => {
    const kept = (item: Item, answer: StoredAnswer) => [item.key, { answer, encoded: encodeAnswer(answer) }] as const
    if (judgement._tag === "unusable") {
      const [only, ...others] = pack
      const isTooLong =
        only !== undefined && others.length === 0 && judgement.fault.cause === "truncated" && cap === maxOutputTokens
      return new Map(isTooLong ? [kept(only, halved)] : [])
    }
    return new Map(
      pack.flatMap((item, index) => {
        const one = judgement.items.get(label(index))
        return one === undefined || isFault(one) ? [] : [kept(item, one)]
      })
    )
  }

  const send = ({ cap, items: pack }: Pack, chat: ChatModel["Service"], name: string) =>
    queueCalls.pipe(
      Effect.andThen(
        chat.complete({
          model: name,
          messages: messages(options.system, labelled(pack)),
          schema: { name: "extraction", schema: options.schema },
          maxOutputTokens: cap
        })
      ),
      Effect.map((response: ChatResponse) => {
        const judgement = judge(response, labelled(pack))
        const given = worth({ cap, items: pack }, judgement)
        if (response.finish === "length") caps.cutOff(tokensOf(pack), pack.length, cap)
        else if (judgement._tag !== "unusable") caps.observe(tokensOf(pack), pack.length, response.usage.output)
        return {
          value: { judgement, content: response.content, given },
          usage: response.usage,
          model: response.model,
          raw: response.content,
          headers: response.headers,
          answers: pack.flatMap(({ chunk, group, key }) => {
            const value = given.get(key)?.encoded
            return value === undefined ? [] : [{ key, group, kind: "extraction", chunk, value }]
          })
        }
      })
    )

  const giveUp = (item: Item, { cause, message }: Fault, response: string | undefined) =>
    Deferred.fail(item.answered, { _tag: "ItemFailure", cause, message, attempts: item.attempts, response })

  const again = (item: Item, fault: Fault, response: string): Effect.Effect<unknown> => {
    if (fault.cause === "truncated" && !item.needsRoom) {
      item.needsRoom = true
      return fork([item])
    }
    item.attempts++
    return item.attempts >= maxAttempts ? giveUp(item, fault, response.slice(0, 4000)) : fork([item])
  }

  const bisect = (pack: ReadonlyArray<Item>): Effect.Effect<unknown> => {
    const middle = Math.ceil(pack.length / 2)
    return Effect.andThen(fork(pack.slice(0, middle)), fork(pack.slice(middle)))
  }

  const settle = (
    pack: ReadonlyArray<Item>,
    { content, given, judgement }: Given,
    standing: ReadonlyMap<ItemKey, string>
  ) =>
    Effect.forEach(
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
        if (judgement._tag === "unusable") return pack.length > 1 ? Effect.void : again(item, judgement.fault, content)
        const one = judgement.items.get(label(index))
        return one !== undefined && isFault(one) ? again(item, one, content) : Effect.void
      },
      { discard: true }
    ).pipe(Effect.andThen(judgement._tag === "unusable" && pack.length > 1 ? bisect(pack) : Effect.void))

  const refused = (pack: ReadonlyArray<Item>, isTooLarge: boolean, message: string) => {
    const [only, ...others] = pack
    if (only === undefined || others.length > 0) return bisect(pack)
    if (isTooLarge) return Deferred.succeed(only.answered, halved)
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
        priority: "normal",
        take: () => {
          if (fixed === undefined) {
            isTaken = true
            queued--
            pack = nextPack()
            waiting.splice(0, pack.length)
          }
          return toRequest(pack)
        },
        peek: () => Option.map(toRequest(fixed ?? nextPack()), demandOf),
        ...(fixed === undefined ? {} : { expectedOutput: fixed.reduce((sum, { tokens }) => sum + tokens, 0) }),
        send: (one) => send(one, model, options.model),
        ...Option.match(fallback, {
          onNone: () => ({}),
          onSome: ({ chat, model: name }) => ({
            fallback: { endpoint: chat.endpoint, model: name, send: (one: Pack) => send(one, chat, name) }
          })
        }),
        links: ({ items }) => items.flatMap(({ span }) => (span === undefined ? [] : [{ span, attributes: {} }]))
      })
      .pipe(
        Effect.flatMap(
          Option.match({
            onNone: () => {
              if (fixed !== undefined || isTaken) return Effect.void
              // Something may have come meanwhile that counted on this call.
              queued--
              return queueCalls
            },
            onSome: (outcome) => {
              if (outcome._tag === "refused") {
                const { reason, message } = outcome.error
                return refused(outcome.payload.items, reason._tag === "RequestTooLarge", message)
              }
              answeredOnce = true
              const { answers, payload, response } = outcome.result
              return settle(payload.items, response.value, answers)
            }
          })
        ),
        Effect.asVoid,
        Effect.catch((error: RunStopped | StorageError) =>
          Effect.forEach([...pack, ...waiting.splice(0)], (item) => Deferred.fail(item.answered, error), {
            discard: true
          })
        ),
        Effect.catchCause((cause) =>
          Effect.forEach(pack, (item) => Deferred.failCause(item.answered, cause), { discard: true })
        )
      )
  }

  const fork = (fixed: ReadonlyArray<Item> | undefined): Effect.Effect<unknown> => Effect.forkIn(callOnce(fixed), scope)

  /** As many calls wait at the gate as what waits could fill; packs that close early leave items to the calls queued then. */
  const queueCalls: Effect.Effect<void> = Effect.suspend(() => {
    if (queued * options.maxItems >= waiting.length) return Effect.void
    queued++
    return Effect.andThen(fork(undefined), queueCalls)
  })

  return {
    /** Waits for the item's answer, which is in the journal by then. */
    ask: (item: Item) =>
      Effect.suspend(() => {
        waiting.push(item)
        return Effect.andThen(queueCalls, Deferred.await(item.answered))
      })
  }
})
