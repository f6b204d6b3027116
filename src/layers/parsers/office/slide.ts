import { readDrawings } from "./drawing.ts"
import { Flow } from "./Flow.ts"
import type { FrameKind, Style } from "./Flow.ts"
import { MathText } from "./math.ts"
import type { Package, Relationship } from "./package.ts"
import type { Piece } from "./pieces.ts"
import { oneLine } from "../Writer.ts"
import { attribute, prefixed } from "./xml.ts"
import type { Attributes } from "./xml.ts"

/** Placeholders that hold the same on every slide (ECMA-376-1, 19.7.10), or the slide itself on a page of notes. */
const repeated = new Set(["dt", "ftr", "hdr", "sldNum", "sldImg"])
const titles = new Set(["title", "ctrTitle"])
const blocks: ReadonlyMap<string, FrameKind> = new Map([
  ["tbl", "table"],
  ["tr", "row"],
  ["tc", "cell"]
])

/** A shape and its paragraphs, which are known for a list when the shape ends. */
interface Shape {
  placeholder: string | undefined
  isPlaceholder: boolean
  readonly pieces: Array<Piece>
}

/** A body of several paragraphs is a list, unless its paragraphs say that they have no bullets. */
const shown = ({ isPlaceholder, pieces, placeholder }: Shape, isNotes: boolean): ReadonlyArray<Piece> => {
  const isBody = isPlaceholder && (placeholder === undefined || placeholder === "body" || placeholder === "obj")
  if (!isBody || isNotes || pieces.length < 2) return pieces.map(unmarked)
  return pieces.map((piece) => (piece.kind === "item" && piece.mark === "" ? { ...piece, mark: "- " } : piece))
}

const unmarked = (piece: Piece): Piece =>
  piece.kind === "item" && piece.mark === "" ? { kind: "paragraph", text: piece.text } : piece

/**
 * What stands on a slide (DrawingML shapes, ECMA-376-1, 20.1 and 21.1), in the order of its shapes, and its title; on a
 * page of notes only the notes.
 */
export const readSlide = async (
  from: Package,
  part: string,
  relationships: ReadonlyArray<Relationship>,
  isNotes = false
): Promise<{ readonly title: string; readonly content: ReadonlyArray<Piece> }> => {
  const drawings = await readDrawings(from, relationships)
  const content: Array<Piece> = []
  const title: Array<string> = []
  const shapes: Array<Shape> = []
  const numbers: Array<number> = []
  let style: Style = { kind: "paragraph" }
  let skipped = 0
  let hasChoice = false
  let inText = false
  let math: MathText | undefined
  const flow = new Flow((piece) => {
    const shape = shapes.at(-1)
    if (shape === undefined) content.push(unmarked(piece))
    else shape.pieces.push(piece)
  })

  const startParagraph = (): void => {
    flow.open("paragraph")
    style = { kind: "item", level: 0, mark: "" }
  }
  const bullet = (name: string): void => {
    const level = style.kind === "item" ? style.level : 0
    if (name === "buNone") style = { kind: "paragraph" }
    else if (name === "buChar" || name === "buBlip") style = { kind: "item", level, mark: "- " }
    else {
      numbers.length = Math.min(numbers.length, level + 1)
      numbers[level] = (numbers[level] ?? 0) + 1
      style = { kind: "item", level, mark: `${numbers[level]}. ` }
    }
  }

  const open = (name: string, attributes: Attributes): void => {
    if (skipped > 0) skipped++
    else if (math !== undefined) math.open(name, attributes)
    else if (name === "Fallback" && hasChoice) skipped = 1
    else if (name === "AlternateContent") hasChoice = false
    else if (name === "Choice") hasChoice = true
    else if (name === "sp") {
      shapes.push({ placeholder: undefined, isPlaceholder: false, pieces: [] })
      numbers.length = 0
    } else if (name === "ph") {
      const shape = shapes.at(-1)
      if (shape === undefined) return
      shape.isPlaceholder = true
      shape.placeholder = attribute(attributes, "type")
    } else if (name === "cNvPr") {
      const text = attribute(attributes, "descr") ?? ""
      if (text.trim() !== "" && !isNotes) content.push({ kind: "paragraph", text: `[${text.trim()}]` })
    } else if (blocks.has(name)) flow.open(blocks.get(name) ?? "cell")
    else if (name === "p") startParagraph()
    else if (name === "pPr" && style.kind === "item") {
      const level = Math.trunc(Number(attribute(attributes, "lvl") ?? 0))
      style = { ...style, level: Math.min(8, Math.max(0, level || 0)) }
    } else if (name === "buNone" || name === "buChar" || name === "buBlip" || name === "buAutoNum") {
      if (flow.isInParagraph) bullet(name)
    } else if (name === "br") flow.text("\n")
    else if (name === "t") inText = true
    else if (name === "oMath" && flow.isInParagraph) math = new MathText()
    else if (name === "chart") for (const piece of drawings(prefixed(attributes, "id"))) content.push(piece)
    else if (name === "relIds") for (const piece of drawings(prefixed(attributes, "dm"))) content.push(piece)
  }

  const close = (name: string): void => {
    if (skipped > 0) skipped--
    else if (math !== undefined) {
      if (!math.isDone) return math.close()
      flow.text(math.finish())
      math = undefined
    } else if (name === "p") {
      flow.style(style)
      flow.close()
    } else if (blocks.has(name)) flow.close()
    else if (name === "t") inText = false
    else if (name === "sp") {
      const shape = shapes.pop()
      if (shape === undefined || repeated.has(shape.placeholder ?? "")) return
      if (titles.has(shape.placeholder ?? "")) {
        for (const piece of shape.pieces) if (piece.kind !== "table") title.push(piece.text)
      } else for (const piece of shown(shape, isNotes)) content.push(piece)
    }
  }

  const text = (piece: string): void => {
    if (skipped > 0) return
    if (math !== undefined) math.text(piece)
    else if (inText) flow.text(piece)
  }

  await from.read(part, { open, close, text })
  return { title: oneLine(title.join(" ")), content }
}
