import { Parser } from "htmlparser2"

const entity = /&(amp|lt|gt|quot|#39|nbsp);/g
const entities: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', "#39": "'", nbsp: " " }

export const decodeEntities = (text: string): string => text.replace(entity, (_, name: string) => entities[name] ?? "")

// At most so many characters are looked at again for a mark that nothing closes.
const strong = /(^|[\s([{"'])([*_~])(?![\s*_~])([^*_~\n]{0,200}[^*_~\s])\2(?=$|[\s)\]}"'.,:;!?])/gm
const doubled = /(\*\*|__|~~|\|\|)(?!\s)([^*_~|\n]{0,200}[^*_~|\s])\1/g

/** Text without the marks of emphasis that chats have: `*so*`, `_so_`, `**so**`. */
export const plainMarks = (text: string): string => text.replace(doubled, "$2").replace(strong, "$1$3")

const breaking = new Set([
  "br",
  "p",
  "div",
  "li",
  "tr",
  "h1",
  "h2",
  "h3",
  "h4",
  "blockquote",
  "pre",
  "table",
  "ul",
  "ol"
])
const silent = new Set(["script", "style", "head", "template"])

/** The text of a message that is HTML. */
export const htmlText = (html: string): string => {
  const parts: Array<string> = []
  let hidden = 0
  const parser = new Parser({
    onopentag: (name, attributes) => {
      if (silent.has(name)) hidden++
      if (breaking.has(name)) parts.push("\n")
      const alt = Object.hasOwn(attributes, "alt") ? attributes["alt"] : undefined
      if (alt !== undefined && hidden === 0) parts.push(alt)
    },
    ontext: (text) => {
      if (hidden === 0) parts.push(text)
    },
    onclosetag: (name) => {
      if (silent.has(name)) hidden = Math.max(0, hidden - 1)
      if (breaking.has(name)) parts.push("\n")
    }
  })
  parser.end(html)
  return parts.join("")
}
