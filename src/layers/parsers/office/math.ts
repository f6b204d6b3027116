import { attribute } from "./xml.ts"
import type { Attributes } from "./xml.ts"

interface Frame {
  readonly name: string
  readonly parts: Array<readonly [name: string, text: string]>
  readonly marks: Map<string, string>
}

/** Function application and the like, which stand where a space is drawn. */
const invisible = /[\u2061-\u2064]/g

const wrap = (text: string): string => (/^[\p{L}\p{N}.,]*$/u.test(text) || text.length === 1 ? text : `(${text})`)
const sub = (text: string): string => (text === "" ? "" : `_${wrap(text)}`)
const sup = (text: string): string => (text === "" ? "" : `^${wrap(text)}`)

/** An element of Office's math (ECMA-376-1, 22.1) in one line, as people type it: `(a+b)/2`, `x^2`, `√(b)`. */
const inLine = ({ marks, name, parts }: Frame): string => {
  const of = (part: string) => parts.flatMap(([of, text]) => (of === part ? [text] : []))
  const joined = (part: string) => of(part).join("")
  switch (name) {
    case "f":
      return `${wrap(joined("num"))}/${wrap(joined("den"))}`
    case "sSup":
    case "sSub":
    case "sSubSup":
      return `${wrap(joined("e"))}${sub(joined("sub"))}${sup(joined("sup"))}`
    case "sPre":
      return `${sub(joined("sub"))}${sup(joined("sup"))}${joined("e")}`
    case "rad":
      return `${joined("deg")}√${wrap(joined("e"))}`
    case "nary":
      return `${marks.get("chr") ?? "∫"}${sub(joined("sub"))}${sup(joined("sup"))} ${joined("e")}`
    case "d":
      return `${marks.get("begChr") ?? "("}${of("e").join(marks.get("sepChr") ?? "|")}${marks.get("endChr") ?? ")"}`
    case "func":
      return `${joined("fName")} ${joined("e")}`
    case "limLow":
      return `${joined("e")}${sub(joined("lim"))}`
    case "limUpp":
      return `${joined("e")}${sup(joined("lim"))}`
    case "mr":
      return of("e").join(", ")
    case "m":
      return `[${of("mr").join("; ")}]`
    case "eqArr":
      return of("e").join("; ")
    default:
      return parts.map(([, text]) => text).join("")
  }
}

/** Reads the elements of one equation; elements are opened and closed in pairs. */
export class MathText {
  readonly #stack: Array<Frame> = [{ name: "", parts: [], marks: new Map() }]

  open(name: string, attributes: Attributes): void {
    if (name === "chr" || name === "begChr" || name === "endChr" || name === "sepChr") {
      this.#stack.at(-2)?.marks.set(name, attribute(attributes, "val") ?? "")
    }
    this.#stack.push({ name, parts: [], marks: new Map() })
  }

  text(text: string): void {
    const top = this.#stack.at(-1)
    if (top?.name === "t") top.parts.push(["", text])
  }

  close(): void {
    const frame = this.#stack.length > 1 ? this.#stack.pop() : undefined
    if (frame !== undefined) this.#stack.at(-1)?.parts.push([frame.name, inLine(frame)])
  }

  /** Whether everything that was opened is closed. */
  get isDone(): boolean {
    return this.#stack.length === 1
  }

  finish(): string {
    return this.#stack[0] === undefined ? "" : inLine(this.#stack[0]).replaceAll(invisible, " ").trim()
  }
}
