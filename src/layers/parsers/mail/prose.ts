import type { Writer } from "../Writer.ts"

const mark = /^[ \t]*(?:[-*•·–+][ \t]|\(?\d{1,3}[.)][ \t]|\(?[a-z][.)][ \t]|>)/
const rule = /^[ \t]*[-_=*~#.]{3,}[ \t]*$/
const signature = /^--[ ]?$/
const indented = /^(?: {4}|\t)/
const spaced = /\S {3,}\S/

/** A mail program breaks lines somewhere here; longer ones were not broken, shorter ones are verse or addresses. */
const narrowest = 50
const widest = 132
/** Of the width: lines within a paragraph that are as long as this were broken, though the next word might have fitted. */
const nearly = 0.8

/** How long lines get before they are broken, or nothing if they are not. */
const widthOf = (lines: ReadonlyArray<string>): number | undefined => {
  let width = 0
  for (const line of lines) {
    const length = line.trimEnd().length
    if (length > width && !line.includes("://")) width = length
  }
  return width >= narrowest && width <= widest ? width : undefined
}

const firstWord = (line: string): number => {
  const space = line.indexOf(" ")
  return space < 0 ? line.length : space
}

/**
 * Writes the text of a mail: paragraphs between blank lines or rules. A line goes on in the next one where the program
 * broke it: it says so (`flowed`), or the next line's first word would not have fitted. Other line breaks stand, as in
 * addresses and after `-- `. What is laid out in columns or indented is kept as it is.
 */
export const writeProse = (writer: Writer, text: string, flowed: "no" | "yes" | "delSp"): void => {
  const lines = text.replaceAll(/\r\n?/g, "\n").replaceAll("\u00a0", " ").split("\n")
  const width = widthOf(lines)
  let run: Array<string> = []
  let isSignature = false
  const close = () => {
    if (run.length > 0) writeRun(writer, run, isSignature ? undefined : width, isSignature ? "no" : flowed)
    run = []
  }
  for (const line of lines) {
    if (signature.test(line)) {
      close()
      isSignature = true
    } else if (line.trim() === "" || rule.test(line.slice(0, 300))) close()
    else run.push(line)
  }
  close()
}

const writeRun = (
  writer: Writer,
  lines: ReadonlyArray<string>,
  width: number | undefined,
  flowed: "no" | "yes" | "delSp"
): void => {
  const laidOut = lines.filter((line) => indented.test(line) || spaced.test(line.slice(0, 500))).length
  if (lines.length > 1 && laidOut * 2 > lines.length) {
    writer.code(lines.join("\n"))
    return
  }
  const joined: Array<Array<string>> = []
  let previous: string | undefined
  for (const line of lines) {
    const shown = line.trim()
    const isSoft = previous !== undefined && flowed !== "no" && previous.endsWith(" ")
    const length = previous?.trimEnd().length ?? 0
    const isBroken = width !== undefined && (length + 1 + firstWord(shown) > width || length > width * nearly)
    const current = joined.at(-1)
    if (current !== undefined && (isSoft || isBroken) && !mark.test(line)) {
      current.push(isSoft && flowed === "delSp" ? "" : " ", shown)
    } else joined.push([shown])
    previous = line
  }
  writer.paragraph(joined.map((parts) => parts.join("")).join("\n"))
}
