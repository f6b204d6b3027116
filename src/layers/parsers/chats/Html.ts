import { readMarkup } from "../html/sax.ts"
import { oneLine } from "../Writer.ts"
import type { Chat, Message } from "./Conversation.ts"
import { momentOf } from "./time.ts"

/** UTF-16 code units of a page in which its messages begin to show: pages have their styles and fonts before them. */
const reach = 2 * 1024 * 1024

type Open = (classes: ReadonlySet<string>, attributes: ReadonlyMap<string, string>) => void

/** What is read of a message, part by part. */
interface Draft {
  id: string | undefined
  speaker: string | undefined
  at: number | undefined
  replyTo: string | undefined
  forwarded: string | undefined
  isAutomatic: boolean
  readonly parts: Array<string>
}

/** What a page of a product is, and what its elements are by their classes. */
interface Product {
  readonly is: (head: string) => boolean
  readonly read: (page: Page) => Open
}

/** Puts messages together out of the elements of a page. */
class Page {
  readonly messages: Array<Message> = []
  readonly titles: Array<string> = []
  draft: Draft | undefined
  speaker: string | undefined
  #captured: Array<string> | undefined
  #use: ((text: string) => void) | undefined
  #skipped = false

  /** Of the element that begins: what is done with its text. */
  capture(use: (text: string) => void): void {
    this.#use = use
  }

  /** Nobody reads the element that begins. */
  skip(): void {
    this.#skipped = true
  }

  begin(id: string | undefined): void {
    this.finish()
    this.draft = {
      id,
      speaker: undefined,
      at: undefined,
      replyTo: undefined,
      forwarded: undefined,
      isAutomatic: false,
      parts: []
    }
  }

  /** Those who go on speaking are not named again. */
  finish(): void {
    const { draft } = this
    this.draft = undefined
    if (draft === undefined) return
    this.speaker = draft.speaker ?? this.speaker
    const text = draft.parts.filter((part) => part.trim() !== "").join("\n")
    const { forwarded } = draft
    this.messages.push({
      id: draft.id,
      at: draft.at,
      speaker: this.speaker,
      replyTo: draft.replyTo,
      isAutomatic: draft.isAutomatic,
      text: (forwarded ?? "") === "" || text === "" ? text : `[forwarded from ${forwarded}] ${text}`
    })
  }

  readonly part = (text: string): void => {
    this.draft?.parts.push(text.trim())
  }

  read(html: string, open: Open): void {
    let hidden = 0
    readMarkup(html, {
      open: (name, attributes) => {
        if (name === "br") this.#captured?.push("\n")
        if (name === "img" && hidden === 0) this.#captured?.push(attributes.get("alt") ?? "")
        const isBlock = name === "div" || name === "p" || name === "blockquote" || name === "pre" || name === "li"
        if (isBlock) this.#captured?.push("\n")
        if (name === "script" || name === "style") this.skip()
        else if (hidden === 0) open(new Set((attributes.get("class") ?? "").split(/\s+/)), attributes)
        const use = this.#use
        const isSkipped = this.#skipped
        this.#use = undefined
        this.#skipped = false
        if (isSkipped) {
          hidden++
          return () => {
            hidden--
          }
        }
        if (use === undefined || this.#captured !== undefined)
          return isBlock ? () => this.#captured?.push("\n") : undefined
        const captured: Array<string> = []
        this.#captured = captured
        return () => {
          this.#captured = undefined
          use(captured.join(""))
        }
      },
      text: (data) => {
        if (hidden === 0) this.#captured?.push(data.replaceAll(/\s+/g, " "))
      }
    })
    this.finish()
  }
}

const telegramTime = /^(\d\d)\.(\d\d)\.(\d{4}) (\d\d:\d\d:\d\d)(?: UTC([+-]\d\d:\d\d))?$/
/** What stands where a file was not exported, in place of its name. */
const fileName = /\.[a-z0-9]{1,8}$/i

const telegram: Product = {
  is: (head) => /class="page_body chat_page"/.test(head) && head.includes("message default clearfix"),
  read: (page) => (classes, attributes) => {
    const { draft } = page
    if (classes.has("message") && classes.has("clearfix")) page.begin(attributes.get("id")?.replace(/^message/, ""))
    else if (classes.has("message")) {
      page.finish()
      page.skip()
    } else if (classes.has("initials") || classes.has("reactions")) page.skip()
    else if (draft === undefined) {
      if (classes.has("text") && classes.has("bold")) page.capture((text) => page.titles.push(oneLine(text)))
    } else if (classes.has("forwarded")) draft.forwarded ??= ""
    else if (classes.has("date")) {
      const [, day, month, year, clock, zone] = telegramTime.exec(attributes.get("title") ?? "") ?? []
      if (draft.forwarded === undefined && year !== undefined)
        draft.at ??= momentOf(`${year}-${month}-${day} ${clock}${zone ?? ""}`)
      page.skip()
    } else if (classes.has("from_name"))
      page.capture((text) => {
        if (draft.forwarded === undefined) draft.speaker = oneLine(text)
        else draft.forwarded ||= oneLine(text)
      })
    else if (classes.has("reply_to")) page.capture(() => undefined)
    else if (attributes.has("onclick") || attributes.get("href")?.includes("#go_to_message") === true)
      draft.replyTo ??= /GoToMessage\((\d{1,15})\)|go_to_message(\d{1,15})/
        .exec(`${attributes.get("onclick") ?? ""} ${attributes.get("href") ?? ""}`)
        ?.slice(1)
        .find((id) => id !== undefined)
    else if (classes.has("text") || classes.has("question")) page.capture(page.part)
    else if (classes.has("answer")) page.capture((text) => page.part(text.replace(/^\s*-?\s*/, "- ")))
    else if (classes.has("title"))
      page.capture((text) => (fileName.test(text.trim()) ? page.part(`[file: ${oneLine(text)}]`) : undefined))
  }
}

const discord: Product = {
  is: (head) => /class=["']?chatlog__message-group/.test(head),
  read: (page) => (classes, attributes) => {
    const has = (name: string): boolean => classes.has(`chatlog__${name}`)
    if (classes.has("preamble__entry")) page.capture((text) => page.titles.push(oneLine(text)))
    else if (has("message-group")) page.finish()
    else if (has("message-container")) page.begin(attributes.get("data-message-id"))
    else if (classes.has("postamble")) {
      page.finish()
      page.skip()
    }
    const { draft } = page
    if (draft === undefined) return
    if (has("reply-link")) draft.replyTo ??= /'(\d{1,25})'/.exec(attributes.get("onclick") ?? "")?.[1]
    else if (has("reply-author") || has("reply-unknown")) page.skip()
    else if (has("reactions") || has("system-notification-content") || has("edited-timestamp")) page.skip()
    else if (has("author") || has("system-notification-author"))
      page.capture((text) => (draft.speaker ??= oneLine(text)))
    else if (has("author-tag") || has("bot-label")) {
      draft.isAutomatic = true
      page.skip()
    } else if (has("timestamp") || has("short-timestamp")) draft.at ??= momentOf(attributes.get("title") ?? "")
    else if (has("content") || has("embed-title") || has("embed-description")) page.capture(page.part)
    else if (has("attachment-thumbnail") || has("attachment-media") || has("attachment-generic-name")) {
      const name = /^(?:Image|Video|Audio): (.{1,200}?)(?: \([^()]{1,30}\))?$/.exec(attributes.get("title") ?? "")?.[1]
      if (name !== undefined) page.part(`[file: ${name}]`)
      else if (has("attachment-generic-name")) page.capture((text) => page.part(`[file: ${oneLine(text)}]`))
    }
  }
}

/** Messenger and Instagram, of Meta's own archive. */
const meta: Product = {
  is: (head) => /class="[^"]{0,200}\b_a6-g\b/.test(head) && /class="[^"]{0,200}\b_a6-h\b/.test(head),
  read: (page) => (classes) => {
    if (classes.has("_a6-g")) page.begin(undefined)
    const { draft } = page
    if (draft === undefined) return
    if (classes.has("_a6-h")) page.capture((text) => (draft.speaker ??= oneLine(text)))
    else if (classes.has("_a6-p")) page.capture(page.part)
    else if (classes.has("_a6-q")) page.skip()
    else if (classes.has("_a6-o")) page.capture((text) => (draft.at ??= momentOf(oneLine(text))))
  }
}

const titleOf = (html: string): string => oneLine(/<title>([^<]{0,300})/.exec(html.slice(0, 4096))?.[1] ?? "")

/** The conversation in a page as Telegram, DiscordChatExporter or Meta's archive writes one; undefined for any other page. */
export const readHtmlChat = (html: string): Chat | undefined => {
  const head = html.slice(0, reach)
  const product = [telegram, discord, meta].find(({ is }) => is(head))
  if (product === undefined) return undefined
  const page = new Page()
  page.read(html, product.read(page))
  if (page.messages.every(({ text }) => text.trim() === "")) return undefined
  const [first = "", second] = page.titles
  const channel = second?.split(" / ").at(-1)
  const title =
    product === discord ? (channel === undefined ? first : `#${channel}`) : product === meta ? titleOf(html) : first
  const people = new Set(page.messages.flatMap(({ speaker }) => speaker ?? []))
  // A talk between two is called after one of them.
  const event = people.has(title) && people.size <= 2 ? "" : title
  const about = product === discord ? page.titles.filter((text) => text !== title).slice(0, 3) : []
  return { title, event, about, sections: [{ messages: page.messages }] }
}
