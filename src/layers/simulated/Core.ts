import { Option, Schema } from "effect"
import { hash53, hashedVector } from "../../domain/Hashing.ts"
import { answer } from "./Answer.ts"
import { Dice, partsOf } from "./Faults.ts"
import type { Part } from "./Faults.ts"
import { itemHash, itemsOf } from "./Items.ts"
import { ProviderLedger } from "./Ledger.ts"
import type { FaceLedger, LedgerSnapshot } from "./Ledger.ts"
import type { SimulatedOptions } from "./Options.ts"
import { estimated, Pool } from "./Pool.ts"
import type { Admitted, Denied } from "./Pool.ts"
import { broken, errorReply, json, malformed } from "./Replies.ts"
import type { Reply } from "./Replies.ts"
import type { Place } from "./Slots.ts"

/** A request that arrived: the face waits as long as `wait` says, sends `reply`, and says when that has ended. */
export interface Exchange {
  /** Milliseconds after which to ask again; 0: send the reply. How long it takes can depend on what comes later. */
  readonly wait: (now: number) => number
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

const refusal = "I'm sorry, but I can't help with that."

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
  /** By route and model. */
  readonly #pools = new Map<string, Pool>()

  constructor(options: SimulatedOptions) {
    this.#options = options
  }

  /** The key that it asks for, if any. */
  get key(): string | undefined {
    return this.#options.apiKey
  }

  snapshot(): LedgerSnapshot {
    const usage = (face: keyof LedgerSnapshot) =>
      Object.fromEntries(
        [...this.#pools]
          .filter(([name]) => name.startsWith(`${face} `))
          .map(([name, pool]) => [name.slice(face.length + 1), pool.usage(this.ledger[face].lastAt)])
      )
    return {
      chat: this.ledger.chat.snapshot(usage("chat")),
      embeddings: this.ledger.embeddings.snapshot(usage("embeddings"))
    }
  }

  chat(body: unknown, key: string | undefined, now: number): Exchange {
    const ledger = this.ledger.chat
    ledger.arrived(now)
    const request = Option.getOrUndefined(decodeChat(body))
    const denied = this.#denied(request, key)
    if (denied !== undefined || request === undefined) return this.#final(ledger, now, denied ?? malformed)
    const characters =
      request.messages.reduce((sum, message) => sum + textOf(message.content).length, 0) +
      JSON.stringify(request.response_format ?? "").length
    const input = tokensOf(characters)
    const cap = request.max_completion_tokens ?? request.max_tokens ?? undefined
    const pool = this.#pool("chat", request.model, now)
    const admission = pool.arrive(now, { model: request.model, estimate: estimated(characters), input, cap })
    if (admission._tag === "denied") return this.#turnedAway(ledger, now, admission, request.model)
    ledger.charged(now, admission.charged)
    const user = request.messages.findLast((message) => message.role === "user") ?? request.messages[0]
    const items = itemsOf(textOf(user.content))
    for (const item of items) ledger.asked(item.hash, item.text)
    const kind = `${request.response_format?.json_schema?.name ?? ""}/${textOf(request.messages[0].content).length}`
    const [dice, settle] = this.#dice(`chat/${kind}/${items.map((item) => item.hash).join()}`)
    const parts = partsOf(items, dice)
    const fault = dice.request("chat")
    const draft = this.#draft(request, parts, fault)
    const output = dice.outputTokens(cap ?? Infinity) ?? tokensOf(draft.content.length)
    const complete: Reply = {
      status: 200,
      headers: { ...json, ...admission.headers },
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
    const reply = broken(complete, fault, dice, this.#options.retryAfter ?? 1)
    return {
      reply,
      ...this.#served(
        ledger,
        pool,
        admission,
        now,
        reply,
        { latency: dice.latency(output), output },
        (at, delivered) => {
          const failure = delivered ? (reply === complete ? draft.failure : fault) : "aborted"
          ledger.ended(at, failure)
          if (failure !== undefined) ledger.wasted(admission.charged)
          if (!delivered || reply !== complete) return
          ledger.paid(input, output)
          if (failure !== undefined) return
          for (const part of parts) {
            if (part.fault === undefined) ledger.answered(part.item.hash)
            else ledger.faulted(part.fault)
          }
          if (parts.every((part) => part.fault === undefined)) settle()
        }
      )
    }
  }

  embeddings(body: unknown, key: string | undefined, now: number): Exchange {
    const ledger = this.ledger.embeddings
    ledger.arrived(now)
    const request = Option.getOrUndefined(decodeEmbeddings(body))
    const denied = this.#denied(request, key)
    if (denied !== undefined || request === undefined) return this.#final(ledger, now, denied ?? malformed)
    const texts = typeof request.input === "string" ? [request.input] : request.input
    if (texts.length === 0 || texts.includes("")) return this.#final(ledger, now, malformed)
    const tokens = texts.reduce((sum, text) => sum + tokensOf(text.length), 0)
    const estimate = texts.reduce((sum, text) => sum + estimated(text.length), 0)
    const pool = this.#pool("embeddings", request.model, now)
    const admission = pool.arrive(now, { model: request.model, estimate, input: tokens, cap: undefined })
    if (admission._tag === "denied") return this.#turnedAway(ledger, now, admission, request.model)
    ledger.charged(now, admission.charged)
    const hashes = texts.map(itemHash)
    for (const [i, hash] of hashes.entries()) ledger.asked(hash, texts[i] ?? "")
    const [dice, settle] = this.#dice(`embeddings/${hashes.join()}`)
    const fault = dice.request("embeddings")
    const dimensions = request.dimensions ?? this.#options.dimensions ?? 256
    const complete: Reply = {
      status: 200,
      headers: { ...json, ...admission.headers },
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
    const reply = broken(complete, fault, dice, this.#options.retryAfter ?? 1)
    return {
      reply,
      ...this.#served(ledger, pool, admission, now, reply, { latency: dice.latency(0), output: 0 }, (at, delivered) => {
        ledger.ended(at, delivered ? (reply === complete ? undefined : fault) : "aborted")
        if (!delivered || reply !== complete) ledger.wasted(admission.charged)
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

  #pool(face: keyof LedgerSnapshot, model: string, now: number): Pool {
    const name = `${face} ${model}`
    const known = this.#pools.get(name)
    if (known !== undefined) return known
    const pool = new Pool(
      this.#options.limitsByModel?.[model] ?? this.#options.limits ?? {},
      this.#options.seed ?? 0,
      now
    )
    this.#pools.set(name, pool)
    return pool
  }

  /** From admission to the end: a place on the server, if it has places, and the charge at the end. */
  #served(
    ledger: FaceLedger,
    pool: Pool,
    { settle }: Admitted,
    now: number,
    reply: Reply,
    { latency, output }: { readonly latency: number; readonly output: number },
    ended: Exchange["ended"]
  ): Pick<Exchange, "wait" | "ended"> {
    const { slots } = pool
    const due = now + latency
    const isReal = reply.status === 200
    const place: Place | undefined = isReal ? slots?.enter(now, output) : undefined
    return {
      wait: isReal
        ? (at) => Math.max(due - at > 1e-3 ? due - at : 0, place === undefined ? 0 : (slots?.left(at, place) ?? 0))
        : () => 0,
      ended: first((at, delivered) => {
        if (place !== undefined) slots?.leave(at, place)
        ledger.charged(at, settle(at, isReal ? output : 0))
        ended(at, delivered)
      })
    }
  }

  #turnedAway(ledger: FaceLedger, now: number, denied: Denied, model: string): Exchange {
    ledger.limited(now, denied.why)
    const { code, headers, message, status, type } = denied
    const after = (this.#options.limitsByModel?.[model] ?? this.#options.limits)?.rejectAfter ?? 0
    return this.#final(ledger, now, errorReply(status, type, code, message, headers), denied.why, after)
  }

  #final(ledger: FaceLedger, now: number, reply: Reply, failure = String(reply.status), after = 0): Exchange {
    return {
      wait: (at) => (now + after - at > 1e-3 ? now + after - at : 0),
      reply,
      ended: first((now, delivered) => ledger.ended(now, delivered ? failure : "aborted"))
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
}
