const lastWord = /([\p{L}\p{M}’']+)[-\u00ad\u2010]$/u
const firstWord = /^[\p{L}\p{M}’']+/u
const words = /[\p{L}\p{M}’']+(?:-[\p{L}\p{M}’']+)*/gu
const wide = /[\u1100-\u11ff\u2e80-\ua4cf\uac00-\ud7af\uf900-\ufaff\ufe30-\ufe4f\uff00-\uffef]/

const hyphen = /[-\u00ad\u2010]/
const maxWord = 64

/** The words of a document, to tell a word that was hyphenated at the end of a line from one that has a hyphen. */
export class Vocabulary {
  readonly #words = new Set<string>()

  /** The lines of a column; what a hyphen at a line's end parts is no word. */
  add(lines: ReadonlyArray<string>): void {
    let isParted = true
    for (const line of lines) {
      const isHyphenated = hyphen.test(line.slice(-1))
      const found = Array.from(line.matchAll(words), ([word]) => word.toLowerCase())
      for (const word of found.slice(isParted ? 1 : 0, isHyphenated ? -1 : undefined)) {
        this.#words.add(word)
        if (word.includes("-")) for (const part of word.split("-")) this.#words.add(part)
      }
      isParted = isHyphenated
    }
  }

  /** Two lines as one: a hyphenated word whole again, no space between characters of Chinese or Japanese. */
  join(before: string, after: string): string {
    const last = hyphen.test(before.slice(-1)) ? lastWord.exec(before.slice(-maxWord))?.[1] : undefined
    const first = last === undefined ? undefined : firstWord.exec(after.slice(0, maxWord))?.[0]
    if (last !== undefined && first !== undefined) {
      const stem = before.slice(0, -1)
      return this.#isCompound(last, first) && !before.endsWith("\u00ad") ? `${stem}-${after}` : `${stem}${after}`
    }
    return wide.test(before.slice(-1)) && wide.test(after.slice(0, 1)) ? `${before}${after}` : `${before} ${after}`
  }

  /** What stands with its hyphen elsewhere, or is two words that never stand as one; and names. */
  #isCompound(last: string, first: string): boolean {
    if (first !== first.toLowerCase()) return true
    const [start, end] = [last.toLowerCase(), first]
    if (this.#words.has(`${start}${end}`)) return false
    if (this.#words.has(`${start}-${end}`)) return true
    return start.length > 2 && end.length > 2 && this.#words.has(start) && this.#words.has(end)
  }
}
