import { isName } from "../statements.ts"

/** Words of pages' controls, in the languages whose pages were looked at; what is left out here is one wrong link. */
const controls =
  /^(?:about(?: us)?|accept|add|all|apply|archive|back|blog|browse|cancel|careers|cart|cite|close|comments?|contact(?: us)?|continue(?: reading)?|cookies?(?: policy)?|copy(?: link)?|delete|details|docs|documentation|donate|download|edit(?: links| source| this page)?|email|events|expand|explore|faq|feedback|follow(?: us)?|get started|help|hide|history|home(?:page)?|images?|jump to .{0,60}|learn more|load more|log ?in|log ?out|main page|menu|next|newer|next page|news(?:letter)?|older|open|permalink|pdf|previous|previous page|print|privacy(?: policy)?|read(?: more)?|register|reply|report|rss|save|search|see (?:all|more)|settings|share|show(?: all| more)?|sign ?in|sign ?out|sign ?up|skip to .{0,60}|source|subscribe|support|talk|terms(?: of (?:use|service))?|tweet|unsubscribe|update|videos?|view(?: all| source| history)?|website)$/i
const followed = /^(?:https?:)?\/\/|^[^:#?]{1,2000}(?:[?#]|$)|^\?/i

/** The last part of an address's path as words. */
const words = (href: string): string => {
  const path = href.slice(0, 2000).split(/[?#]/)[0] ?? ""
  const last = path.split("/").findLast((part) => part !== "") ?? ""
  try {
    return decodeURIComponent(last)
  } catch {
    return last
  }
}

const plain = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, " ")
    .trim()

/**
 * Whether the words of a link name what it leads to: a name, and no control of the page; and where they begin in lower
 * case ("our announcement"), only if the address ends with them ("/wiki/Photosynthesis").
 */
export const isLinkName = (label: string, href: string): boolean => {
  if (!followed.test(href.trim()) || !isName(label) || controls.test(label)) return false
  return !/^\p{Ll}/u.test(label) || plain(words(href)) === plain(label)
}

/** "Skip to the content", which only those see who do not see the page. */
export const isSkipLink = (label: string, href: string): boolean =>
  href.startsWith("#") && /^(?:skip|jump) to\b/i.test(label)
