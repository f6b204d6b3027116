import type { Block } from "./Document.ts"

const visible = /\S/

/**
 * Paragraph blocks of `[start,end)` of a text: runs of lines that are not blank, without the white space around them.
 * Time is linear in the text.
 */
export const paragraphs = (text: string, start = 0, end = text.length): ReadonlyArray<Block> => {
  const blocks: Array<Block> = []
  let first = -1
  let last = -1
  const close = () => {
    if (first >= 0) blocks.push({ kind: "paragraph", start: first, end: last })
    first = -1
  }
  for (let from = start; from < end;) {
    const newline = text.indexOf("\n", from)
    const to = newline < 0 || newline > end ? end : newline
    const line = text.slice(from, to)
    const indent = line.search(visible)
    if (indent < 0) close()
    else {
      if (first < 0) first = from + indent
      last = from + line.trimEnd().length
    }
    from = to + 1
  }
  close()
  return blocks
}
