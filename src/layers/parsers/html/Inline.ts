import type { edgeOf } from "./elements.ts"

const letterOrDigit = /[\p{L}\p{N}]/u
const endsInWord = /[\p{L}\p{N}]$/u
const startsSpaced = /^\s/
const spaces = /\s+/g
// Places where a word may be broken, which show nothing where it is not.
const breaks = /[\u00ad\u200b]+/g

/** Where "Label" and "Value" of two spans meet with nothing between them, as pages that are laid out by styles have it. */
const areTwoWords = (before: string, after: string): boolean =>
  (/[\p{Ll}\p{N}.,:;!?)%]$/u.test(before) && /^\p{Lu}/u.test(after)) ||
  (/(?:\p{Ll}|\p{Lu}{2})$/u.test(before) && /^\p{N}/u.test(after)) ||
  (/\p{N}$/u.test(before) && /^\p{Ll}/u.test(after)) ||
  (/\p{Lu}{2}$/u.test(before) && /^\p{Lu}\p{Ll}/u.test(after))

/** The text of a block while it is read: white space as one space, line breaks where the page says so. */
export class Inline {
  #parts: Array<string> = []
  #length = 0
  /** The last two characters of the text; empty if there is none. */
  #last = ""
  #blank = true
  #edge: ReturnType<typeof edgeOf> = "none"
  #raised = false
  #mark: { readonly parts: number; readonly parents: Array<string> } | undefined
  /** White space stands as it is. */
  isVerbatim = false

  get isBlank(): boolean {
    return this.#blank
  }

  isLongerThan(length: number): boolean {
    return this.#length > length
  }

  add(data: string): void {
    if (data === "") return
    const text = this.isVerbatim ? data : data.replaceAll(breaks, "").replaceAll(spaces, " ")
    if (text === "") return
    const first = text[0] ?? ""
    if (this.#edge !== "none" && !this.isVerbatim && this.#last !== "" && !startsSpaced.test(text)) {
      const parted =
        this.#edge === "surely"
          ? endsInWord.test(this.#last) && letterOrDigit.test(first)
          : areTwoWords(this.#last, text.slice(0, 2))
      if (parted) this.#push(" ")
    }
    if (this.#raised && /[\d+\u2212-]/.test(first) && endsInWord.test(this.#last)) this.#push("^")
    this.#edge = "none"
    this.#raised = false
    this.#push(text)
  }

  /** Text that is a word of its own; an empty one parts what is before and after. */
  word(text: string): void {
    this.add(` ${text} `)
  }

  lineBreak(): void {
    this.#push("\n")
  }

  /** A line break where the line is not at its start already. */
  lineEnd(): void {
    if (this.#last !== "" && !this.#last.endsWith("\n")) this.#push("\n")
  }

  /** The edge of an element; what follows at once may be another word. */
  edge(edge: ReturnType<typeof edgeOf>): void {
    if (this.#edge !== "surely") this.#edge = edge
  }

  /** What follows is set higher: a power or the number of a note. */
  raised(): void {
    this.#raised = true
  }

  /** A formula begins. */
  mark(): void {
    this.#mark = { parts: this.#parts.length, parents: this.#parts }
  }

  /** Takes away the formula as it is drawn, for its source follows; false if some of it is gone already. */
  backToMark(): boolean {
    if (this.#mark === undefined || this.#mark.parents !== this.#parts) return false
    this.#parts.length = Math.min(this.#parts.length, this.#mark.parts)
    this.#mark = undefined
    this.word("")
    return true
  }

  get position(): number {
    return this.#parts.length
  }

  /** What was added since, up to a hundred pieces of it. */
  since(position: number): string {
    return this.#parts.slice(position, position + 100).join("")
  }

  cut(position: number): void {
    this.#parts.length = Math.min(this.#parts.length, position)
  }

  /** All of it, and starts anew. */
  take(): string {
    const text = this.#parts.join("")
    this.#parts = []
    this.#length = 0
    this.#last = ""
    this.#blank = true
    this.#edge = "none"
    this.#raised = false
    return text
  }

  #push(text: string): void {
    this.#parts.push(text)
    this.#length += text.length
    this.#last = text.length > 1 ? text.slice(-2) : `${this.#last.slice(-1)}${text}`
    if (this.#blank && /\S/.test(text)) this.#blank = false
  }
}
