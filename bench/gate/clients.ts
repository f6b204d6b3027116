import { Clock, Effect, Fiber, Random, Semaphore } from "effect"
import { ChatModel, retryAfter } from "../../src/services/ChatModel.ts"
import type { ChatRequest, ModelError } from "../../src/services/ChatModel.ts"
import type { Job, Scenario } from "./scenarios.ts"

/** The work of a scenario, as a client does it. What became of it is in the provider's books. */
export type Client = (scenario: Scenario, jobs: ReadonlyArray<Job>) => Effect.Effect<void, never, ChatModel>

const retriable = (error: ModelError): boolean =>
  error.reason._tag !== "RequestRejected" && error.reason._tag !== "Misconfigured"

/**
 * The official client's own retries: 408, 409, 429, 5xx and lost connections; `Retry-After` where it is less than a
 * minute, without jitter, else half a second, doubled up to 8, less up to a quarter.
 */
const withRetries = Effect.fnUntraced(function* (request: ChatRequest, retries: number) {
  const model = yield* ChatModel
  for (let attempt = 0; ; attempt++) {
    const answered = yield* Effect.result(model.complete(request))
    if (answered._tag === "Success" || attempt >= retries || !retriable(answered.failure)) return
    const asked = retryAfter(answered.failure)
    const backOff = Math.min(8_000, 500 * 2 ** attempt) * (1 - 0.25 * (yield* Random.next))
    yield* Effect.sleep(asked !== undefined && asked > 0 && asked < 60_000 ? asked : backOff)
  }
})

/** p-limit: so many at once, and the official client's retries. */
export const limited =
  (retries: number): Client =>
  ({ concurrency }, jobs) =>
    Effect.forEach(jobs, ({ request }) => withRetries(request, retries), { concurrency, discard: true })

/**
 * Bottleneck: `maxConcurrent`, and a reservoir for requests and one for tokens (input and output cap, counted exactly),
 * both refilled every 60 s from the start; first come, first served. The official client's retries inside.
 */
export const reservoir: Client = ({ concurrency, nominal }, jobs) =>
  Effect.gen(function* () {
    const places = yield* Semaphore.make(concurrency)
    const start = yield* Clock.currentTimeMillis
    let window = 0
    let requests = nominal.rpm
    let tokens = nominal.tpm
    const running: Array<Fiber.Fiber<void>> = []
    for (const { request, truth } of jobs) {
      yield* places.take(1)
      for (;;) {
        const now = (yield* Clock.currentTimeMillis) - start
        if (Math.floor(now / 60_000) > window) {
          window = Math.floor(now / 60_000)
          requests = nominal.rpm
          tokens = nominal.tpm
        }
        if (requests >= 1 && tokens >= truth.charged) break
        yield* Effect.sleep((window + 1) * 60_000 - now)
      }
      requests--
      tokens -= truth.charged
      running.push(yield* Effect.forkChild(Effect.ensuring(withRetries(request, 2), places.release(1))))
    }
    yield* Fiber.joinAll(running)
  })

/**
 * The cookbook's parallel processor as it is meant: two buckets, full at the start, the cost counted exactly, first come
 * first served, repeats before all others; a 429 stops everything for 15 s. Attempts without end.
 */
export const cookbook: Client = ({ nominal }, jobs) =>
  Effect.gen(function* () {
    const model = yield* ChatModel
    const waiting = jobs.toReversed()
    const again: Array<Job> = []
    let open = jobs.length
    let pausedUntil = 0
    let requests = nominal.rpm
    let tokens = nominal.tpm
    let at = yield* Clock.currentTimeMillis
    const send = Effect.fnUntraced(function* (job: Job) {
      const answered = yield* Effect.result(model.complete(job.request))
      if (answered._tag === "Success") {
        open--
        return
      }
      if (answered.failure.reason._tag === "RateLimited") pausedUntil = (yield* Clock.currentTimeMillis) + 15_000
      again.push(job)
    })
    const running: Array<Fiber.Fiber<void>> = []
    for (;;) {
      if (open === 0) break
      const now = yield* Clock.currentTimeMillis
      const job = again[0] ?? waiting.at(-1)
      if (job === undefined) {
        yield* Effect.sleep(10)
        continue
      }
      if (now < pausedUntil) {
        yield* Effect.sleep(pausedUntil - now)
        continue
      }
      requests = Math.min(nominal.rpm, requests + ((now - at) * nominal.rpm) / 60_000)
      tokens = Math.min(nominal.tpm, tokens + ((now - at) * nominal.tpm) / 60_000)
      at = now
      const wait = Math.max(
        ((1 - requests) * 60_000) / nominal.rpm,
        ((job.truth.charged - tokens) * 60_000) / nominal.tpm
      )
      if (wait > 0) {
        yield* Effect.sleep(Math.ceil(wait))
        continue
      }
      if (again.length > 0) again.shift()
      else waiting.pop()
      requests--
      tokens -= job.truth.charged
      running.push(yield* Effect.forkChild(send(job)))
      // The original sleeps a millisecond a round.
      yield* Effect.sleep(1)
    }
    yield* Fiber.joinAll(running)
  })
