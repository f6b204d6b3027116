import { Cause, DateTime, Effect, Layer, Logger, LogLevel, Option, References } from "effect"
import type { FileSystem } from "effect"
import { problem, UsageError } from "./ExitStatus.ts"
import { plain } from "./Print.ts"

export interface LoggingOptions {
  /** Nothing given: warnings and worse on the screen while a bar is shown, else information and worse. */
  readonly level: Option.Option<LogLevel.LogLevel>
  readonly file: Option.Option<string>
  /** Whether standard error has a progress bar, which a line of the log must wipe out first. */
  readonly hasBar: boolean
}

const asText = (value: unknown): string =>
  typeof value === "string"
    ? value
    : Cause.isCause(value)
      ? Cause.pretty(value)
      : (JSON.stringify(value) ?? String(value))

const messageOf = (message: unknown): string => (Array.isArray(message) ? message : [message]).map(asText).join(" ")

/** One line an entry; a stack trace only for those who asked for `debug`. */
const forPeople = (level: LogLevel.LogLevel, hasBar: boolean) =>
  Logger.withConsoleError(
    Logger.make(({ cause, date, fiber, logLevel, message }) => {
      const annotations = Object.entries(fiber.getRef(References.CurrentLogAnnotations))
        .map(([key, value]) => ` ${key}=${plain(asText(value))}`)
        .join("")
      const wantsTrace = LogLevel.isLessThanOrEqualTo(level, "Debug") && cause.reasons.length > 0
      const time = DateTime.formatIso(DateTime.makeUnsafe(date)).slice(11, 19)
      return (
        (hasBar ? "\r\u001b[K" : "") +
        `${time} ${logLevel.toLowerCase()}: ${plain(messageOf(message))}${annotations}` +
        (wantsTrace ? `\n${Cause.pretty(cause).split("\n").map(plain).join("\n    ")}` : "")
      )
    })
  )

const filtered = (level: LogLevel.LogLevel, self: Logger.Logger<unknown, void>) =>
  Logger.make<unknown, void>((options) => {
    if (LogLevel.isGreaterThanOrEqualTo(options.logLevel, level)) self.log(options)
  })

/** To standard error for people and, if asked, to a file as JSON lines. */
export const layer = (options: LoggingOptions): Layer.Layer<never, UsageError, FileSystem.FileSystem> => {
  const screen = Option.getOrElse(options.level, (): LogLevel.LogLevel => (options.hasBar ? "Warn" : "Info"))
  const file = Option.getOrElse(options.level, (): LogLevel.LogLevel => "Info")
  const minimum = Option.isSome(options.file) && LogLevel.isLessThan(file, screen) ? file : screen
  const people = filtered(screen, forPeople(screen, options.hasBar))
  const loggers = Option.match(options.file, {
    onNone: () => Logger.layer([people, Logger.tracerLogger]),
    onSome: (path) =>
      Logger.layer([
        people,
        Logger.tracerLogger,
        Logger.toFile(Logger.formatJson, path).pipe(
          Effect.mapError(
            (error) =>
              new UsageError({ message: `The log file ${path} cannot be written: ${problem(error, "written")}.` })
          )
        )
      ])
  })
  return Layer.merge(loggers, Layer.succeed(References.MinimumLogLevel, minimum))
}
