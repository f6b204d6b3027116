import { ParseError } from "../../domain/ParseError.ts"
import { looksLikeChatLog, looksLikeDatedLog } from "./chats/lines.ts"
import { utf16Of } from "./decode.ts"
import type { Format } from "./Format.ts"
import { recognise } from "./magic.ts"

const headBytes = 64 * 1024

const extensions: Readonly<Record<string, Format>> = {
  adoc: "asciidoc",
  asciidoc: "asciidoc",
  atom: "feed",
  csv: "csv",
  eml: "mail",
  htm: "html",
  html: "html",
  ipynb: "notebook",
  json: "json",
  jsonl: "json",
  markdown: "markdown",
  md: "markdown",
  mdown: "markdown",
  mdx: "markdown",
  mkd: "markdown",
  mkdn: "markdown",
  ndjson: "json",
  rss: "feed",
  srt: "srt",
  tab: "csv",
  tsv: "csv",
  vtt: "vtt",
  xhtml: "html",
  xml: "xml"
}

const mediaTypes: Readonly<Record<string, Format>> = {
  "application/atom+xml": "feed",
  "application/json": "json",
  "application/rss+xml": "feed",
  "application/x-ipynb+json": "notebook",
  "application/x-ndjson": "json",
  "application/x-subrip": "srt",
  "application/xhtml+xml": "html",
  "application/xml": "xml",
  "message/rfc822": "mail",
  "text/asciidoc": "asciidoc",
  "text/csv": "csv",
  "text/html": "html",
  "text/markdown": "markdown",
  "text/tab-separated-values": "csv",
  "text/vtt": "vtt",
  "text/x-markdown": "markdown",
  "text/xml": "xml"
}

const extension = /[^/\\#]\.([a-z0-9]{1,10})$/i

/**
 * The format that a name stands for, or else a media type, where the bytes may be anything: `unnamed` without an
 * extension, for then the bytes are looked at for Markdown too; empty if the extension says nothing.
 */
export const formatOfName = (uri: string, mediaType = ""): Format | "unnamed" | "" => {
  const found = extension.exec(uri)?.[1]?.toLowerCase()
  return own(extensions, found ?? "") ?? own(mediaTypes, mediaType) ?? (found === undefined ? "unnamed" : "")
}

const own = (table: Readonly<Record<string, Format>>, key: string): Format | undefined =>
  Object.hasOwn(table, key) ? table[key] : undefined

const looksVtt = /^WEBVTT(?:[ \t\r\n]|$)/
const looksSrt = /^\s{0,100}\d{1,7}[ \t]*\r?\n\d{1,3}:\d\d:\d\d[,.]\d{1,3}[ \t]*-->/
const looksHtml =
  /^\s{0,1000}(?:<!--(?:[^-]|-(?!->)){0,5000}-->\s{0,1000})?(?:<!doctype html|<(?:html|head|body)[\s>])/i
const looksXml = /^\s{0,1000}<\?xml[\s]/
const looksXhtml = /<html[\s>]/i
const looksFeed = /<(?:rss|feed|rdf:RDF)[\s>]/
const looksJson =
  /^\s{0,1000}(?:\{\s{0,1000}["}]|\[\s{0,1000}(?:[{["\]]|-?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,5})?\s{0,100}[,\]]|true|false|null))/
const looksNotebook = /"(?:nbformat|cells)"\s*:/
const looksMarkdown = /^(?:---[ \t]*\r?\n[A-Za-z_-]+:|#[ \t]\S[^\n]{0,500}\n\r?\n)/
const mailField = /^([A-Za-z][A-Za-z0-9-]{0,70}):/
const mailNames = new Set([
  "from",
  "to",
  "cc",
  "subject",
  "date",
  "message-id",
  "received",
  "mime-version",
  "return-path"
])

/**
 * A block of header fields at the very start, three at least of which only mails have, up to a blank line; a `From ` line
 * of a mailbox may stand before it.
 */
export const looksMail = (head: string): boolean => {
  const start = /^From [^\n]{1,500}\n/.exec(head)?.[0].length ?? 0
  const names = new Set<string>()
  for (let from = start; from < head.length;) {
    const newline = head.indexOf("\n", from)
    const line = head.slice(from, newline < 0 ? head.length : newline).trimEnd()
    if (line === "" || newline < 0) break
    const name = mailField.exec(line)?.[1]?.toLowerCase()
    if (name !== undefined) names.add(name)
    else if (!/^[ \t]/.test(line)) return false
    from = newline + 1
  }
  return [...names].filter((name) => mailNames.has(name)).length >= 3
}

const textOf = (bytes: Uint8Array): string => {
  const head = bytes.subarray(0, headBytes)
  return new TextDecoder(utf16Of(head) ?? "utf-8").decode(head)
}

/**
 * The format that bytes are in: by what they begin with, if that is beyond doubt, then by the extension of their name,
 * else plain text. Fails as `unsupported` or `protected` for what is known not to be readable.
 */
export const detect = (uri: string, bytes: Uint8Array, mediaType?: string): Format => {
  const known = recognise(bytes)
  if (known !== undefined) {
    if ("format" in known) return known.format
    const message = `${uri} is ${known.name}, which cannot be read: ${known.advice}`
    throw new ParseError({ uri, reason: known.isProtected === true ? "protected" : "unsupported", message })
  }
  const named = formatOfName(uri, mediaType)
  const head = textOf(bytes)
  if (looksVtt.test(head)) return "vtt"
  if (looksSrt.test(head)) return "srt"
  if (looksHtml.test(head)) return "html"
  if (looksXml.test(head) || named === "xml" || named === "feed") {
    const start = head.slice(0, 4096)
    return looksXhtml.test(start) ? "html" : looksFeed.test(start) || named === "feed" ? "feed" : "xml"
  }
  if (looksJson.test(head))
    return named === "notebook" || (named !== "json" && looksNotebook.test(head)) ? "notebook" : "json"
  if (looksMail(head)) return "mail"
  if (named === "markdown" && looksLikeDatedLog(head)) return "log"
  if (named !== "unnamed" && named !== "") return named
  if (looksLikeChatLog(head)) return "log"
  return named === "unnamed" && looksMarkdown.test(head) ? "markdown" : "text"
}
