import { ParseError } from "../../../domain/ParseError.ts"
import { numberKind, showNumber } from "./numbers.ts"
import type { NumberKind } from "./numbers.ts"
import type { Package } from "./package.ts"
import type { Row } from "./sheet.ts"
import { attribute } from "./xml.ts"
import type { Attributes } from "./xml.ts"

/** More than any workbook has, and few enough to stand in memory when all are empty. */
const maxStrings = 4_000_000
const maxFormats = 100_000

/** The texts that cells share; readings of East Asian words are left out. */
export const readStrings = async (from: Package, part: string): Promise<ReadonlyArray<string>> => {
  const strings: Array<string> = []
  let pieces: Array<string> = []
  let inText = false
  let phonetic = 0
  await from.read(part, {
    open: (name) => {
      if (name === "si") pieces = []
      else if (name === "rPh") phonetic++
      inText = name === "t" && phonetic === 0
    },
    text: (text) => {
      if (inText) pieces.push(text)
    },
    close: (name) => {
      inText = false
      if (name === "rPh") phonetic--
      if (name !== "si") return
      strings.push(pieces.join(""))
      if (strings.length <= maxStrings) return
      const message = `${from.uri} holds more than ${maxStrings} different texts: split it`
      throw new ParseError({ uri: from.uri, reason: "too-large", message })
    }
  })
  return strings
}

/** What numbers mean by the style that their cell has. */
export const readFormats = async (from: Package, part: string): Promise<ReadonlyArray<NumberKind>> => {
  const codes = new Map<number, string>()
  const kinds: Array<NumberKind> = []
  let inCells = false
  await from.read(part, {
    open: (name, attributes) => {
      if (name === "numFmt" && codes.size < maxFormats) {
        codes.set(Number(attribute(attributes, "numFmtId")), attribute(attributes, "formatCode") ?? "")
      } else if (name === "cellXfs") inCells = true
      else if (name === "xf" && inCells && kinds.length < maxFormats) {
        kinds.push(numberKind(Number(attribute(attributes, "numFmtId") ?? 0), codes))
      }
    },
    text: () => {},
    close: (name) => {
      if (name === "cellXfs") inCells = false
    }
  })
  return kinds
}

/** From `B2`; Excel's last column is XFD. */
const columnOf = (reference: string): number | undefined => {
  let column = 0
  for (let at = 0; at < reference.length && at < 4; at++) {
    const letter = reference.charCodeAt(at) & 0xdf
    if (letter < 0x41 || letter > 0x5a) break
    column = column * 26 + letter - 0x40
  }
  return column === 0 || column > 16_384 ? undefined : column - 1
}

interface Cell {
  readonly column: number
  readonly type: string
  readonly style: number
  value: string
  inline: string
  formula: string
}

export interface CellOptions {
  readonly strings: ReadonlyArray<string>
  readonly kinds: ReadonlyArray<NumberKind>
  readonly from1904: boolean
  /** Called for each row that holds something, with its index from 0. */
  readonly row: (index: number, row: Row) => void
}

/** Reads the cells of a sheet, whatever size it says it has: only what is filled counts. */
export const readCells = async (
  from: Package,
  part: string,
  { from1904, kinds, row, strings }: CellOptions
): Promise<void> => {
  let index = -1
  let columns: Array<number> = []
  let texts: Array<string> = []
  let cell: Cell | undefined
  let last = -1
  let into: "value" | "inline" | "formula" | undefined
  let phonetic = 0

  const shown = ({ formula, inline, style, type, value }: Cell): string => {
    if (type === "s") return strings[Number(value)] ?? ""
    if (type === "inlineStr") return inline
    if (type === "b") return value === "1" ? "TRUE" : value === "0" ? "FALSE" : value
    if (value === "" && inline === "" && formula !== "") return `=${formula}`
    if (type === "" || type === "n") return showNumber(value, kinds[style] ?? "number", from1904)
    return value === "" ? inline : value
  }
  const openRow = (attributes: Attributes): void => {
    const written = Number(attribute(attributes, "r"))
    index = Number.isInteger(written) && written > index + 1 ? written - 1 : index + 1
    columns = []
    texts = []
    last = -1
  }
  const openCell = (attributes: Attributes): void => {
    const column = columnOf(attribute(attributes, "r") ?? "") ?? last + 1
    last = Math.max(last, column)
    const type = attribute(attributes, "t") ?? ""
    cell = { column, type, style: Number(attribute(attributes, "s") ?? 0), value: "", inline: "", formula: "" }
  }

  await from.read(part, {
    open: (name, attributes) => {
      into = undefined
      if (name === "row") openRow(attributes)
      else if (name === "c") openCell(attributes)
      else if (name === "v") into = "value"
      else if (name === "f") into = "formula"
      else if (name === "rPh") phonetic++
      else if (name === "t" && phonetic === 0) into = "inline"
    },
    text: (text) => {
      if (cell !== undefined && into !== undefined) cell[into] += text
    },
    close: (name) => {
      into = undefined
      if (name === "rPh") phonetic--
      else if (name === "row") {
        row(index, { columns, texts })
        columns = []
        texts = []
      } else if (name === "c" && cell !== undefined) {
        const text = shown(cell)
        if (text.trim() !== "") {
          columns.push(cell.column)
          texts.push(text)
        }
        cell = undefined
      }
    }
  })
}
