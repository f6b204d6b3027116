/** What a provider says of how much a model can answer, or hold, when it turns a request away. */
export type OutputLimit =
  | { readonly _tag: "output"; readonly tokens: number }
  /** Input and output together. */
  | { readonly _tag: "context"; readonly tokens: number }

const aboutContext =
  /context (?:length|window|size)(?: of this model)?(?: is| of|:)?(?: only)? (\d[\d,]*)|(?:inputs?`? tokens? \+ `?max_new_tokens`?|context).{0,20}<= ?(\d[\d,]*)/i
const aboutOutput = /max_(?:completion_|output_|new_)?tokens|(?:output|completion) tokens|maxOutputTokens/i
const aboutRate = /\bper (?:min|minute|day|hour)\b|rate.?limit/i
const refuses = /at most|maximum|less than|<=|>|range|too large|exceed|limit|up to/i

const number = (digits: string): number => Number(digits.replaceAll(",", ""))

/**
 * Reads a rejection such as "max_tokens is too large: 16384. This model supports at most 4096 completion tokens", "max_tokens:
 * 16384 > 8192, which is the maximum allowed number of output tokens", "the valid range of max_tokens is [1, 8192]".
 *
 * @param asked the output cap of the request: a limit is less
 */
export const outputLimitOf = (message: string, asked: number): OutputLimit | undefined => {
  const context = aboutContext.exec(message)
  const held = context?.[1] ?? context?.[2]
  if (held !== undefined) return { _tag: "context", tokens: number(held) }
  if (!aboutOutput.test(message) || !refuses.test(message) || aboutRate.test(message)) return undefined
  // Numbers that are part of a name, such as a model's, are none.
  const figures = [
    ...message
      .replace(/\banswered \d{3}\b/, "")
      .matchAll(/(?<![\w.-])\d{1,3}(?:,\d{3})+(?![\w-])|(?<![\w.-])\d+(?![\w-])/g)
  ]
    .map(([digits]) => number(digits))
    .filter((figure) => figure >= 64 && figure < asked)
  return figures.length === 0 ? undefined : { _tag: "output", tokens: Math.max(...figures) }
}
