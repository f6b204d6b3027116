/** A piece of text as the page's content gives it; in points, `y` (its baseline) down from the page's top. */
export interface Item {
  readonly text: string
  readonly left: number
  readonly right: number
  readonly y: number
  readonly size: number
  readonly font: string
  /** Place in the page's content. */
  readonly order: number
  /** Whether the content has a space before it. */
  readonly isApart: boolean
  readonly isRightToLeft: boolean
}

/** Text on one baseline without wide gaps: a line of a column, or a cell of a table. */
export interface Segment {
  readonly text: string
  readonly left: number
  readonly right: number
  readonly y: number
  readonly size: number
  readonly font: string
  /** Places in the page's content of its first and its last item. */
  readonly order: number
  readonly last: number
}

/** What stands side by side: one segment at least, from left to right. */
export interface Row {
  readonly segments: ReadonlyArray<Segment>
  readonly left: number
  readonly right: number
  readonly y: number
  readonly size: number
  readonly font: string
}

const isSameLine = (item: Item, main: Item): boolean => {
  const [small, large] = item.size < main.size ? [item.size, main.size] : [main.size, item.size]
  // A raised or lowered character is up to half a line off; what is far larger, as a drop cap is, says nothing.
  return Math.abs(item.y - main.y) <= (large > 2 * small ? 0.42 * small : (small < 0.8 * large ? 0.5 : 0.42) * large)
}

/** Items on a common baseline; the longest item's baseline is the line's. */
const baselines = (items: ReadonlyArray<Item>): ReadonlyArray<ReadonlyArray<Item>> => {
  const found: Array<Array<Item>> = []
  let main: Item | undefined
  for (const item of items.toSorted((a, b) => a.y - b.y)) {
    if (main !== undefined && isSameLine(item, main)) {
      found.at(-1)?.push(item)
      if (item.text.length > main.text.length) main = item
    } else {
      found.push([item])
      main = item
    }
  }
  return found
}

/** The value that most of the text has. */
export const most = <A extends string | number>(
  values: Iterable<readonly [value: A, weight: number]>
): A | undefined => {
  const weights = new Map<A, number>()
  let best: A | undefined
  for (const [value, weight] of values) weights.set(value, (weights.get(value) ?? 0) + weight)
  for (const [value, weight] of weights) if (best === undefined || weight > (weights.get(best) ?? 0)) best = value
  return best
}

const segment = (items: ReadonlyArray<Item>, text: string): Segment | undefined => {
  const [first] = items
  if (first === undefined || text.trim() === "") return undefined
  let [left, right, order, last, longest] = [first.left, first.right, first.order, first.order, first]
  for (const item of items) {
    left = Math.min(left, item.left)
    right = Math.max(right, item.right)
    order = Math.min(order, item.order)
    last = Math.max(last, item.order)
    if (item.text.length > longest.text.length) longest = item
  }
  return { text: text.trim(), left, right, y: longest.y, size: longest.size, font: longest.font, order, last }
}

/** In ems: what parts words and what parts columns, if the content goes on there or if it jumps. */
const gaps = { word: 0.15, kern: 0.3, column: 1.6, jump: 0.9 } as const

const segmentsOf = (items: ReadonlyArray<Item>): ReadonlyArray<Segment> => {
  const letters = items.reduce((sum, { isRightToLeft, text }) => sum + (isRightToLeft ? text.length : -text.length), 0)
  const isRightToLeft = letters > 0
  const ordered = items.length === 1 ? items : items.toSorted((a, b) => a.left - b.left || a.order - b.order)
  const found: Array<Segment> = []
  let run: Array<Item> = []
  let text = ""
  const close = (): void => {
    const made = segment(run, text)
    if (made !== undefined) found.push(made)
    run = []
    text = ""
  }
  for (const item of isRightToLeft ? ordered.toReversed() : ordered) {
    const previous = run.at(-1)
    if (previous !== undefined) {
      const gap = isRightToLeft ? previous.left - item.right : item.left - previous.right
      const em = Math.max(previous.size, item.size)
      const goesOn = item.order === previous.order + 1
      // Text drawn twice, a little off, to look bold or to cast a shadow.
      if (item.text === previous.text && Math.abs(item.left - previous.left) < 0.3 * em) continue
      if (gap > em * (goesOn ? gaps.column : gaps.jump)) close()
      else if ((goesOn && item.isApart) || gap > em * (goesOn ? gaps.kern : gaps.word)) text += " "
    }
    text += item.text
    run.push(item)
  }
  close()
  return isRightToLeft ? found.toReversed() : withMark(found)
}

const mark = /^(?:[•‣▪▫◦●○■□◆◇➢➤✓✔·∙–—*\uf0b7\uf0a7-]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,5})[.)]|\.\d{1,2})$/u
const section = /^\d{1,3}(?:\.\d{1,3}){0,4}\.?$/
const maxMarkGap = 6

/** The mark of a list's item, or the number of a section, stands apart from its text, and is no cell of a table. */
const withMark = (segments: ReadonlyArray<Segment>): ReadonlyArray<Segment> => {
  const [first, second, ...rest] = segments
  if (first === undefined || second === undefined) return segments
  const isMark = mark.test(first.text) || (rest.length === 0 && section.test(first.text) && /^\p{L}/u.test(second.text))
  if (!isMark || second.left - first.right > maxMarkGap * second.size) return segments
  return [{ ...second, text: `${first.text} ${second.text}`, left: first.left, order: first.order }, ...rest]
}

export const row = (segments: ReadonlyArray<Segment>): Row | undefined => {
  const [first] = segments
  if (first === undefined) return undefined
  let [left, right, longest] = [first.left, first.right, first]
  for (const one of segments) {
    left = Math.min(left, one.left)
    right = Math.max(right, one.right)
    if (one.text.length > longest.text.length) longest = one
  }
  return { segments, left, right, y: longest.y, size: longest.size, font: longest.font }
}

/** The lines of a page, from the top, whichever column they are in. */
export const rows = (items: ReadonlyArray<Item>): ReadonlyArray<Row> =>
  baselines(items).flatMap((line) => row(segmentsOf(line)) ?? [])
