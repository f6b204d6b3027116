import { readMarkup } from "../html/sax.ts"
import { answersInside } from "./quotes.ts"
import type { MailKind } from "./quotes.ts"

type Attributes = ReadonlyMap<string, string>

/** Elements in which the common mail programs put the copy of the mail that is answered, or whose mail it is. */
const isCopy = (name: string, attributes: Attributes): boolean => {
  const classes = ` ${attributes.get("class") ?? ""} `
  if (name === "blockquote")
    return attributes.get("type") === "cite" || / (?:gmail_quote|protonmail_quote|tutanota_quote) /.test(classes)
  return / (?:gmail_attr|moz-cite-prefix|yahoo_quoted|protonmail_quote|zmail_extra) /.test(classes)
}

/** Elements after which nothing but the copy comes, in the pages that Outlook and its kin write. */
const beginsCopy = (name: string, attributes: Attributes): boolean => {
  const id = attributes.get("id") ?? ""
  if (/^(?:x_)*(?:divRplyFwdMsg|OLK_SRC_BODY_SECTION|mail-editor-reference-message-container)$/.test(id)) return true
  return (
    name === "div" && /border:\s*none;\s*border-top:\s*solid #(?:E1E1E1|B5C4DF)/i.test(attributes.get("style") ?? "")
  )
}

const isForwarded =
  /(?:begin forwarded message|-{3,}\s?forwarded message|weitergeleitete nachricht|message transf[ée]r[ée]|mensaje reenviado|messaggio inoltrato)/i

const silent = new Set(["style", "script", "title"])

/** Whether a page shows any words. */
const showsText = (html: string): boolean => {
  let shown = false
  let hidden = 0
  readMarkup(html, {
    open: (name) => {
      if (!silent.has(name)) return undefined
      hidden++
      return () => {
        hidden--
      }
    },
    text: (text) => {
      if (hidden === 0 && /[\p{L}\p{N}]/u.test(text)) shown = true
    }
  })
  return shown
}

/** The page of an answer without the copies in it, unless nothing else is there; see `withoutQuotes`. */
export const withoutHtmlQuotes = (html: string, { isAnswer }: MailKind): string => {
  if (!isAnswer || isForwarded.test(html)) return html
  const cuts: Array<readonly [from: number, to: number]> = []
  let isInCopy = false
  let end = html.length
  readMarkup(html, {
    open: (name, attributes, start) => {
      if (isInCopy || end < html.length) return undefined
      if (beginsCopy(name, attributes) && !answersInside.test(html.slice(Math.max(0, start - 5000), start))) end = start
      if (end < html.length || !isCopy(name, attributes)) return undefined
      isInCopy = true
      return (to) => {
        cuts.push([start, to])
        isInCopy = false
      }
    },
    text: () => undefined
  })
  if (cuts.length === 0 && end === html.length) return html
  const parts: Array<string> = []
  let from = 0
  for (const [start, to] of [...cuts, [end, html.length] as const]) {
    parts.push(html.slice(from, start))
    from = to
  }
  const rest = parts.join("")
  return showsText(rest) ? rest : html
}
