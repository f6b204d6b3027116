import type { Dice } from "./Faults.ts"

/** What goes over the wire, and how far it gets. */
export interface Reply {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly transport: "complete" | "reset" | "resetMidBody" | "hang"
}

export const json = { "content-type": "application/json" }

export const errorReply = (
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

export const malformed = errorReply(
  400,
  "invalid_request_error",
  null,
  "The request's body is not what this route takes."
)

/** The reply that a transport fault leaves of a complete one, which comes back as it is without such a fault. */
export const broken = (complete: Reply, fault: string | undefined, dice: Dice, retryAfter: number): Reply => {
  switch (fault) {
    case "rateLimited": {
      const dimension = dice.roll("dimension") < 0.5 ? "requests" : "tokens"
      return errorReply(
        429,
        dimension,
        "rate_limit_exceeded",
        `Rate limit reached on ${dimension} per min. Please try again later.`,
        { "retry-after": String(Math.ceil(retryAfter)) }
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
