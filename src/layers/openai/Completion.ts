import { Option, Result, Schema } from "effect"
import { ServerFault } from "../../services/ChatModel.ts"
import type { ChatRequest, ChatResponse, ModelError, Usage } from "../../services/ChatModel.ts"
import { failureOf, modelError } from "../http/Failures.ts"

const maybe = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

const Part = Schema.Struct({ type: maybe(Schema.String), text: maybe(Schema.String) })

/** What of a chat completion is read; compatible servers leave out or null the rest. */
const Completion = Schema.Struct({
  model: maybe(Schema.String),
  choices: maybe(
    Schema.Array(
      Schema.Struct({
        message: maybe(
          Schema.Struct({
            content: maybe(Schema.Union([Schema.String, Schema.Array(Part)])),
            refusal: maybe(Schema.String)
          })
        ),
        finish_reason: maybe(Schema.String)
      })
    )
  ),
  /** Read by itself: a paid answer is worth more than how it is counted. */
  usage: Schema.optionalKey(Schema.Unknown),
  /** Routers report an upstream's failure in a body with status 200. */
  error: Schema.optionalKey(Schema.Unknown)
})
const Told = Schema.Struct({
  prompt_tokens: maybe(Schema.Finite),
  completion_tokens: maybe(Schema.Finite),
  total_tokens: maybe(Schema.Finite),
  prompt_tokens_details: maybe(
    Schema.Struct({ cached_tokens: maybe(Schema.Finite), cache_write_tokens: maybe(Schema.Finite) })
  )
})
const decodeTold = Schema.decodeUnknownOption(Told)
const decodeCompletion = Schema.decodeUnknownOption(Completion)
const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))
const statusOf = Schema.decodeUnknownOption(
  Schema.Struct({
    code: Schema.Union([Schema.Int, Schema.FiniteFromString]).check(Schema.isBetween({ minimum: 400, maximum: 599 }))
  })
)

/** The sampling parameters that a configuration may set; none is sent unless it is set. */
export interface ChatParameters {
  readonly reasoningEffort?: "none" | "minimal" | "low" | "medium" | "high" | "xhigh" | "max"
  /** Reasoning models reject it. */
  readonly temperature?: number
  readonly serviceTier?: "auto" | "default" | "flex" | "priority"
}

export const chatBody = (
  request: ChatRequest,
  parameters: ChatParameters,
  cap: "max_completion_tokens" | "max_tokens"
) => ({
  model: request.model,
  messages: request.messages.map(({ role, content }) => ({ role, content })),
  response_format: {
    type: "json_schema" as const,
    json_schema: { name: request.schema.name, schema: { ...request.schema.schema }, strict: true }
  },
  [cap]: request.maxOutputTokens,
  ...(parameters.reasoningEffort === undefined ? {} : { reasoning_effort: parameters.reasoningEffort }),
  ...(parameters.temperature === undefined ? {} : { temperature: parameters.temperature }),
  ...(parameters.serviceTier === undefined ? {} : { service_tier: parameters.serviceTier })
})

const count = (tokens: number | null | undefined): number | undefined =>
  tokens === null || tokens === undefined || tokens < 0 ? undefined : Math.round(tokens)

/** Where a server sends no usage, or none for what is there: a token is about four characters of English. */
const estimate = (characters: number): number => Math.ceil(characters / 4)

const usageOf = (usage: unknown, request: ChatRequest, content: string): Usage => {
  const told = Option.getOrUndefined(decodeTold(usage))
  const toldInput = count(told?.prompt_tokens) || undefined
  const input =
    toldInput ??
    estimate(
      request.messages.reduce((sum, message) => sum + message.content.length, 0) +
        JSON.stringify(request.schema.schema).length
    )
  const output = count(told?.completion_tokens) || estimate(content.length)
  // Some servers leave reasoning out of `completion_tokens`; it is in the total, and it is paid for.
  const rest = (count(told?.total_tokens) ?? 0) - input
  const cached = Math.min(input, count(told?.prompt_tokens_details?.cached_tokens) ?? 0)
  const written = Math.min(input - cached, count(told?.prompt_tokens_details?.cache_write_tokens) ?? 0)
  return {
    input,
    output: toldInput === undefined ? output : Math.max(output, rest),
    cached,
    ...(written === 0 ? {} : { written })
  }
}

const finishes: Readonly<Record<string, ChatResponse["finish"]>> = {
  stop: "stop",
  length: "length",
  max_tokens: "length",
  content_filter: "refusal",
  refusal: "refusal"
}

/** A success's body as the model's answer; a body that is none is the server's fault. */
export const responseOf = (
  answered: { readonly body: unknown; readonly headers: Readonly<Record<string, string>> },
  request: ChatRequest,
  now: number,
  redact: (text: string) => string
): Result.Result<ChatResponse, ModelError> => {
  const { headers } = answered
  // Some servers forget the content type, and the client then leaves the body as text.
  const body =
    typeof answered.body === "string" ? Option.getOrElse(parseJson(answered.body), () => answered.body) : answered.body
  const completion = Option.getOrUndefined(decodeCompletion(body))
  if (completion?.error !== undefined && completion.error !== null) {
    const status = Option.match(statusOf(completion.error), { onNone: () => 502, onSome: ({ code }) => code })
    return Result.fail(failureOf({ status, headers, body: completion.error }, now, redact))
  }
  const choice = completion?.choices?.[0]
  const message = choice?.message
  if (completion === undefined || choice === undefined || message == null || choice.finish_reason === "error") {
    const what = typeof body === "string" ? body.replace(/<[^>]*>/g, " ") : ""
    return Result.fail(
      modelError(
        new ServerFault({ status: 200 }),
        redact(`The provider's answer holds no message${what === "" ? "" : `: ${what}`}`)
      )
    )
  }
  const told = message.content ?? ""
  const text =
    typeof told === "string" ? told : told.map((part) => (part.type === "text" ? (part.text ?? "") : "")).join("")
  const finish =
    message.refusal != null && message.refusal !== "" ? "refusal" : (finishes[choice.finish_reason ?? ""] ?? "other")
  return Result.succeed({
    content: finish === "refusal" ? "" : text,
    ...(finish === "refusal" ? { refusal: message.refusal ?? text } : {}),
    finish,
    usage: usageOf(completion.usage, request, text),
    model: completion.model ?? request.model,
    headers
  })
}
