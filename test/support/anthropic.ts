import { Effect, Schema } from "effect"
import { start } from "../../src/layers/SimulatedServer.ts"
import type { SimulatedOptions } from "../../src/layers/simulated/Options.ts"
import { reply, serveJson } from "./http.ts"
import type { Seen } from "./http.ts"

/** What Anthropic requires of a request; anything else is turned away, as it would be there. */
const Body = Schema.Struct({
  model: Schema.String,
  max_tokens: Schema.Int,
  system: Schema.optionalKey(Schema.Array(Schema.Struct({ type: Schema.Literal("text"), text: Schema.String }))),
  messages: Schema.NonEmptyArray(
    Schema.Struct({ role: Schema.Literals(["user", "assistant"]), content: Schema.String })
  ),
  output_config: Schema.Struct({
    format: Schema.Struct({
      type: Schema.Literal("json_schema"),
      schema: Schema.Record(Schema.String, Schema.Unknown)
    })
  })
})
const decodeBody = Schema.decodeUnknownSync(Body)

const Completion = Schema.Struct({
  model: Schema.String,
  choices: Schema.NonEmptyArray(
    Schema.Struct({
      finish_reason: Schema.String,
      message: Schema.Struct({
        content: Schema.NullOr(Schema.String),
        refusal: Schema.optionalKey(Schema.NullOr(Schema.String))
      })
    })
  ),
  usage: Schema.Struct({ prompt_tokens: Schema.Finite, completion_tokens: Schema.Finite })
})
const decodeCompletion = Schema.decodeUnknownSync(Completion)

const unsupported =
  /"(?:minimum|maximum|exclusiveMinimum|exclusiveMaximum|minLength|maxLength|minItems|maxItems|oneOf)":/

const error = (type: string, message: string) => ({ type: "error", error: { type, message } })

const translated = async (url: string, { body, headers }: Seen) => {
  const key = headers["x-api-key"]
  if (typeof key !== "string") return { status: 401, body: error("authentication_error", "x-api-key is missing") }
  if (headers["anthropic-version"] !== "2023-06-01") {
    return { status: 400, body: error("invalid_request_error", "anthropic-version: header is required") }
  }
  const asked = decodeBody(body)
  const { schema } = asked.output_config.format
  if (unsupported.test(JSON.stringify(schema))) {
    return { status: 400, body: error("invalid_request_error", "output_config.format.schema: not supported") }
  }
  const response = await fetch(`${url}/chat/completions`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${key}` },
    body: JSON.stringify({
      model: asked.model,
      max_tokens: asked.max_tokens,
      messages: [...(asked.system ?? []).map(({ text }) => ({ role: "system", content: text })), ...asked.messages],
      response_format: { type: "json_schema", json_schema: { name: "answer", schema } }
    })
  })
  if (!response.ok) {
    return { status: response.status, body: error("api_error", await response.text()) }
  }
  const { choices, model, usage } = decodeCompletion(await response.json())
  const { finish_reason: reason, message } = choices[0]
  const isRefusal = typeof message.refusal === "string"
  return {
    status: 200,
    body: {
      id: "msg_1",
      type: "message",
      role: "assistant",
      model,
      content: message.content === null ? [] : [{ type: "text", text: message.content }],
      stop_reason: isRefusal ? "refusal" : reason === "length" ? "max_tokens" : "end_turn",
      stop_sequence: null,
      usage: {
        input_tokens: usage.prompt_tokens,
        cache_read_input_tokens: 0,
        cache_creation_input_tokens: 0,
        output_tokens: usage.completion_tokens
      }
    }
  }
}

/** The simulated provider behind Anthropic's Messages API. */
export const startAnthropic = Effect.fn("startAnthropic")(function* (options: SimulatedOptions = {}) {
  const { ledger, url } = yield* start(options)
  const { seen, url: own } = yield* serveJson((one, response) => {
    translated(url, one).then(
      ({ body, status }) => reply(response, status, body),
      (thrown: unknown) => reply(response, 400, error("invalid_request_error", String(thrown)))
    )
  })
  return { url: own, seen, ledger }
})
