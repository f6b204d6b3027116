import { Context, Schema } from "effect"
import type { Duration, Effect } from "effect"

export interface ChatMessage {
  readonly role: "system" | "user"
  readonly content: string
}

export interface ChatRequest {
  readonly model: string
  readonly messages: ReadonlyArray<ChatMessage>
  /** A strict JSON schema that the answer must follow; whether it did is checked here, never assumed. */
  readonly schema: { readonly name: string; readonly schema: object }
  readonly maxOutputTokens: number
}

export interface Usage {
  readonly input: number
  readonly output: number
  /** Of the input: read from the provider's prompt cache. */
  readonly cached: number
  /** Of the input: written to that cache, which some charge more for. */
  readonly written?: number
}

export interface ChatResponse {
  /** The message's text; empty when the model refused. */
  readonly content: string
  readonly finish: "stop" | "length" | "refusal" | "other"
  /** What the model said when it refused, if anything. */
  readonly refusal?: string
  readonly usage: Usage
  /** The model that answered, which may be a snapshot of the one asked. */
  readonly model: string
  /** Response headers in lower case, for the gate. */
  readonly headers: Readonly<Record<string, string>>
}

/** 429: wait, and freeze only the dimension that it names. */
export class RateLimited extends Schema.TaggedError<RateLimited>()("RateLimited", {
  dimension: Schema.Literals(["requests", "tokens", "inputTokens", "outputTokens", "unknown"]),
  /** Milliseconds. */
  retryAfter: Schema.optionalKey(Schema.Finite)
}) {}
/** 503, 529, `slow_down`: the provider is over its capacity. */
export class Overloaded extends Schema.TaggedError<Overloaded>()("Overloaded", {
  retryAfter: Schema.optionalKey(Schema.Finite)
}) {}
/** 408, 409, 500, 502, 504, and a body that is no answer at all. */
export class ServerFault extends Schema.TaggedError<ServerFault>()("ServerFault", {
  status: Schema.Int,
  retryAfter: Schema.optionalKey(Schema.Finite)
}) {}
/** No connection, a reset, a time-out, a body that ends too early. */
export class ConnectionFault extends Schema.TaggedError<ConnectionFault>()("ConnectionFault", {
  /** The request certainly never reached the provider. */
  isUnsent: Schema.optionalKey(Schema.Boolean)
}) {}
/** The account has no money or quota left: nothing will work until somebody pays. */
export class QuotaExhausted extends Schema.TaggedError<QuotaExhausted>()("QuotaExhausted", {}) {}
/** 401, 403, 404, or a base URL that cannot be one: key, model or address are wrong, for every call alike. */
export class Misconfigured extends Schema.TaggedError<Misconfigured>()("Misconfigured", { status: Schema.Int }) {}
/** This one request is larger than the limit or the model's context: split it, never send it again. */
export class RequestTooLarge extends Schema.TaggedError<RequestTooLarge>()("RequestTooLarge", {
  /** It was sent, and its answer took longer than anybody waits for it: what was done by then may be charged for. */
  isLate: Schema.optionalKey(Schema.Boolean)
}) {}
/** 400, 413, 422: the provider will not answer this request as it is. */
export class RequestRejected extends Schema.TaggedError<RequestRejected>()("RequestRejected", {
  status: Schema.Int,
  /** It was how it was put, and the next request is put in another way: the same can be asked again at once. */
  isMended: Schema.optionalKey(Schema.Boolean)
}) {}
/** Nothing was sent: answers come from the journal alone, and it has none of this. */
export class Unrecorded extends Schema.TaggedError<Unrecorded>()("Unrecorded", {}) {}

/**
 * Whose fault it is decides. Of the provider (`retryable`): wait and ask again, as often as it takes. Of the account or
 * the configuration: stop the run. Of what was asked: split the request.
 */
export class ModelError extends Schema.TaggedError<ModelError>()("ModelError", {
  reason: Schema.Union([
    RateLimited,
    Overloaded,
    ServerFault,
    ConnectionFault,
    QuotaExhausted,
    Misconfigured,
    RequestTooLarge,
    RequestRejected,
    Unrecorded
  ]),
  retryable: Schema.Boolean,
  /** What the provider said, without secrets, at most 500 characters. */
  message: Schema.String
}) {}

/** An answer that is none, and those of proxies that did not wait for the provider's: 504, and Cloudflare's 524. */
const unfinished = new Set([200, 504, 524])

/**
 * The provider may have done the work, and may charge for it: the request reached it, and no answer came that says
 * otherwise.
 */
export const mayBeCharged = ({ reason }: ModelError): boolean =>
  (reason._tag === "ConnectionFault" && reason.isUnsent !== true) ||
  (reason._tag === "ServerFault" && unfinished.has(reason.status)) ||
  (reason._tag === "RequestTooLarge" && reason.isLate === true)

/** How long the provider asks to be left alone, in milliseconds. */
export const retryAfter = (error: ModelError): number | undefined =>
  "retryAfter" in error.reason ? error.reason.retryAfter : undefined

/**
 * One request, one attempt: no retry, no limit, no journal in here. Interrupting it aborts the request.
 */
export class ChatModel extends Context.Service<
  ChatModel,
  {
    readonly complete: (request: ChatRequest) => Effect.Effect<ChatResponse, ModelError>
    /** (base URL, key): calls of one endpoint and model share a pool of limits. Holds no secret. */
    readonly endpoint: string
    /** A request that takes longer is a `ConnectionFault`. */
    readonly timeout: Duration.Duration
  }
>()("sluice/services/ChatModel") {}
