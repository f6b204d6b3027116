import { Agent, request } from "@effect/platform-node/Undici"
import { Clock, DateTime, Duration, Effect, Option, Redacted, Schedule, Schema } from "effect"
import type { Scope } from "effect"
import { STATUS_CODES } from "node:http"
import { promisify } from "node:util"
import { brotliDecompress, gunzip, inflate } from "node:zlib"
import { SourceItemError } from "../../services/DocumentSource.ts"
import type { Address } from "./address.ts"
import { parseContentType, toUtf8 } from "./text.ts"
import type { ContentType } from "./text.ts"

export interface FetchOptions {
  /** Size in bytes above which a document is not read, packed or not. */
  readonly maxBytes: number
  /** As `sluice/1.0.0`. */
  readonly userAgent: string
}

/** What an address leads to. */
export interface Fetched {
  /** Text is UTF-8, whatever it was. */
  readonly bytes: Uint8Array
  /** What the server says that it is, in lower case, without parameters; empty if it does not say. */
  readonly mediaType: string
}

/** Until the headers are there, and from each piece of the body to the next. */
const idle = Duration.seconds(30)
/** For all tries together. */
const whole = Duration.minutes(5)
const tries = 3
const maxRedirects = 5
/** The longest that a server's `Retry-After` is waited for. */
const longestWait = Duration.seconds(60)

/** A try that failed, and whether another may do better, not before `wait` has passed. */
interface Fault {
  readonly error: SourceItemError
  readonly isTransient: boolean
  readonly wait: Duration.Duration
}

const schedule = Schedule.exponential("1 second", 3).pipe(
  Schedule.jittered,
  Schedule.setInputType<Fault>(),
  Schedule.modifyDelay(({ duration, input }) => Effect.succeed(Duration.max(duration, input.wait)))
)

type Answer = Awaited<ReturnType<typeof request>>

const header = (answer: Answer, name: string): string => {
  const value = answer.headers[name]
  return typeof value === "string" ? value : (value?.join(", ") ?? "")
}

const redirects = new Set([301, 302, 303, 307, 308])

const adviceOf = (status: number): string => {
  if (status === 401 || status === 403) return "check that it may be read, or put USER:PASSWORD@ before its host"
  if (status === 404 || status === 410) return "check the address, or take it out with `sluice forget`"
  return status === 429 || status >= 500 ? "try again later" : "open it in a browser to see why"
}

const inWords = (status: number): string => {
  const words = STATUS_CODES[status]
  return words === undefined ? String(status) : `${status} (${words})`
}

/** As seconds or as a date (RFC 9110, 10.2.3). */
const retryAfter = (text: string, now: number): Duration.Duration => {
  const date = DateTime.make(text)
  const milliseconds = /^\d{1,9}$/.test(text)
    ? Number(text) * 1000
    : /\d\d:\d\d:\d\d/.test(text) && Option.isSome(date)
      ? DateTime.toEpochMillis(date.value) - now
      : 0
  return Duration.millis(Math.max(0, milliseconds))
}

const Coded = Schema.Struct({ code: Schema.String })
const isCoded = Schema.is(Coded)

/** Undici's own error for it has a code of its parser, or none. */
const notHttp = "HPE"

/** The code of an error, or of the first of several that were met side by side, one for each address of a host. */
const codeOf = (error: unknown): string => {
  if (error instanceof Error && error.name === "HTTPParserError") return notHttp
  if (isCoded(error)) return error.code
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  return error instanceof Error && error.cause !== undefined ? codeOf(error.cause) : "unknown"
}

const certificate = /^(?:CERT_|ERR_TLS_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/
const lasting = new Set([notHttp, "ENOTFOUND", "UND_ERR_INVALID_ARG", "ERR_INVALID_URL"])

const whyNot = (code: string): string => {
  if (certificate.test(code)) return `its certificate cannot be trusted (${code})`
  switch (code) {
    case "ENOTFOUND":
      return "no host has that name"
    case "EAI_AGAIN":
      return "the name of its host cannot be looked up now"
    case "ECONNREFUSED":
      return "its host takes no connections"
    case "ECONNRESET":
    case "EPIPE":
    case "UND_ERR_SOCKET":
    case "UND_ERR_RES_CONTENT_LENGTH_MISMATCH":
      return "the connection broke off"
    case notHttp:
      return "what answers there does not speak HTTP"
    case "UND_ERR_HEADERS_OVERFLOW":
      return "its headers are too long"
    default:
      return `the network answers ${code}`
  }
}

const unpackers: Readonly<
  Record<string, (bytes: Uint8Array, options: { maxOutputLength: number }) => Promise<Buffer>>
> = {
  gzip: promisify(gunzip),
  "x-gzip": promisify(gunzip),
  deflate: promisify(inflate),
  br: promisify(brotliDecompress)
}

/**
 * A function that fetches an address. It follows at most 5 redirects, sends credentials to no other origin than the one
 * they were given for, waits at most 30 seconds for a sign of life and 5 minutes in all, and tries 3 times where the
 * fault may pass: 429, 5xx, a connection that breaks off. It never holds more than `maxBytes` and one piece.
 */
export const makeFetch = (
  options: FetchOptions
): Effect.Effect<(address: Address) => Effect.Effect<Fetched, SourceItemError>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const { maxBytes, userAgent } = options
    const agent = yield* Effect.acquireRelease(
      // The timeouts below follow the Clock, and are the only ones.
      Effect.sync(() => new Agent({ headersTimeout: 0, bodyTimeout: 0, allowH2: false, connect: { timeout: 0 } })),
      // Not awaited: its promise may never settle when connections close at the same moment.
      (agent) => Effect.sync(() => void agent.destroy().catch(() => undefined))
    )

    const once = Effect.fnUntraced(function* ({ authorization, uri }: Address, signal: AbortSignal) {
      const fail = (
        reason: SourceItemError["reason"],
        what: string,
        { isTransient = false, wait = Duration.zero }: Partial<Fault> = {}
      ): Effect.Effect<never, Fault> =>
        Effect.fail({ error: new SourceItemError({ uri, reason, message: `${uri} ${what}` }), isTransient, wait })
      const silent = fail("unreadable", `has not answered for ${Duration.toSeconds(idle)} s: try again later`)
      const guarded = <A>(step: () => Promise<A>): Effect.Effect<A, Fault> =>
        Effect.tryPromise({ try: step, catch: (error) => codeOf(error) }).pipe(
          Effect.catch((code) =>
            fail("unreadable", `cannot be fetched: ${whyNot(code)}`, {
              isTransient: !lasting.has(code) && !certificate.test(code)
            })
          ),
          Effect.timeoutOrElse({ duration: idle, orElse: () => silent })
        )
      const tooLarge = (size?: number) =>
        fail(
          "too-large",
          `${size === undefined ? "is larger than" : `has ${size} bytes, more than`} the limit of ${maxBytes} bytes: ` +
            "download it and split it, or raise --max-document"
        )

      const ask = (url: URL) =>
        guarded(async () => {
          const answer = await request(url, {
            method: "GET",
            headers: {
              accept: "*/*",
              "accept-encoding": "gzip, br",
              "user-agent": userAgent,
              ...(authorization !== undefined && url.origin === new URL(uri).origin
                ? { authorization: Redacted.value(authorization) }
                : {})
            },
            signal,
            dispatcher: agent
          })
          // An abort must not surface as an event that nobody listens to.
          answer.body.on("error", () => undefined)
          return answer
        })

      let url = new URL(uri)
      let answer = yield* ask(url)
      for (let hops = 0; redirects.has(answer.statusCode); hops++) {
        answer.body.destroy()
        if (hops === maxRedirects) {
          return yield* fail("unreadable", `redirects more than ${maxRedirects} times: name the address where it ends`)
        }
        const location = header(answer, "location")
        const next = location === "" ? null : URL.parse(location, url.href)
        if (next === null || (next.protocol !== "http:" && next.protocol !== "https:")) {
          return yield* fail("unreadable", "redirects to something that is no http or https address")
        }
        next.username = ""
        next.password = ""
        url = next
        answer = yield* ask(url)
      }

      const { body, statusCode } = answer
      if (statusCode < 200 || statusCode > 299) {
        const isTransient = statusCode === 429 || statusCode >= 500
        const wait = retryAfter(header(answer, "retry-after"), yield* Clock.currentTimeMillis)
        const elsewhere = url.origin === new URL(uri).origin ? "" : ` (at ${url.origin}, where it redirects to)`
        return yield* fail(
          "unreadable",
          `cannot be fetched: the server answers ${inWords(statusCode)}${elsewhere}: ${adviceOf(statusCode)}`,
          { isTransient: isTransient && Duration.isLessThanOrEqualTo(wait, longestWait), wait }
        )
      }

      const announced = header(answer, "content-length")
      if (/^\d+$/.test(announced) && Number(announced) > maxBytes) return yield* tooLarge(Number(announced))
      const pieces: Array<Uint8Array> = []
      let length = 0
      const iterator: AsyncIterator<Uint8Array> = body[Symbol.asyncIterator]()
      while (true) {
        const next = yield* guarded(() => iterator.next())
        if (next.done === true) break
        length += next.value.length
        if (length > maxBytes) return yield* tooLarge()
        pieces.push(next.value)
      }
      const received = new Uint8Array(Buffer.concat(pieces))

      const coding = header(answer, "content-encoding").trim().toLowerCase()
      const type = parseContentType(header(answer, "content-type"))
      if (coding === "" || coding === "identity" || received.length === 0) return fetched(received, type)
      const unpack = unpackers[coding]
      if (unpack === undefined) {
        return yield* fail("unreadable", "comes in an encoding that was not asked for: download it, and name the file")
      }
      const unpacked = yield* Effect.tryPromise({
        try: () => unpack(received, { maxOutputLength: maxBytes }),
        catch: (error) => codeOf(error)
      }).pipe(
        Effect.catch((code) =>
          code === "ERR_BUFFER_TOO_LARGE" ? tooLarge() : fail("malformed", "is packed, and the packing is broken")
        )
      )
      return fetched(new Uint8Array(unpacked), type)
    })

    return Effect.fn("FileSource.fetch")((address: Address) =>
      Effect.suspend(() => {
        const abort = new AbortController()
        return once(address, abort.signal).pipe(Effect.ensuring(Effect.sync(() => abort.abort())))
      }).pipe(
        Effect.retry({ schedule, times: tries - 1, while: ({ isTransient }) => isTransient }),
        Effect.mapError(({ error }) => error),
        Effect.timeoutOrElse({
          duration: whole,
          orElse: () =>
            Effect.fail(
              new SourceItemError({
                uri: address.uri,
                reason: "unreadable",
                message: `${address.uri} was not there in full after ${Duration.toMinutes(whole)} minutes: download it, and name the file`
              })
            )
        })
      )
    )
  })

const fetched = (bytes: Uint8Array, type: ContentType): Fetched => ({
  bytes: toUtf8(bytes, type),
  mediaType: type.mediaType
})
