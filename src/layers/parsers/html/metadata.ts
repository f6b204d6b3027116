import { isoDate } from "../date.ts"
import { field } from "../fields.ts"

/** What a page states about itself. */
export interface Metadata {
  readonly title: string
  readonly date: string | undefined
  readonly authors: ReadonlyArray<string>
  readonly keywords: ReadonlyArray<string>
  readonly language: string | undefined
}

const titles = ["og:title", "twitter:title", "dc.title", "dcterms.title", "citation_title"]
/** By worth: what says "published" first, then what says "date" alone; never when it was changed. */
const dates = [
  "article:published_time",
  "og:article:published_time",
  "citation_publication_date",
  "citation_date",
  "dc.date.issued",
  "dcterms.issued",
  "dcterms.created",
  "dc.date.created",
  "dc.date",
  "dcterms.date",
  "datepublished",
  "parsely-pub-date",
  "sailthru.date",
  "publishdate",
  "publish-date",
  "publish_date",
  "publication_date",
  "pubdate",
  "date"
]
const authors = new Set([
  "author",
  "article:author",
  "book:author",
  "dc.creator",
  "dcterms.creator",
  "citation_author",
  "parsely-author",
  "sailthru.author"
])
const keywords = new Set([
  "keywords",
  "news_keywords",
  "article:tag",
  "book:tag",
  "dc.subject",
  "dcterms.subject",
  "citation_keywords"
])
const works =
  /^(?:(?:advertiser|analysis|news|opinion|report|review|satirical|scholarly|social|tech|background)?(?:newsarticle|article|posting)|blogposting|report|book|webpage|aboutpage|qapage|techarticle|discussionforumposting|learningresource|howto|recipe|review|chapter|thesis)$/i
const maxValues = 50
const maxLinkedData = 512 * 1024
const maxNodes = 5000
const maxLength = 1000

const list = (value: unknown): ReadonlyArray<unknown> =>
  Array.isArray(value) ? value.slice(0, maxValues) : value === undefined ? [] : [value]
const string = (value: unknown): string => (typeof value === "string" ? value.slice(0, maxLength).trim() : "")
const isAddress = (value: string): boolean => /^(?:https?:|\/\/|@|www\.)|@.{1,200}\./i.test(value)
const parts = (value: string): ReadonlyArray<string> =>
  value.split(/[,;\u3001\uff0c]/).flatMap((part) => (part.trim() === "" ? [] : [part.trim()]))
const distinct = (values: ReadonlyArray<string>): ReadonlyArray<string> => [...new Set(values)].slice(0, maxValues)

/** Gathers what the head of a page and its linked data say, in whatever order. */
export class MetadataReader {
  readonly #metas = new Map<string, string>()
  readonly #authors: Array<string> = []
  readonly #keywords: Array<string> = []
  readonly #times = new Set<string>()
  #published = ""
  #headline = ""
  #linkedDate = ""
  readonly #linkedAuthors: Array<string> = []
  readonly #linkedKeywords: Array<string> = []
  title = ""
  language = ""

  meta(attributes: ReadonlyMap<string, string>): void {
    const content = string(attributes.get("content"))
    if (content === "") return
    for (const attribute of ["name", "property", "itemprop"]) {
      const name = attributes.get(attribute)?.trim().toLowerCase()
      if (name === undefined || name.length > 100) continue
      if (authors.has(name) && !isAddress(content) && this.#authors.length < maxValues) this.#authors.push(content)
      if (keywords.has(name) && this.#keywords.length < maxValues)
        for (const word of parts(content)) this.#keywords.push(word)
      if (!this.#metas.has(name) && this.#metas.size < 1000) this.#metas.set(name, content)
    }
  }

  /** A `<time>`; it is the page's date if the page says so, or has no other. */
  time(attributes: ReadonlyMap<string, string>): void {
    const date = isoDate(string(attributes.get("datetime")))
    if (date === undefined) return
    if (this.#times.size < 2) this.#times.add(date)
    const isPublished =
      attributes.has("pubdate") || /\bdatePublished\b/i.test(attributes.get("itemprop")?.slice(0, 100) ?? "")
    if (isPublished && this.#published === "") this.#published = date
  }

  /** JSON-LD: the first work that it describes. */
  linkedData(json: string): void {
    if (json.length > maxLinkedData) return
    let root: unknown
    try {
      root = JSON.parse(json)
    } catch {
      return
    }
    const queue: Array<unknown> = [root]
    for (let index = 0; index < queue.length && index < maxNodes; index++) {
      const value = queue[index]
      if (Array.isArray(value)) for (const one of value.slice(0, maxNodes)) queue.push(one)
      for (const key of ["@graph", "mainEntity", "mainEntityOfPage"]) {
        const inner = field(value, key)
        if (inner !== undefined) queue.push(inner)
      }
      if (list(field(value, "@type")).some((type) => works.test(string(type)))) this.#work(value)
    }
  }

  #work(node: unknown): void {
    if (this.#headline === "") this.#headline = string(field(node, "headline")) || string(field(node, "name"))
    if (this.#linkedDate === "") this.#linkedDate = isoDate(string(field(node, "datePublished"))) ?? ""
    if (this.#linkedAuthors.length === 0) {
      for (const author of list(field(node, "author"))) {
        const isPerson = list(field(author, "@type")).every((type) => string(type) === "Person")
        const name = string(author) || string(field(author, "name"))
        if (isPerson && name !== "" && !isAddress(name)) this.#linkedAuthors.push(name)
      }
    }
    if (this.#linkedKeywords.length === 0) {
      for (const words of list(field(node, "keywords")))
        for (const word of parts(string(words))) this.#linkedKeywords.push(word)
    }
  }

  /** `heading`: the page's first heading of level 1. */
  finish(heading: string): Metadata {
    const stated = dates.map((name) => isoDate(this.#metas.get(name) ?? "")).find((date) => date !== undefined)
    const [onlyTime] = this.#times
    const title = titles.map((name) => this.#metas.get(name) ?? "").find((value) => value !== "")
    const date = stated ?? (this.#linkedDate || this.#published || (this.#times.size === 1 ? onlyTime : undefined))
    return {
      title: this.title.replaceAll(/\s+/g, " ").trim() || title || this.#headline || heading,
      date: date === "" ? undefined : date,
      authors: distinct(this.#linkedAuthors.length > 0 ? this.#linkedAuthors : this.#authors),
      keywords: distinct([...this.#keywords, ...this.#linkedKeywords]),
      language: /^[a-z]{2,3}(?:-[a-z0-9]{1,8}){0,3}$/i.test(this.language) ? this.language : undefined
    }
  }
}
