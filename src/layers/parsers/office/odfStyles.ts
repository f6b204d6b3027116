import { attribute } from "./xml.ts"
import type { Attributes } from "./xml.ts"

const maxStyles = 50_000
const maxChain = 10

/** The styles of an OpenDocument file as far as they say what a paragraph or list is; filled as they are read. */
export class OdfStyles {
  readonly #parents = new Map<string, string>()
  readonly #ordered = new Map<string, Set<number>>()
  #list = ""

  /** Takes a style's element in. */
  read(name: string, attributes: Attributes): void {
    if (this.#parents.size + this.#ordered.size >= maxStyles) return
    const called = attribute(attributes, "name") ?? ""
    if (name === "style") {
      const parent = attribute(attributes, "parent-style-name")
      if (parent !== undefined) this.#parents.set(called, parent)
    } else if (name === "list-style") {
      this.#list = called
      this.#ordered.set(called, new Set())
    } else if (name === "list-level-style-number" && (attribute(attributes, "num-format") ?? "") !== "") {
      const level = Number(attribute(attributes, "level"))
      if (level >= 1 && level <= 10) this.#ordered.get(this.#list)?.add(level)
    }
  }

  isOrdered(list: string, level: number): boolean {
    return this.#ordered.get(list)?.has(level) === true
  }

  isTitle(style: string): boolean {
    let at: string | undefined = style
    for (let hops = 0; at !== undefined && hops < maxChain; hops++) {
      if (at === "Title") return true
      at = this.#parents.get(at)
    }
    return false
  }
}
