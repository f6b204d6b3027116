import { Parser } from "htmlparser2"
import { answersInside } from "./quotes.ts"
import type { MailKind } from "./quotes.ts"

const voids = new Set([
  "br",
  "hr",
  "img",
  "input",
  "meta",
  "link",
  "area",
  "base",
  "col",
  "embed",
  "source",
  "track",
  "wbr"
])

/** Elements in which the common mail programs put the copy of the mail that is answered, or whose mail it is. */
const isCopy = (name: string, attributes: Readonly<Record<string, string>>): boolean => {
  const classes = ` ${attributes["class"] ?? ""} `
  if (name === "blockquote")
    return attributes["type"] === "cite" || / (?:gmail_quote|protonmail_quote|tutanota_quote) /.test(classes)
  return / (?:gmail_attr|moz-cite-prefix|yahoo_quoted|protonmail_quote|zmail_extra) /.test(classes)
}

/** Elements after which nothing but the copy comes, in the pages that Outlook and its kin write. */
const beginsCopy = (name: string, attributes: Readonly<Record<string, string>>): boolean => {
  const id = attributes["id"] ?? ""
  if (/^(?:x_)*(?:divRplyFwdMsg|OLK_SRC_BODY_SECTION|mail-editor-reference-message-container)$/.test(id)) return true
  return name === "div" && /border:\s*none;\s*border-top:\s*solid #(?:E1E1E1|B5C4DF)/i.test(attributes["style"] ?? "")
}

const isForwarded =
  /(?:begin forwarded message|-{3,}\s?forwarded message|weitergeleitete nachricht|message transf[ée]r[ée]|mensaje reenviado|messaggio inoltrato)/i

/** Whether a page shows any words. */
const showsText = (html: string): boolean => {
  let shown = false
  let hidden = 0
  const parser = new Parser({
    onopentag: (name) => {
      if (name === "style" || name === "script" || name === "title") hidden++
    },
    onclosetag: (name) => {
      if (name === "style" || name === "script" || name === "title") hidden--
    },
    ontext: (text) => {
      if (hidden === 0 && /[\p{L}\p{N}]/u.test(text)) shown = true
    }
  })
  parser.end(html)
  return shown
}

/** The page of an answer without the copies in it, unless nothing else is there; see `withoutQuotes`. */
export const withoutHtmlQuotes = (html: string, { isAnswer }: MailKind): string => {
  if (!isAnswer || isForwarded.test(html)) return html
  const cuts: Array<readonly [from: number, to: number]> = []
  let depth = 0
  let copyDepth = -1
  let copyStart = 0
  let end = html.length
  const parser = new Parser({
    onopentag: (name, attributes) => {
      if (voids.has(name)) return
      depth++
      if (copyDepth >= 0 || end < html.length) return
      const start = parser.startIndex
      if (beginsCopy(name, attributes) && !answersInside.test(html.slice(Math.max(0, start - 5000), start))) end = start
      else if (isCopy(name, attributes)) {
        copyDepth = depth
        copyStart = parser.startIndex
      }
    },
    onclosetag: (name) => {
      if (voids.has(name)) return
      if (depth === copyDepth) {
        cuts.push([copyStart, Math.min(end, parser.endIndex + 1)])
        copyDepth = -1
      }
      depth--
    }
  })
  parser.end(html)
  if (cuts.length === 0 && end === html.length) return html
  const parts: Array<string> = []
  let from = 0
  for (const [start, to] of cuts) {
    if (start < from || start >= end) continue
    parts.push(html.slice(from, start))
    from = to
  }
  parts.push(html.slice(from, Math.max(from, end)))
  const rest = parts.join("")
  return showsText(rest) ? rest : html
}
