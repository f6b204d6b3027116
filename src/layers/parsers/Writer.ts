import type { Block } from "../../domain/Document.ts"
import type { ExtractedEntity, ExtractedFact, Statement } from "../../domain/Extraction.ts"
import { ParseError } from "../../services/Parser.ts"
import type { Parsed } from "../../services/Parser.ts"
import { clean, isBlank } from "./decode.ts"

/** UTF-16 code units: a small file may unpack to any amount of text. */
const maxText = 64 * 1024 * 1024
const maxTitle = 300

/** Safe text on one line, without white space around it. */
export const oneLine = (text: string): string => clean(text).replaceAll(/\s+/g, " ").trim()

/** Safe text whose line breaks stand, without blank lines and without white space around the lines. */
export const lines = (text: string): string =>
  clean(text)
    .split("\n")
    .map((line) => line.replaceAll(/\s+/g, " ").trim())
    .filter((line) => line !== "")
    .join("\n")

export interface Turn {
  readonly speaker?: string | undefined
  /** Milliseconds since the epoch, or since the start of the recording. */
  readonly at?: number | undefined
  readonly text: string
  /** What `turn` returned for the turn that this one answers. */
  readonly replyTo?: number | undefined
}

/**
 * Writes a document's text block by block, for formats whose text does not stand in the file as people read it. What is
 * blank is left out; every method makes its text safe to show first and returns where its block starts, or -1 if there
 * is none.
 */
export class Writer {
  readonly #uri: string
  readonly #text: Array<string> = []
  readonly #blocks: Array<Block> = []
  readonly #statements: Array<Statement> = []
  #length = 0

  constructor(uri: string) {
    this.#uri = uri
  }

  /** How much text there is so far: where the next block starts, or a little before. */
  get length(): number {
    return this.#length
  }

  heading(level: number, text: string): number {
    return this.#block(oneLine(text), { kind: "heading", level: Math.min(6, Math.max(1, Math.trunc(level))) })
  }

  /** Line breaks within it stand. */
  paragraph(text: string): number {
    return this.#block(lines(text), { kind: "paragraph" })
  }

  /** Kept as it is, but for blank lines around it. */
  code(text: string): number {
    return this.#block(
      clean(text)
        .replace(/^(?:[^\S\n]*\n)+/, "")
        .trimEnd(),
      { kind: "code" }
    )
  }

  /** An item a line, with `mark` before it (`- `); `1. ` counts up. */
  list(items: ReadonlyArray<string>, mark: "- " | "1. " = "- "): number {
    const shown = items.map(lines).filter((item) => item !== "")
    return this.#rows(
      shown.map((item, index) => `${mark === "- " ? mark : `${index + 1}. `}${item}`),
      "list"
    )
  }

  /** A row a line, `a | b | c`; `header`: whether the first row names the columns. */
  table(rows: ReadonlyArray<ReadonlyArray<string>>, header: boolean): number {
    const shown = rows.map((cells) => cells.map(oneLine))
    const full = shown.filter((cells) => cells.some((cell) => cell !== "")).map(row)
    const first = shown[0] === undefined ? "" : row(shown[0])
    return this.#rows(full, "table", header && first === full[0] ? first : undefined)
  }

  /** `Speaker: text`, whose line breaks stand. */
  turn({ at, replyTo, speaker, text }: Turn): number {
    const said = lines(text)
    if (said === "" || isBlank(said)) return -1
    const name = oneLine(speaker ?? "")
    return this.#block(name === "" ? said : `${name}: ${said}`, {
      kind: "turn",
      ...(name === "" ? {} : { speaker: name }),
      ...(at === undefined || !Number.isFinite(at) ? {} : { at: Math.round(at) }),
      ...(replyTo === undefined || replyTo < 0 ? {} : { replyTo })
    })
  }

  /** Something that the document states; `at` is where: what a method returned, 0 for the whole. Nothing if that is -1. */
  state(
    at: number,
    stated: { readonly entities: ReadonlyArray<ExtractedEntity>; readonly facts: ReadonlyArray<ExtractedFact> }
  ): void {
    if (at >= 0 && stated.entities.length + stated.facts.length > 0) this.#statements.push({ at, ...stated })
  }

  /** The document; fails as `empty` if nothing in it can be read. */
  finish(document: {
    readonly mediaType: string
    readonly title?: string | undefined
    readonly date?: string | undefined
  }): Parsed {
    const text = this.#text.join("")
    if (isBlank(text)) {
      throw new ParseError({ uri: this.#uri, reason: "empty", message: `${this.#uri} holds no text that can be read` })
    }
    return {
      mediaType: document.mediaType,
      title: oneLine(document.title ?? "")
        .slice(0, maxTitle)
        .toWellFormed()
        .trim(),
      ...(document.date === undefined || document.date === "" ? {} : { date: document.date }),
      text,
      blocks: this.#blocks,
      ...(this.#statements.length === 0 ? {} : { statements: this.#statements.toSorted((a, b) => a.at - b.at) })
    }
  }

  #block(text: string, shape: Omit<Block, "start" | "end">): number {
    if (text === "" || isBlank(text)) return -1
    const previous = this.#blocks.at(-1)
    if (previous !== undefined) this.#append(previous.kind === "turn" && shape.kind === "turn" ? "\n" : "\n\n")
    const start = this.#length
    this.#append(text)
    this.#blocks.push({ ...shape, start, end: this.#length })
    return start
  }

  #rows(rows: ReadonlyArray<string>, kind: "list" | "table", columns?: string): number {
    const splits: Array<number> = []
    let length = 0
    for (const [index, text] of rows.entries()) {
      if (index > 0) splits.push(length)
      length += text.length + 1
    }
    const start = this.#block(rows.join("\n"), { kind, ...(columns === undefined ? {} : { columns }) })
    const block = this.#blocks.at(-1)
    if (start >= 0 && block !== undefined) {
      this.#blocks[this.#blocks.length - 1] = { ...block, splits: splits.map((split) => start + split) }
    }
    return start
  }

  #append(text: string): void {
    this.#length += text.length
    if (this.#length > maxText) {
      const message = `${this.#uri} unpacks to more than ${maxText / 1024 / 1024} million characters of text: split it`
      throw new ParseError({ uri: this.#uri, reason: "too-large", message })
    }
    this.#text.push(text)
  }
}

const row = (cells: ReadonlyArray<string>): string =>
  cells
    .join(" | ")
    .replace(/(?: \| )+$/, "")
    .trim()
