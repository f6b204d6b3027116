import { Redacted } from "effect"

/** Where a document is fetched from. */
export interface Address {
  /** Normalised, without fragment, user or password. */
  readonly uri: string
  /** `Basic …`, of the user and password that stood in the address. */
  readonly authorization?: Redacted.Redacted
}

/** Whether somebody means an address rather than a path: `./http:notes` is a path. */
export const isAddress = (given: string): boolean =>
  /^(?:[a-z][a-z0-9+.-]+:\/\/|(?:https?|file|ftp|data|mailto):)/i.test(given)

/** What cannot be parsed, for a message: without anything that could be a user or password, and not endless. */
const shown = (given: string): string => given.replace(/:\/*[^]*@/, "://").slice(0, 200)

const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** An address that can be fetched, or what is wrong with it. */
export const parseAddress = (given: string): Address | string => {
  const url = URL.parse(given)
  if (url === null) {
    return `${shown(given)} is no address that can be read: it should look like https://example.com/notes.html`
  }
  const { password, username } = url
  url.hash = ""
  url.username = ""
  url.password = ""
  if (url.protocol === "file:") return `${url.href.slice(0, 200)} is the address of a file: name the file by its path`
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return `${url.href.slice(0, 200)} is neither an http nor an https address: download it first, and name the file`
  }
  if (username === "" && password === "") return { uri: url.href }
  const credentials = Buffer.from(`${decoded(username)}:${decoded(password)}`).toString("base64")
  return { uri: url.href, authorization: Redacted.make(`Basic ${credentials}`) }
}
