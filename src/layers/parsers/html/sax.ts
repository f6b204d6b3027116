import { Tokenizer } from "htmlparser2"
import { boundaries, impliedEnds, isInline, leavesForeign, voidElements } from "./elements.ts"

/** What is done with markup as it is read. Nothing may be kept of `attributes`, which is filled anew for each element. */
export interface Handler {
  /**
   * An element begins, with the `<` at `start`; what is returned is called once, when it ends, with the place after its
   * end tag, or that at which it was found to have ended.
   */
  readonly open: (
    name: string,
    attributes: ReadonlyMap<string, string>,
    start: number
  ) => ((end: number) => void) | undefined
  /** Text with its entities decoded, in pieces of any length. */
  readonly text: (data: string) => void
}

export interface Syntax {
  /** XML: names as they are written, no implied ends, no entities but the five of XML and numbers. */
  readonly xml?: boolean
  /** HTML in which `<p/>` is an element without content and CDATA is text. */
  readonly xhtml?: boolean
}

type Exit = ReturnType<Handler["open"]>

interface Frame {
  readonly name: string
  readonly inline: boolean
  exit: Exit
}

/** The open elements, and where in them each name stands, so that no question walks through all of them. */
class OpenElements {
  readonly #frames: Array<Frame> = []
  readonly #positions = new Map<string, Array<number>>()
  readonly #blocks: Array<number> = []

  /** Where the innermost one of this name is, -1 if there is none. */
  last(name: string): number {
    return this.#positions.get(name)?.at(-1) ?? -1
  }

  /** Where the innermost one of these names is. */
  lastOf(names: ReadonlyArray<string>): number {
    let found = -1
    for (const name of names) found = Math.max(found, this.last(name))
    return found
  }

  push(name: string, inline: boolean, exit: Exit): void {
    const positions = this.#positions.get(name)
    if (positions === undefined) this.#positions.set(name, [this.#frames.length])
    else positions.push(this.#frames.length)
    if (!inline) this.#blocks.push(this.#frames.length)
    this.#frames.push({ name, inline, exit })
  }

  /** Ends the element at an index and all that are in it, at a place of the source. */
  popTo(index: number, place: number): void {
    while (this.#frames.length > index) {
      const frame = this.#frames.pop()
      if (frame === undefined) return
      const positions = this.#positions.get(frame.name)
      if (positions?.at(-1) === this.#frames.length) positions.pop()
      if (!frame.inline) this.#blocks.pop()
      frame.exit?.(place)
    }
  }

  /** Ends an element; where blocks are open in an inline one, these go on, as in `<b><p>x</b>y`. */
  end(name: string, index: number, place: number): void {
    const frame = this.#frames[index]
    if (frame === undefined || !frame.inline || (this.#blocks.at(-1) ?? -1) < index) return this.popTo(index, place)
    this.#positions.get(name)?.pop()
    const exit = frame.exit
    frame.exit = undefined
    exit?.(place)
  }
}

/**
 * Reads HTML or XML, however broken, in one pass without recursion. htmlparser2's tokenizer does the work; its parser is
 * not used, for its list of open elements makes it quadratic in their depth. Ends of elements are implied as the HTML
 * standard says, as far as text and its blocks depend on it.
 */
export const readMarkup = (source: string, handler: Handler, { xhtml = false, xml = false }: Syntax = {}): void => {
  const elements = new OpenElements()
  const attributes = new Map<string, string>()
  let tag = ""
  let attribute = ""
  let value = ""
  /** Where the tag that is read begins, of an end tag where it ends. */
  let place = 0

  const nameOf = (start: number, end: number): string => {
    const name = source.slice(start, end)
    return xml ? name : name.toLowerCase()
  }
  const isForeign = (): boolean =>
    !xml && elements.lastOf(["svg", "math"]) > elements.lastOf(["foreignobject", "annotation-xml", "desc"])
  const implied = (name: string): void => {
    if (leavesForeign.has(name) && isForeign()) elements.popTo(elements.lastOf(["svg", "math"]), place)
    for (const { ends, within } of impliedEnds(name)) {
      const boundary = elements.lastOf(within)
      let found = -1
      for (const end of ends) {
        const index = elements.last(end)
        if (index > boundary && (found < 0 || index < found)) found = index
      }
      if (found >= 0) elements.popTo(found, place)
    }
  }
  const open = (isEmpty: boolean): void => {
    const name = tag
    tag = ""
    if (name === "") return
    if (!xml) implied(name)
    const exit = handler.open(name, attributes, place)
    attributes.clear()
    if (isEmpty || (!xml && voidElements.has(name))) exit?.(place)
    else elements.push(name, !xml && isInline(name), exit)
  }
  const close = (name: string): void => {
    const index = elements.last(name)
    if (!xml && voidElements.has(name)) {
      if (name === "br") handler.open("br", attributes, place)?.(place)
    } else if (index < 0) {
      if (!xml && name === "p") handler.open("p", attributes, place)?.(place)
    } else if (xml || index > elements.lastOf(boundaries(name))) elements.end(name, index, place)
  }

  const tokenizer = new Tokenizer(
    { xmlMode: xml, decodeEntities: true, recognizeSelfClosing: xml || xhtml },
    {
      onopentagname(start, end) {
        attributes.clear()
        place = start - 1
        tag = nameOf(start, end)
        if (tag === "image" && !xml) tag = "img"
      },
      onattribname(start, end) {
        attribute = nameOf(start, end)
        value = ""
      },
      onattribdata(start, end) {
        value += source.slice(start, end)
      },
      onattribentity(codepoint) {
        value += String.fromCodePoint(codepoint)
      },
      onattribend() {
        if (!attributes.has(attribute)) attributes.set(attribute, value)
        value = ""
      },
      onopentagend: () => open(false),
      onselfclosingtag: () => open(xml || xhtml || isForeign()),
      onclosetag(start, end) {
        const after = source.indexOf(">", end) + 1
        place = after === 0 ? source.length : after
        close(nameOf(start, end))
      },
      ontext: (start, end) => handler.text(source.slice(start, end)),
      ontextentity: (codepoint) => handler.text(String.fromCodePoint(codepoint)),
      oncdata(start, end, offset) {
        if (xml || xhtml || isForeign()) handler.text(source.slice(start, end - offset))
      },
      oncomment: () => undefined,
      ondeclaration: () => undefined,
      onprocessinginstruction: () => undefined,
      onend: () => undefined,
      isInForeignContext: isForeign
    }
  )
  tokenizer.write(source)
  tokenizer.end()
  elements.popTo(0, source.length)
}
