import type { Parsed } from "../../services/Parser.ts"

/** What documents are told apart by; `formats` has the parser of each. */
export type Format =
  | "asciidoc"
  | "csv"
  | "docx"
  | "epub"
  | "feed"
  | "html"
  | "json"
  | "log"
  | "mail"
  | "markdown"
  | "msg"
  | "notebook"
  | "opendocument"
  | "pdf"
  | "pptx"
  | "srt"
  | "text"
  | "vtt"
  | "xlsx"
  | "xml"

/** Reads a document, or throws a `ParseError` and nothing else, in time linear in the bytes. */
export type Parse = (uri: string, bytes: Uint8Array) => Parsed | Promise<Parsed>
