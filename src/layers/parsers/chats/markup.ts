import { isBlock } from "../html/elements.ts"
import { readMarkup } from "../html/sax.ts"

const entity = /&(amp|lt|gt|quot|#39|nbsp);/g
const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", nbsp: " " }

export const decodeEntities = (text: string): string => text.replace(entity, (_, name: string) => entities[name] ?? "")

// At most so many characters are looked at again for a mark that nothing closes.
const strong = /(^|[\s([{"'])([*_~])(?![\s*_~])([^*_~\n]{0,200}[^*_~\s])\2(?=$|[\s)\]}"'.,:;!?])/gm
const doubled = /(\*\*|__|~~|\|\|)(?!\s)([^*_~|\n]{0,200}[^*_~|\s])\1/g

/** Text without the marks of emphasis that chats have: `*so*`, `_so_`, `**so**`. */
export const plainMarks = (text: string): string => text.replace(doubled, "$2").replace(strong, "$1$3")

const silent = new Set(["script", "style", "head", "template"])

/** The text of a message that is HTML. */
export const htmlText = (html: string): string => {
  const parts: Array<string> = []
  let hidden = 0
  readMarkup(html, {
    open: (name, attributes) => {
      const edge = name === "br" || isBlock(name) ? "\n" : ""
      const depth = silent.has(name) ? 1 : 0
      hidden += depth
      parts.push(edge, hidden === 0 ? (attributes.get("alt") ?? "") : "")
      return () => {
        hidden -= depth
        parts.push(edge)
      }
    },
    text: (text) => {
      if (hidden === 0) parts.push(text)
    }
  })
  return parts.join("")
}
