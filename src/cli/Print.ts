import { basename, join, relative } from "node:path"
import { stripVTControlCharacters } from "node:util"
import { Console, Context, Effect, Schema, Sink, Stdio, Stream } from "effect"
import type { PlatformError } from "effect/PlatformError"
import { CliOutput } from "effect/cli"

/** Whoever read standard output has gone. */
export class OutputClosed extends Schema.TaggedError<OutputClosed>()("OutputClosed", {}) {}

/** What was to be printed could not be written. */
export class OutputFailed extends Schema.TaggedError<OutputFailed>()("OutputFailed", {
  message: Schema.String
}) {}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" })

/**
 * Text of documents and providers, made harmless for a terminal, on one line: without escape sequences, control
 * characters, and characters that are invisible or turn the direction of what follows. The two joiners stay, because
 * scripts and emoji need them.
 */
export const plain = (text: string): string =>
  stripVTControlCharacters(text.toWellFormed())
    .replace(/[\s\p{Zl}\p{Zp}]+/gu, " ")
    .replace(/[\p{Cc}\p{Co}\p{Cn}]|(?![\u200c\u200d])\p{Cf}/gu, "")
    .trim()

/** The same, in at most `width` columns; what is cut off is marked by an ellipsis. */
export const fit = (text: string, width: number): string => {
  const clean = plain(text)
  // Every column takes at least one code unit, so a short text fits unless it has wide characters.
  if (clean.length <= width && CliOutput.displayWidth(clean) <= width) return clean
  let kept = ""
  let used = 0
  for (const { segment } of graphemes.segment(clean)) {
    // A pile of combining marks is one grapheme, however high.
    const shown = segment.length > 16 ? segment.slice(0, 16).toWellFormed() : segment
    const columns = CliOutput.displayWidth(shown)
    if (used + columns > width - 1) return width < 1 ? "" : `${kept.trimEnd()}…`
    kept += shown
    used += columns
  }
  return kept
}

/** The same, filled up with spaces to exactly `width` columns. */
export const column = (text: string, width: number): string => {
  const fitted = fit(text, width)
  return fitted + " ".repeat(Math.max(0, width - CliOutput.displayWidth(fitted)))
}

/** Clean text in lines of at most `width` columns, at most `limit` of them. */
export const wrap = (text: string, width: number, limit: number): ReadonlyArray<string> => {
  const lines: Array<string> = []
  let line = ""
  for (const word of plain(text).split(" ")) {
    const longer = line === "" ? word : `${line} ${word}`
    if (CliOutput.displayWidth(longer) <= width) {
      line = longer
      continue
    }
    if (line !== "") lines.push(line)
    line = fit(word, width)
    if (lines.length >= limit) break
  }
  if (line !== "") lines.push(line)
  if (lines.length <= limit) return lines
  return [...lines.slice(0, limit - 1), fit(`${lines[limit - 1] ?? ""} …`, width)]
}

// DEL and C1 controls, line and paragraph separators, bidi controls, marks of byte order, tags.
const active = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\u{e0000}-\u{e007f}]/gu

/**
 * A value as JSON on one line, for programs; since people look at it on terminals too, what would be obeyed or hidden
 * there is escaped, as JSON itself does with the C0 controls and lone surrogates alone.
 */
export const jsonLine = (value: unknown): string =>
  JSON.stringify(value).replace(active, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`
    ).join("")
  )

const decimal = new Intl.NumberFormat("en-US")

export const count = (value: number): string => decimal.format(value)

/** `1 chunk`, `2 chunks`. */
export const counted = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`

/** `950 B`, `12.3 MB`. */
export const bytes = (value: number): string => {
  const unit = value < 1e3 ? 0 : value < 1e6 ? 1 : value < 1e9 ? 2 : 3
  return `${(value / 1e3 ** unit).toFixed(unit === 0 ? 0 : 1)} ${["B", "kB", "MB", "GB"][unit] ?? ""}`
}

/** `4.2 s`, `3 min 5 s`, `2 h 10 min`. */
export const duration = (millis: number): string => {
  const seconds = millis / 1000
  if (seconds < 60) return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`
  const whole = Math.round(seconds)
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

const errno = (error: PlatformError): string | undefined => {
  const cause = "cause" in error.reason ? error.reason.cause : undefined
  return typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string"
    ? cause.code
    : undefined
}

const outputError = (error: PlatformError): OutputClosed | OutputFailed => {
  const code = errno(error)
  return code === "EPIPE" || code === "ERR_STREAM_DESTROYED" || code === "ECONNRESET"
    ? new OutputClosed()
    : new OutputFailed({
        message: `Standard output could not be written (${code ?? error.message}); nothing of the graph is affected.`
      })
}

/** To standard output, as fast as its reader takes it. */
export const stream = <E, R>(
  lines: Stream.Stream<string, E, R>
): Effect.Effect<void, E | OutputClosed | OutputFailed, R | Stdio.Stdio> =>
  Stdio.Stdio.use((stdio) => lines.pipe(Stream.run(Sink.mapError(stdio.stdout({ endOnDone: false }), outputError))))

/** Lines to standard output. */
export const print = (lines: ReadonlyArray<string>): Effect.Effect<void, OutputClosed | OutputFailed, Stdio.Stdio> =>
  stream(Stream.make(lines.map((line) => `${line}\n`).join("")))

/** Lines to standard error, for people. */
export const complain = (lines: ReadonlyArray<string>): Effect.Effect<void> =>
  lines.length === 0 ? Effect.void : Console.error(lines.map(plain).join("\n"))

/** Help goes to standard output; what is wrong with a command line goes to standard error, in a line or two. */
export const presenter: CliOutput.Presenter = {
  present: (event) => {
    if (event._tag !== "InvalidInvocation") return CliOutput.defaultPresenter.present(event)
    const [first, ...others] = event.errors.map(({ message }) =>
      plain(message.replace(/\s*\n\s*Did you mean this\?\s*/, ". Did you mean: "))
    )
    return complain([
      `${first ?? "The command line is not valid."}${others.length === 0 ? "" : ` (and ${others.length} more)`}`,
      `Run \`${event.commandPath.join(" ")} --help\` for what it takes.`
    ])
  }
}

/** How the program was called, so that what it says to run next can be run. */
export const Invocation = Context.Reference<string>("sluice/cli/Invocation", { defaultValue: () => "sluice" })

/** `npx` finds only what is installed in the working directory or above it; from elsewhere it would fetch another Node. */
const nodeOf = (executable: string, directory: string): string => {
  const [project, installed] = executable.split(/[/\\]node_modules[/\\]/, 2)
  if (project === undefined || installed === undefined) return "node"
  return relative(project, directory).startsWith("..")
    ? relative(directory, join(project, "node_modules", ".bin", "node"))
    : "npx node"
}

/** `executable`: the Node that runs it, which the PATH may not have if npm brought it. */
export const invocationOf = (script: string | undefined, executable: string, directory: string): string =>
  script === undefined || basename(script) === "sluice"
    ? "sluice"
    : `${nodeOf(executable, directory)} ${relative(directory, script)}`
