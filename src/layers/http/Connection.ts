import { Clock, Duration, Effect, Option, Redacted, Schema } from "effect"
import type { Scope } from "effect"
import { Agent, request } from "@effect/platform-node/Undici"
import { hash } from "node:crypto"
import { ConnectionFault, Misconfigured } from "../../services/ChatModel.ts"
import type { ModelError } from "../../services/ChatModel.ts"
import { modelError, redactor } from "./Failures.ts"

export interface ConnectionOptions {
  /** May be empty: local servers want none. */
  readonly apiKey: Redacted.Redacted
  /** Such as `https://api.openai.com/v1`. */
  readonly baseURL: string
  /** Of a whole request, from its first byte to the last of its answer. */
  readonly timeout: Duration.Duration
  /** More request headers; what is redacted stays so. */
  readonly headers?: Readonly<Record<string, string | Redacted.Redacted>>
}

/** What the clients of all providers share: address, key, transport, time-out, and what no message may say. */
export interface Connection {
  /** (base URL, key); holds no secret. */
  readonly endpoint: string
  /** Without a slash at its end. */
  readonly baseURL: string
  readonly key: string
  readonly headers: Readonly<Record<string, string>>
  readonly redact: (text: string) => string
  readonly fetch: (input: string | URL | Request, init?: RequestInit) => Promise<Response>
  /** One request, within the time-out; interrupting it aborts it. An address or key that can be none is an error before it is sent. */
  readonly attempt: <A>(
    send: (signal: AbortSignal) => Promise<A>,
    failed: (thrown: unknown, now: number) => ModelError
  ) => Effect.Effect<A, ModelError>
}

/** An answer beyond this is no answer; a batch of 256 embeddings in floats is about 20 MB. */
const maxResponseBytes = 128 * 1024 * 1024

const nullBody = new Set([204, 205, 304])

/**
 * `fetch` on undici's `request`: half the processor time of Node's own `fetch`, no pool limit that would be a second
 * gate, and none of its hidden five-minute timeouts, so that the timeout of the options is the only one.
 * Redirects are not followed: they would turn the POST into a GET, or carry the key elsewhere.
 */
const transport = Effect.acquireRelease(
  Effect.sync(
    () =>
      new Agent({
        connections: null,
        pipelining: 1,
        allowH2: false,
        headersTimeout: 0,
        bodyTimeout: 0,
        keepAliveTimeout: 30_000,
        connect: { timeout: 15_000 },
        maxResponseSize: maxResponseBytes
      })
  ),
  // Not awaited: with keep-alive connections that close at the same moment, its promise has been seen never to settle.
  (agent) => Effect.sync(() => void agent.destroy().catch(() => undefined))
).pipe(
  Effect.map((agent) => async (input: string | URL | Request, init?: RequestInit): Promise<Response> => {
    const answer = await request(input instanceof Request ? input.url : input, {
      method: init?.method === "GET" ? "GET" : "POST",
      headers: { ...Object.fromEntries(new Headers(init?.headers)), "accept-encoding": "identity" },
      body: typeof init?.body === "string" ? init.body : null,
      signal: init?.signal ?? null,
      dispatcher: agent
    })
    const text = await answer.body.text()
    const headers = new Headers()
    for (const [name, value] of Object.entries(answer.headers)) {
      if (value !== undefined) headers.set(name, typeof value === "string" ? value : value.join(", "))
    }
    return new Response(nullBody.has(answer.statusCode) ? null : text, { status: answer.statusCode, headers })
  })
)

const parseUrl = (text: string): Option.Option<URL> =>
  Schema.decodeOption(Schema.URLFromString)(text.trim()).pipe(
    Option.filter((url) => url.protocol === "http:" || url.protocol === "https:")
  )

const reveal = (value: string | Redacted.Redacted): string =>
  typeof value === "string" ? value : Redacted.value(value)

/** A key with a line break or a letter outside ASCII is a mistake of copying, and an error message of it holds it. */
const isHeaderValue = (text: string): boolean => /^[\x20-\x7e]*$/.test(text)

export const connect = Effect.fnUntraced(function* (
  options: ConnectionOptions
): Effect.fn.Return<Connection, never, Scope.Scope> {
  const key = Redacted.value(options.apiKey).trim()
  const given = Object.entries(options.headers ?? {}).map(([name, value]) => [name, reveal(value)] as const)
  const url = Option.getOrUndefined(parseUrl(options.baseURL))
  const redact = redactor([key, ...given.map(([, value]) => value), ...(url === undefined ? [] : [url.password])])
  const fingerprint = hash("sha256", JSON.stringify([key, given]), "hex").slice(0, 8)
  const path = url?.pathname.replace(/\/+$/, "") ?? ""

  const wrong =
    url === undefined
      ? `The base URL is none: ${options.baseURL}. It should look like https://api.openai.com/v1`
      : isHeaderValue(key) && given.every(([, value]) => isHeaderValue(value))
        ? undefined
        : "The API key or a header holds characters that none can have; was it copied whole?"
  const refusal = wrong === undefined ? undefined : modelError(new Misconfigured({ status: 0 }), redact(wrong))
  const seconds = Duration.toSeconds(options.timeout)
  const timedOut = modelError(new ConnectionFault(), `No answer from the provider within ${seconds} s`)

  return {
    endpoint: url === undefined ? "invalid" : `${url.origin}${path}#${fingerprint}`,
    baseURL: options.baseURL.trim().replace(/\/+$/, ""),
    key,
    headers: Object.fromEntries(given),
    redact,
    fetch: yield* transport,
    attempt: (send, failed) =>
      refusal !== undefined
        ? Effect.fail(refusal)
        : Effect.tryPromise({ try: send, catch: (thrown) => ({ thrown }) }).pipe(
            Effect.catch(({ thrown }) =>
              Effect.flatMap(Clock.currentTimeMillis, (now) => Effect.fail(failed(thrown, now)))
            ),
            Effect.timeoutOrElse({ duration: options.timeout, orElse: () => Effect.fail(timedOut) })
          )
  }
})
