import { Effect, Layer } from "effect"
import { ParseError, Parser } from "../services/Parser.ts"
import { isBlank, decode } from "./parsers/decode.ts"
import { parseMarkdown } from "./parsers/Markdown.ts"
import { parseText } from "./parsers/Text.ts"
import { parseVtt } from "./parsers/Vtt.ts"

const markdownName = /\.(?:md|markdown|mdown|mkdn?|mdx)$/i
const vttName = /\.vtt$/i
const anyExtension = /[^/\\]\.[a-z0-9]{1,10}$/i
const looksVtt = /^WEBVTT(?:[ \t\n]|$)/
const looksHtml = /^\s{0,1000}(?:<!doctype html|<html[\s>])/i
const looksMarkdown = /^(?:---[ \t]*\n[A-Za-z_-]+:|#[ \t]\S[^\n]{0,500}\n\n)/

/** What the extension stands for: Markdown, WebVTT, nothing known (no extension), or text. */
const formatOfName = (uri: string): "markdown" | "vtt" | "unnamed" | "" => {
  if (vttName.test(uri)) return "vtt"
  if (markdownName.test(uri)) return "markdown"
  return anyExtension.test(uri) ? "" : "unnamed"
}

/**
 * Which format a text is in: by what it begins with if that is beyond doubt, then by the extension of its name; without
 * an extension it is Markdown if it begins with front matter or a heading.
 */
const formatOf = (uri: string, text: string): "vtt" | "html" | "markdown" | "text" => {
  const named = formatOfName(uri)
  if (looksVtt.test(text) || named === "vtt") return "vtt"
  if (looksHtml.test(text)) return "html"
  return named === "markdown" || (named === "unnamed" && looksMarkdown.test(text)) ? "markdown" : "text"
}

/** Plain text, Markdown and WebVTT; anything else that is text is plain text, and what is not text is `unsupported`. */
export const layer: Layer.Layer<Parser> = Layer.succeed(Parser, {
  version: "markdown2 text2 vtt2",
  formatOfName,
  parse: Effect.fn("Parser.parse")(function* (uri, bytes) {
    const text = yield* Effect.fromResult(decode(uri, bytes))
    const format = formatOf(uri, text)
    yield* Effect.annotateCurrentSpan({ "sluice.document.format": format, "sluice.document.bytes": bytes.length })
    if (format === "vtt") return yield* parseVtt(uri, text)
    if (format === "html") {
      const message = `${uri} is an HTML page, which cannot be read: convert it to Markdown or text first`
      return yield* new ParseError({ uri, reason: "unsupported", message })
    }
    const parsed = format === "markdown" ? yield* parseMarkdown(text) : parseText(text)
    if (!isBlank(parsed.text)) return parsed
    return yield* new ParseError({ uri, reason: "empty", message: `${uri} holds nothing but front matter` })
  })
})
