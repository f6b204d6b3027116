import type { Block } from "../../domain/Document.ts"
import type { ExtractedEntity, ExtractedFact, Statement } from "../../domain/Extraction.ts"
import { ParseError } from "../../domain/ParseError.ts"
import type { Parsed } from "../../services/Parser.ts"
import { clean, isBlank } from "./decode.ts"

/** UTF-16 code units: a small file may unpack to any amount of text. */
const maxText = 64 * 1024 * 1024
const maxTitle = 300

/** A table of more rows takes more memory for what they state than for its text; the rows after these are text alone. */
const maxStatements = 100_000
/** How far items of lists within lists are indented. */
const maxDepth = 8

/** ASCII that is on one line already, as most cells of tables are. */
const tidy = /^(?:[!-~]+(?: [!-~]+)*)?$/

/** Safe text on one line, without white space around it. */
export const oneLine = (text: string): string =>
  text.length < 1000 && tidy.test(text) ? text : clean(text).replaceAll(/\s+/g, " ").trim()

/** A title: safe text on one line, at most 300 UTF-16 code units. */
export const asTitle = (text: string): string => oneLine(text).slice(0, maxTitle).toWellFormed().trim()

/** Safe text whose line breaks stand, without blank lines and without white space around the lines. */
export const lines = (text: string): string =>
  clean(text)
    .split("\n")
    .map((line) => line.replaceAll(/\s+/g, " ").trim())
    .filter((line) => line !== "")
    .join("\n")

/** An item of a list that has items of other lists in it: `depth` 0 and up, `mark` such as `- ` or `3. `. */
export interface Item {
  readonly depth: number
  readonly mark: string
  readonly text: string
}

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

  /** An item a line, indented by its depth; line breaks within it stand. */
  outline(items: ReadonlyArray<Item>): number {
    const shown = items.flatMap(({ depth, mark, text }) => {
      const item = lines(text)
      return item === "" ? [] : [{ depth: Math.min(Math.max(depth, 0), maxDepth), line: `${mark}${item}` }]
    })
    const least = shown.reduce((depth, item) => Math.min(depth, item.depth), maxDepth)
    return this.#rows(
      shown.map(({ depth, line }, index) => `${index === 0 ? "" : "  ".repeat(depth - least)}${line}`),
      "list"
    )
  }

  /**
   * A row a line, `a | b | c`; `header`: whether the first row names the columns; `read`: what any other row states, which
   * is said where the row begins.
   */
  table(
    rows: Iterable<ReadonlyArray<string>>,
    header: boolean,
    read?: (cells: ReadonlyArray<string>) => Omit<Statement, "at">
  ): number {
    const full: Array<string> = []
    const said: Array<readonly [row: number, stated: Omit<Statement, "at">]> = []
    let columns: string | undefined
    let isFirst = true
    for (const cells of rows) {
      const shown = row(cells.map(oneLine))
      const stated = (isFirst && header) || said.length >= maxStatements ? undefined : read?.(cells)
      if (isFirst && header && shown !== "") columns = shown
      if (shown !== "" && stated !== undefined) said.push([full.length, stated])
      if (shown !== "") full.push(shown)
      isFirst = false
    }
    const start = this.#rows(full, "table", columns)
    if (start < 0) return start
    const splits = this.#blocks.at(-1)?.splits ?? []
    for (const [index, stated] of said) this.state(splits[index - 1] ?? start, stated)
    return start
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

  /** Safe text that has its blocks already, which begin and end with it; as Markdown within another format has. */
  append(text: string, blocks: ReadonlyArray<Block>): number {
    const first = blocks[0]
    const last = blocks.at(-1)
    if (first === undefined || last === undefined || isBlank(text)) return -1
    if (this.#blocks.length > 0) this.#append("\n\n")
    const start = this.#length
    const shift = start - first.start
    this.#append(text.slice(first.start, last.end))
    for (const block of blocks) {
      this.#blocks.push({
        ...block,
        start: block.start + shift,
        end: block.end + shift,
        ...(block.splits === undefined ? {} : { splits: block.splits.map((split) => split + shift) })
      })
    }
    return start
  }

  /**
   * Something that the document states; `at` is where: what a method returned, 0 for the whole. Nothing if that is -1, or
   * after 100,000.
   */
  state(
    at: number,
    stated: { readonly entities: ReadonlyArray<ExtractedEntity>; readonly facts: ReadonlyArray<ExtractedFact> }
  ): void {
    const isFull = this.#statements.length >= maxStatements
    if (at >= 0 && !isFull && stated.entities.length + stated.facts.length > 0) this.#statements.push({ at, ...stated })
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
      title: asTitle(document.title ?? ""),
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

/** Empty cells at the end go. */
const row = (cells: ReadonlyArray<string>): string =>
  cells
    .slice(0, cells.findLastIndex((cell) => cell !== "") + 1)
    .join(" | ")
    .trimStart()
