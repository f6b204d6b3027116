import { Option, Schema } from "effect"
import { hash53, hashedVector } from "../../domain/Hashing.ts"
import { answer } from "./Answer.ts"
import { Dice, partsOf } from "./Faults.ts"
import type { Part } from "./Faults.ts"
import { itemHash, itemsOf } from "./Items.ts"
import { ProviderLedger } from "./Ledger.ts"
import type { FaceLedger } from "./Ledger.ts"
import type { SimulatedOptions } from "./Options.ts"

/** What goes over the wire, and how far it gets. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly transport: "complete" | "reset" | "resetMidBody" | "hang"
}

/** A request that arrived: the face waits for `latency`, sends `reply`, and says when that has ended. */
export interface Exchange {
  /** Milliseconds. */
  readonly latency: number
  readonly reply: Reply
  /** Counts the first time only; `delivered`: whether the client had the reply in full (for a transport that loses it, whether it got so far). */
  readonly ended: (now: number, delivered: boolean) => void
}

const Content = Schema.Union([Schema.String, Schema.Array(Schema.Struct({ text: Schema.optionalKey(Schema.String) }))])
const ChatBody = Schema.Struct({
  model: Schema.String,
  messages: Schema.NonEmptyArray(Schema.Struct({ role: Schema.String, content: Content })),
  max_completion_tokens: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  max_tokens: Schema.optionalKey(Schema.NullOr(Schema.Int)),
  response_format: Schema.optionalKey(
    Schema.Struct({
      json_schema: Schema.optionalKey(
        Schema.Struct({ name: Schema.optionalKey(Schema.String), schema: Schema.Record(Schema.String, Schema.Unknown) })
      )
    })
  )
})
const EmbeddingsBody = Schema.Struct({
  model: Schema.String,
  input: Schema.Union([Schema.String, Schema.Array(Schema.String)]),
  encoding_format: Schema.optionalKey(Schema.String),
  dimensions: Schema.optionalKey(Schema.Int)
})
const decodeChat = Schema.decodeUnknownOption(ChatBody)
const decodeEmbeddings = Schema.decodeUnknownOption(EmbeddingsBody)

/** A client that goes away while its reply is being sent ends an exchange twice. */
const first = (end: Exchange["ended"]): Exchange["ended"] => {
  let over = false
  return (now, delivered) => {
    if (over) return
    over = true
    end(now, delivered)
  }
}

const tokensOf = (characters: number): number => Math.ceil(characters / 4)

const json = { "content-type": "application/json" }

const refusal = "I'm sorry, but I can't help with that."

const errorReply = (
  status: number,
  type: string,
  code: string | null,
  message: string,
  headers: Readonly<Record<string, string>> = {}
): Reply => ({
  status,
  headers: { ...json, ...headers },
  body: JSON.stringify({ error: { message, type, param: null, code } }),
  transport: "complete"
})

const textOf = (content: typeof Content.Type): string =>
  typeof content === "string" ? content : content.map((part) => part.text ?? "").join("")

interface Draft {
  readonly content: string
  readonly finish: "stop" | "length" | "content_filter"
  readonly refused: boolean
  /** Absent: the answer is as it should be, apart from its parts' own faults. */
  readonly failure?: string
}

/**
 * A provider that answers requests of OpenAI's shape from the requests alone: it knows no prompt, only the items in the
 * last user message and the schema of the answer (see Items.ts and Answer.ts). Synchronous and without a clock, so that
 * a layer in virtual time and a server in real time share it.
 */
export class SimulatedCore {
  readonly ledger = new ProviderLedger()
  readonly #options: SimulatedOptions
  /** How often a request came that has not been answered well since: bounded by what is being tried again. */
  readonly #attempts = new Map<string, number>()

  constructor(options: SimulatedOptions) {
    this.#options = options
  }

  /** The key that it asks for, if any. */
  get key(): string | undefined {
    return this.#options.apiKey
  }

  chat(body: unknown, key: string | undefined, now: number): Exchange {
    const ledger = this.ledger.chat
    ledger.arrived(now)
    const request = Option.getOrUndefined(decodeChat(body))
    const denied = this.#denied(request, key)
    if (denied !== undefined || request === undefined) return this.#final(ledger, denied ?? malformed)
    // Limits (requests and tokens per minute) belong here, before anything is drawn or read.
    const user = request.messages.findLast((message) => message.role === "user") ?? request.messages[0]
    const items = itemsOf(textOf(user.content))
    for (const item of items) ledger.asked(item.hash, item.text)
    const kind = `${request.response_format?.json_schema?.name ?? ""}/${textOf(request.messages[0].content).length}`
    const [dice, settle] = this.#dice(`chat/${kind}/${items.map((item) => item.hash).join()}`)
    const parts = partsOf(items, dice)
    const fault = dice.request("chat")
    const draft = this.#draft(request, parts, fault)
    const input = tokensOf(
      request.messages.reduce((sum, message) => sum + textOf(message.content).length, 0) +
        JSON.stringify(request.response_format ?? "").length
    )
    const output = tokensOf(draft.content.length)
    const complete: Reply = {
      status: 200,
      headers: json,
      body: JSON.stringify({
        id: "chatcmpl-simulated",
        object: "chat.completion",
        created: Math.floor(now / 1_000),
        model: request.model,
        choices: [
          {
            index: 0,
            message: {
              role: "assistant",
              content: draft.refused ? null : draft.content,
              refusal: draft.refused ? refusal : null
            },
            finish_reason: draft.finish
          }
        ],
        usage: {
          prompt_tokens: input,
          completion_tokens: output,
          total_tokens: input + output,
          prompt_tokens_details: { cached_tokens: 0 }
        }
      }),
      transport: "complete"
    }
    const reply = this.#broken(complete, fault, dice)
    return {
      latency: reply.status === 200 ? dice.latency(output) : 0,
      reply,
      ended: first((at, delivered) => {
        const failure = delivered ? (reply === complete ? draft.failure : fault) : "aborted"
        ledger.ended(at, failure)
        if (!delivered || reply !== complete) return
        ledger.paid(input, output)
        if (failure !== undefined) return
        for (const part of parts) {
          if (part.fault === undefined) ledger.answered(part.item.hash)
          else ledger.faulted(part.fault)
        }
        if (parts.every((part) => part.fault === undefined)) settle()
      })
    }
  }

  embeddings(body: unknown, key: string | undefined, now: number): Exchange {
    const ledger = this.ledger.embeddings
    ledger.arrived(now)
    const request = Option.getOrUndefined(decodeEmbeddings(body))
    const denied = this.#denied(request, key)
    if (denied !== undefined || request === undefined) return this.#final(ledger, denied ?? malformed)
    const texts = typeof request.input === "string" ? [request.input] : request.input
    if (texts.length === 0 || texts.includes("")) return this.#final(ledger, malformed)
    const hashes = texts.map(itemHash)
    for (const [i, hash] of hashes.entries()) ledger.asked(hash, texts[i] ?? "")
    const [dice, settle] = this.#dice(`embeddings/${hashes.join()}`)
    const fault = dice.request("embeddings")
    const dimensions = request.dimensions ?? this.#options.dimensions ?? 256
    const tokens = texts.reduce((sum, text) => sum + tokensOf(text.length), 0)
    const complete: Reply = {
      status: 200,
      headers: json,
      body: JSON.stringify({
        object: "list",
        model: request.model,
        data: texts.map((text, index) => {
          const vector = hashedVector(text, dimensions)
          return {
            object: "embedding",
            index,
            embedding:
              request.encoding_format === "base64" ? Buffer.from(vector.buffer).toString("base64") : Array.from(vector)
          }
        }),
        usage: { prompt_tokens: tokens, total_tokens: tokens }
      }),
      transport: "complete"
    }
    const reply = this.#broken(complete, fault, dice)
    return {
      latency: reply.status === 200 ? dice.latency(0) : 0,
      reply,
      ended: first((at, delivered) => {
        ledger.ended(at, delivered ? (reply === complete ? undefined : fault) : "aborted")
        if (!delivered || reply !== complete) return
        ledger.paid(tokens, 0)
        for (const hash of hashes) ledger.answered(hash)
        settle()
      })
    }
  }

  #dice(request: string): readonly [Dice, () => void] {
    // Without faults there is nothing that another attempt would change.
    const key = `${hash53(request)}`
    const attempt = this.#options.faults === undefined ? 0 : (this.#attempts.get(key) ?? 0)
    if (this.#options.faults !== undefined) this.#attempts.set(key, attempt + 1)
    return [new Dice(this.#options, Number(key), attempt), () => this.#attempts.delete(key)]
  }

  #denied(request: { readonly model: string } | undefined, key: string | undefined): Reply | undefined {
    const { apiKey, models } = this.#options
    if (apiKey !== undefined && key !== apiKey) {
      return errorReply(401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided.")
    }
    if (request !== undefined && models !== undefined && !models.includes(request.model)) {
      return errorReply(404, "invalid_request_error", "model_not_found", `The model ${request.model} does not exist.`)
    }
    return undefined
  }

  #final(ledger: FaceLedger, reply: Reply): Exchange {
    return {
      latency: 0,
      reply,
      ended: first((now, delivered) => ledger.ended(now, delivered ? String(reply.status) : "aborted"))
    }
  }

  #draft(request: typeof ChatBody.Type, parts: ReadonlyArray<Part>, fault: string | undefined): Draft {
    const { poison, refuses } = this.#options
    const marked = (marker: string | undefined) =>
      marker !== undefined && parts.some((part) => part.item.whole.includes(marker))
    const schema = request.response_format?.json_schema?.schema
    const views = parts.flatMap((part) => part.views)
    const whole = schema === undefined ? "Understood." : JSON.stringify(views.length === 0 ? {} : answer(schema, views))
    const cap = (request.max_completion_tokens ?? request.max_tokens ?? Infinity) * 4
    if (fault === "refusal" || marked(refuses)) {
      return { content: "", finish: "stop", refused: true, failure: marked(refuses) ? "refuses" : "refusal" }
    }
    if (fault === "invalidJson" || marked(poison)) {
      const broken = `${whole.slice(0, Math.min(cap, Math.floor(whole.length / 2)))} …`
      return { content: broken, finish: "stop", refused: false, failure: marked(poison) ? "poison" : "invalidJson" }
    }
    if (fault === "empty") return { content: "", finish: "stop", refused: false, failure: "empty" }
    if (fault === "length" || whole.length > cap) {
      const end = Math.min(cap, fault === "length" ? Math.floor(whole.length / 2) : Infinity)
      return { content: whole.slice(0, end), finish: "length", refused: false, failure: "length" }
    }
    return { content: whole, finish: "stop", refused: false }
  }

  /** The reply that a transport fault leaves of a complete one, which comes back as it is without such a fault. */
  #broken(complete: Reply, fault: string | undefined, dice: Dice): Reply {
    switch (fault) {
      case "rateLimited": {
        const dimension = dice.roll("dimension") < 0.5 ? "requests" : "tokens"
        return errorReply(
          429,
          dimension,
          "rate_limit_exceeded",
          `Rate limit reached on ${dimension} per min. Please try again later.`,
          { "retry-after": String(Math.ceil(this.#options.retryAfter ?? 1)) }
        )
      }
      case "serverError":
        return errorReply(500, "server_error", null, "The server had an error while processing your request.")
      case "unavailable":
        return errorReply(503, "service_unavailable_error", "server_is_overloaded", "The engine is overloaded.")
      case "reset":
      case "resetMidBody":
      case "hang":
        return { ...complete, transport: fault }
      case "truncated":
        return {
          ...complete,
          body: complete.body.slice(0, Math.ceil((complete.body.length - 1) * (1 - dice.roll("cut"))))
        }
      default:
        return complete
    }
  }
}

const malformed = errorReply(400, "invalid_request_error", null, "The request's body is not what this route takes.")
