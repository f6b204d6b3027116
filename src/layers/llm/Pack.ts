import { Duration, Effect, Option } from "effect"
import type { ItemKey } from "../../domain/Ids.ts"
import { mostTokens, unseenTokens } from "../../domain/TokenBound.ts"
import { ChatModel, ModelError, RequestTooLarge } from "../../services/ChatModel.ts"
import type { ChatResponse } from "../../services/ChatModel.ts"
import type { Request } from "../../services/ModelCalls.ts"
import { millisOf } from "../../services/Monotonic.ts"
import { isFault, judge } from "./Answer.ts"
import type { Judgement } from "./Answer.ts"
import { encodeAnswer, halved } from "./Items.ts"
import type { Item, StoredAnswer } from "./Items.ts"
import type * as Plan from "./Plan.ts"
import { messages } from "./Prompt.ts"

export interface PackOptions extends Plan.PlanOptions {
  readonly model: string
  readonly system: string
  readonly schema: object
}

/** Items that share a call, and the room that its answer has. */
export interface Pack {
  readonly items: ReadonlyArray<Item>
  readonly cap: number
}

/** An answer, judged. */
export interface Given {
  readonly judgement: Judgement
  readonly content: string
  /** What of it is kept, as it is and as the journal has it. */
  readonly given: ReadonlyMap<ItemKey, { readonly answer: StoredAnswer; readonly encoded: string }>
}

/** Local to the pack. */
export const label = (index: number) => `c${index + 1}`

const labelled = (pack: ReadonlyArray<Item>) =>
  pack.map(({ header, text }, index) => ({ id: label(index), header, text }))

/** What one pack asks, and what its answer is worth; `plan` says how much room answers need, and is told how long they are. */
export const make = (options: PackOptions, plan: Plan.Plan) => {
  const schema = JSON.stringify(options.schema)
  const fixedTokens = mostTokens(options.system) + mostTokens(schema) + unseenTokens
  const itemTokens = new WeakMap<Item, number>()

  const mostTokensOf = (item: Item): number => {
    const known = itemTokens.get(item)
    if (known !== undefined) return known
    const text = JSON.stringify({ id: label(options.window), context: item.header, text: item.text })
    const tokens = mostTokens(text) + 1
    itemTokens.set(item, tokens)
    return tokens
  }

  /** None: of nothing. */
  const requestOf = (items: ReadonlyArray<Item>): Option.Option<Request<Pack>> => {
    const [first] = items
    if (first === undefined) return Option.none()
    const { cap, expected } = plan.request(items)
    return Option.some({
      payload: { items, cap },
      group: first.group,
      items: items.map(({ key }) => key),
      inputTokens: items.reduce((sum, item) => sum + mostTokensOf(item), fixedTokens),
      outputTokens: cap,
      expected
    })
  }

  /** What of an answer is to be kept, by item: valid extractions, and that a lone item was too long. */
  const worth = ({ cap, items: pack }: Pack, judgement: Judgement): Given["given"] => {
    const kept = (item: Item, answer: StoredAnswer) => [item.key, { answer, encoded: encodeAnswer(answer) }] as const
    if (judgement._tag === "unusable") {
      const [only, ...others] = pack
      const isTooLong =
        only !== undefined && others.length === 0 && judgement.fault.cause === "truncated" && cap >= plan.room(pack)
      return new Map(isTooLong ? [kept(only, halved)] : [])
    }
    return new Map(
      pack.flatMap((item, index) => {
        const one = judgement.items.get(label(index))
        return one === undefined || isFault(one) ? [] : [kept(item, one)]
      })
    )
  }

  const complete = (chat: ChatModel["Service"], name: string, { cap, items }: Pack) =>
    Effect.clockWith((clock) => {
      const sentAt = millisOf(clock)
      const before = plan.answers
      return chat
        .complete({
          model: name,
          messages: messages(options.system, labelled(items)),
          schema: { name: "extraction", schema: options.schema },
          maxOutputTokens: cap
        })
        .pipe(
          Effect.map((response: ChatResponse) => ({ response, millis: millisOf(clock) - sentAt })),
          Effect.mapError((error) => {
            const millis = millisOf(clock) - sentAt
            if (error.reason._tag !== "ConnectionFault" || millis < Duration.toMillis(chat.timeout)) return error
            if (plan.answers === before || !plan.tookTooLong(items)) return error
            // Others were answered meanwhile, so it is this answer that does not end in time.
            return new ModelError({
              reason: new RequestTooLarge({ isLate: true }),
              retryable: false,
              message: error.message
            })
          })
        )
    })

  /** @returns what came back, judged, with what of it the journal keeps */
  const send = (pack: Pack, chat: ChatModel["Service"], name: string) =>
    complete(chat, name, pack).pipe(
      Effect.map(({ millis, response }) => {
        const judgement = judge(response, labelled(pack.items))
        const given = worth(pack, judgement)
        plan.answered(pack, response, judgement, millis)
        return {
          value: { judgement, content: response.refusal ?? response.content, given },
          usage: response.usage,
          model: response.model,
          raw: response.refusal ?? response.content,
          headers: response.headers,
          answers: pack.items.flatMap(({ chunk, group, key, source }) => {
            const value = given.get(key)?.encoded
            return value === undefined
              ? []
              : [{ key, group, kind: "extraction", chunk, ...(source === undefined ? {} : { source }), value }]
          })
        }
      })
    )

  return { requestOf, send }
}
