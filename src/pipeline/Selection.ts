import type { Wanted } from "../services/DocumentSource.ts"

/** What is taken of a source item: its own document, and of what it holds all or what is wanted by name. */
export interface Taken {
  readonly document: boolean
  readonly everything: boolean
}

export const all: Taken = { document: true, everything: true }

/**
 * Finds the wanted among items and what they hold: a name leads through every holder that it begins with, as
 * `box.zip#mail.eml#page.html` through `box.zip` and `box.zip#mail.eml`. Where names have `#` in them themselves, a holder
 * may be looked into in vain.
 */
export class Selection {
  readonly #wanted: ReadonlyMap<string, Wanted>
  readonly #holders = new Set<string>()
  readonly #missing: Set<string>

  constructor(wanted: ReadonlyArray<Wanted>) {
    this.#wanted = new Map(wanted.map((one) => [one.source, one]))
    this.#missing = new Set(this.#wanted.keys())
    for (const source of this.#missing) {
      for (let at = source.indexOf("#"); at >= 0; at = source.indexOf("#", at + 1)) {
        this.#holders.add(source.slice(0, at))
      }
    }
  }

  /** Undefined: nothing of it. What is asked for is not missing. */
  take(uri: string, holder: Taken | undefined): Taken | undefined {
    const own = this.#wanted.get(uri)
    // What a document holds, apart from the document.
    const inside = `${uri}#`
    const isInsideWanted = this.#wanted.has(inside)
    this.#missing.delete(uri)
    this.#missing.delete(inside)
    if (holder?.everything === true) return all
    if (own === undefined && !this.#holders.has(uri)) return undefined
    return { document: own !== undefined, everything: isInsideWanted || own?.withContents === true }
  }

  /** Wanted, and not come across so far. */
  get missing(): Iterable<string> {
    return this.#missing
  }
}
