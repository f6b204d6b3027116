import { Option, Result, Schema } from "effect"
import { ServerFault } from "../../services/ChatModel.ts"
import type { ChatRequest, ChatResponse, ModelError, Usage } from "../../services/ChatModel.ts"
import { failureOf, modelError } from "../http/Failures.ts"
import { withoutUnsupported } from "./schema.ts"

const maybe = <S extends Schema.Top>(schema: S) => Schema.optionalKey(Schema.NullOr(schema))

/** What of a message is read. */
const Message = Schema.fromJsonString(
  Schema.Struct({
    model: maybe(Schema.String),
    content: Schema.Array(Schema.Struct({ type: Schema.String, text: maybe(Schema.String) })),
    stop_reason: maybe(Schema.String),
    usage: maybe(
      Schema.Struct({
        input_tokens: maybe(Schema.Finite),
        cache_read_input_tokens: maybe(Schema.Finite),
        cache_creation_input_tokens: maybe(Schema.Finite),
        output_tokens: maybe(Schema.Finite)
      })
    )
  })
)
const decodeMessage = Schema.decodeUnknownOption(Message)
const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))
const isError = Schema.is(Schema.Struct({ type: Schema.Literal("error"), error: Schema.Unknown }))

/** The sampling parameters that a configuration may set; none is sent unless it is set. */
export interface MessageParameters {
  readonly temperature?: number
  readonly serviceTier?: "auto" | "standard_only"
}

export const messageBody = (request: ChatRequest, parameters: MessageParameters) => {
  const texts = (role: "system" | "user") => request.messages.filter((message) => message.role === role)
  const system = texts("system").map(({ content }) => content)
  return {
    model: request.model,
    max_tokens: request.maxOutputTokens,
    // Marked to be cached: it is the same in every call, and what is read from the cache counts to no token limit.
    ...(system.length === 0
      ? {}
      : { system: [{ type: "text", text: system.join("\n\n"), cache_control: { type: "ephemeral" } }] }),
    messages: texts("user").map(({ content, role }) => ({ role, content })),
    output_config: { format: { type: "json_schema", schema: withoutUnsupported(request.schema.schema) } },
    ...(parameters.temperature === undefined ? {} : { temperature: parameters.temperature }),
    ...(parameters.serviceTier === undefined ? {} : { service_tier: parameters.serviceTier })
  }
}

const finishes: Readonly<Record<string, ChatResponse["finish"]>> = {
  end_turn: "stop",
  stop_sequence: "stop",
  max_tokens: "length",
  model_context_window_exceeded: "length",
  refusal: "refusal"
}

const count = (tokens: number | null | undefined): number => Math.max(0, Math.round(tokens ?? 0))

/** Anthropic's `input_tokens` leave out what was read from the cache or written to it. */
const usageOf = (told: (typeof Message.Type)["usage"], request: ChatRequest, content: string): Usage => {
  const cached = count(told?.cache_read_input_tokens)
  const written = count(told?.cache_creation_input_tokens)
  const input = count(told?.input_tokens) + cached + written
  // A server that counts nothing where there is something does not count at all.
  const characters = request.messages.reduce((sum, message) => sum + message.content.length, 0)
  return {
    input: input || Math.ceil(characters / 4),
    output: count(told?.output_tokens) || Math.ceil(content.length / 4),
    cached,
    ...(written === 0 ? {} : { written })
  }
}

export interface HttpAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly text: string
}

/** An HTTP answer as the model's; one that is none, and what the provider calls an error, is a failure. */
export const responseOf = (
  { headers, status, text }: HttpAnswer,
  request: ChatRequest,
  now: number,
  redact: (text: string) => string
): Result.Result<ChatResponse, ModelError> => {
  const isSuccess = status >= 200 && status < 300
  const body = Option.getOrElse(parseJson(text), () => text)
  if (!isSuccess) return Result.fail(failureOf({ status, headers, body }, now, redact))
  // Gateways answer 200 before they know.
  if (isError(body)) return Result.fail(failureOf({ status: 502, headers, body }, now, redact))
  const message = Option.getOrUndefined(decodeMessage(text))
  if (message === undefined) {
    return Result.fail(
      modelError(
        new ServerFault({ status }),
        redact(`The provider's answer holds no message: ${text.replace(/<[^>]*>/g, " ")}`)
      )
    )
  }
  const content = message.content.map((part) => (part.type === "text" ? (part.text ?? "") : "")).join("")
  const finish = finishes[message.stop_reason ?? ""] ?? "other"
  return Result.succeed({
    content: finish === "refusal" ? "" : content,
    ...(finish === "refusal" ? { refusal: content } : {}),
    finish,
    usage: usageOf(message.usage, request, content),
    model: message.model ?? request.model,
    headers
  })
}
