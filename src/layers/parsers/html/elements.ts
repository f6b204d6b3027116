/** Elements without content or end tag (HTML standard §13.1.2, and obsolete ones). */
export const voidElements: ReadonlySet<string> = new Set(
  "area base basefont bgsound br col command embed frame hr img input keygen link meta param source track wbr".split(
    " "
  )
)

const blockElements = new Set(
  (
    "address article aside blockquote body caption center dd details dialog dir div dl dt fieldset figcaption figure " +
    "footer form frameset h1 h2 h3 h4 h5 h6 head header hgroup html legend li listing main menu nav ol optgroup " +
    "option p plaintext pre search section summary table tbody td textarea tfoot th thead title tr ul xmp"
  ).split(" ")
)

export const isBlock = (name: string): boolean => blockElements.has(name)

// What holds blocks without being one: its end tag ends whatever is open in it.
const containers = new Set("button math noscript object script select style svg template".split(" "))

/** Whether an element only marks text, so that its end tag ends no block that was opened in it. */
export const isInline = (name: string): boolean => !blockElements.has(name) && !containers.has(name)

/** HTML elements that cannot be part of a drawing or a formula: an `<svg>` before them was left open (§13.2.6.5). */
export const leavesForeign: ReadonlySet<string> = new Set(
  (
    "article b blockquote body br center code dd div dl dt em embed h1 h2 h3 h4 h5 h6 hr i img li main menu nobr ol p " +
    "pre ruby section small span strike strong sub sup table tt u ul"
  ).split(" ")
)

const cells = ["td", "th", "caption", "table"]
const lists = ["ul", "ol", "menu", "dir", "dl"]
const headings = ["h1", "h2", "h3", "h4", "h5", "h6"]

interface ImpliedEnd {
  readonly ends: ReadonlyArray<string>
  /** An element beyond the innermost one of these is another matter. */
  readonly within: ReadonlyArray<string>
}

const endOfParagraph: ImpliedEnd = { ends: ["p"], within: [...cells, "button", "object"] }
const endOfItem: ImpliedEnd = { ends: ["li"], within: [...lists, ...cells] }
const endOfTerm: ImpliedEnd = { ends: ["dt", "dd"], within: [...lists, ...cells] }
const endOfHeading: ImpliedEnd = { ends: headings, within: [...cells, "div", "section", "article", "li"] }
const endOfCell: ImpliedEnd = { ends: ["td", "th", "caption"], within: ["table"] }
const endOfRow: ImpliedEnd = { ends: ["tr", ...endOfCell.ends], within: ["table"] }
const endOfGroup: ImpliedEnd = { ends: ["thead", "tbody", "tfoot", ...endOfRow.ends], within: ["table"] }

const paragraph = [endOfParagraph]
const none: ReadonlyArray<ImpliedEnd> = []
const special: ReadonlyMap<string, ReadonlyArray<ImpliedEnd>> = new Map([
  ["li", [endOfParagraph, endOfItem]],
  ["dt", [endOfParagraph, endOfTerm]],
  ["dd", [endOfParagraph, endOfTerm]],
  ["td", [endOfCell]],
  ["th", [endOfCell]],
  ["tr", [endOfRow]],
  ["caption", [endOfGroup]],
  ["thead", [endOfGroup]],
  ["tbody", [endOfGroup]],
  ["tfoot", [endOfGroup]],
  ["hr", paragraph],
  ["a", [{ ends: ["a"], within: cells }]],
  ["option", [{ ends: ["option"], within: ["select", "datalist"] }]],
  ["button", [{ ends: ["button"], within: cells }]],
  ["title", none],
  ...headings.map((heading) => [heading, [endOfParagraph, endOfHeading]] as const)
])

/** The elements that end where one begins (HTML standard §13.2.6.4.7 and following, and §13.1.2.4). */
export const impliedEnds = (name: string): ReadonlyArray<ImpliedEnd> =>
  special.get(name) ?? (blockElements.has(name) ? paragraph : none)

const outside: ReadonlyArray<string> = []
const table = ["table"]
const tableParts = new Set(["tr", "td", "th", "tbody", "thead", "tfoot", "caption"])
const listBoundaries = [...lists, ...cells]

/** An end tag ends no element beyond the innermost one of these. */
export const boundaries = (name: string): ReadonlyArray<string> =>
  name === "table" || name === "body" || name === "html"
    ? outside
    : tableParts.has(name)
      ? table
      : name === "li"
        ? listBoundaries
        : cells

const skippedElements = new Set(
  (
    "applet audio canvas datalist iframe map meter nav noembed noframes noscript progress script select style svg " +
    "template video"
  ).split(" ")
)
const skippedRoles = new Set(
  "alertdialog dialog menu menubar navigation progressbar scrollbar search slider tooltip toolbar".split(" ")
)
const hiddenStyle = /(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden|mso-hide\s*:\s*all)/i
const roots = new Set(["html", "body", "main"])

/** Elements that hold no text of the page, whatever is in them. */
export const isNeverShown = (name: string): boolean => skippedElements.has(name) && name !== "nav"

/**
 * Whether a page shows what is in an element as part of its content: neither hidden nor a means of getting about it.
 * `inContent`: within an article or the like, whose footer belongs to it.
 */
export const isSkipped = (name: string, attributes: ReadonlyMap<string, string>, inContent: boolean): boolean => {
  if (skippedElements.has(name)) return true
  if (name === "dialog") return !attributes.has("open")
  if (attributes.size === 0) return name === "footer" && !inContent
  if (!roots.has(name)) {
    const hidden = attributes.get("hidden")
    if (hidden !== undefined && hidden.toLowerCase() !== "until-found") return true
    if (attributes.get("aria-hidden")?.toLowerCase() === "true") return true
    if (hiddenStyle.test((attributes.get("style") ?? "").slice(0, 4096))) return true
  }
  const role = attributes.get("role")?.trim().toLowerCase() ?? ""
  if ((name === "footer" || role === "contentinfo") && !inContent) return true
  return skippedRoles.has(role) || isEditMark(attributes.get("class"))
}

/** MediaWiki puts `[edit]` within each heading. */
const isEditMark = (names: string | undefined): boolean => names === "mw-editsection"

/** Inline elements that mark a part of a word as well as words, so that nothing parts what is before and in them. */
const withinWords = new Set(
  (
    "abbr acronym b bdi bdo big cite code del dfn em font i ins kbd mark nobr q rb rp rt ruby s samp small strike " +
    "strong sub sup tt u var wbr"
  ).split(" ")
)

/** What stands at the edge of an element: nothing, perhaps, or surely a space between words. */
export const edgeOf = (name: string): "none" | "perhaps" | "surely" =>
  withinWords.has(name) ? "none" : name === "span" ? "perhaps" : "surely"
