import { Flow } from "./Flow.ts"
import type { Package, Relationship } from "./package.ts"
import type { Piece } from "./pieces.ts"
import { attribute } from "./xml.ts"

const maxPoints = 10_000

interface Series {
  name: string
  readonly categories: Map<number, string>
  readonly values: Map<number, string>
}

/** The titles of a chart (DrawingML, ECMA-376-1, 21.2), and its numbers as a table: a row for each category. */
const readChart = async (from: Package, part: string): Promise<ReadonlyArray<Piece>> => {
  const titles: Array<string> = []
  const series: Array<Series> = []
  const path: Array<string> = []
  let text: Array<string> = []
  let index = 0
  let points = 0
  await from.read(part, {
    open: (name, attributes) => {
      path.push(name)
      if (name === "ser") series.push({ name: "", categories: new Map(), values: new Map() })
      if (name === "pt") index = Math.trunc(Number(attribute(attributes, "idx"))) || 0
      if (name === "title" || name === "v") text = []
    },
    text: (piece) => {
      const top = path.at(-1)
      if (top === "v" || top === "t") text.push(piece)
    },
    close: (name) => {
      path.pop()
      if (name === "p") text.push(" ")
      if (name === "title") titles.push(text.join(""))
      const current = path.includes("ser") ? series.at(-1) : undefined
      if (name !== "v" || current === undefined) return
      const value = text.join("")
      if (path.includes("tx")) current.name = value
      else if (++points > maxPoints) return
      else if (path.includes("cat") || path.includes("xVal")) current.categories.set(index, value)
      else if (path.includes("val") || path.includes("yVal")) current.values.set(index, value)
    }
  })
  const pieces: Array<Piece> = titles.map((title) => ({ kind: "paragraph", text: title }))
  const categories = series.find((one) => one.categories.size > 0)?.categories ?? new Map<number, string>()
  const indexes = new Set([...categories.keys(), ...series.flatMap((one) => [...one.values.keys()])])
  const rows = [...indexes]
    .toSorted((a, b) => a - b)
    .map((at) => [categories.get(at) ?? "", ...series.map((one) => one.values.get(at) ?? "")])
  const header = ["", ...series.map(({ name }) => name)]
  // Many series make wide rows, whatever their number of points.
  if (rows.length * header.length <= maxPoints * 10)
    pieces.push({ kind: "table", rows: [header, ...rows], header: true })
  return pieces
}

/** What a diagram's boxes say (SmartArt, ECMA-376-1, 21.4). */
const readDiagram = async (from: Package, part: string): Promise<ReadonlyArray<Piece>> => {
  const pieces: Array<Piece> = []
  const flow = new Flow((piece) => pieces.push(piece))
  let isText = false
  await from.read(part, {
    open: (name) => {
      if (name === "p") {
        flow.open("paragraph")
        flow.style({ kind: "item", level: 0, mark: "- " })
      }
      isText = name === "t"
    },
    text: (text) => {
      if (isText) flow.text(text)
    },
    close: (name) => {
      if (name === "p") flow.close()
      isText = false
    }
  })
  return pieces
}

const maxDrawings = 1000

/**
 * The charts and diagrams that a part shows, by the ids of their relationships. They are read before the part itself,
 * which is read in one go; each is given once.
 */
export const readDrawings = async (
  from: Package,
  relationships: ReadonlyArray<Relationship>
): Promise<(id: string | undefined) => ReadonlyArray<Piece>> => {
  const found = new Map<string, ReadonlyArray<Piece>>()
  const drawings = relationships.filter(({ type }) => type === "chart" || type === "diagramData")
  for (const { id, part, type } of drawings.slice(0, maxDrawings)) {
    found.set(id, type === "chart" ? await readChart(from, part) : await readDiagram(from, part))
  }
  return (id) => {
    const pieces = found.get(id ?? "")
    found.delete(id ?? "")
    return pieces ?? []
  }
}
