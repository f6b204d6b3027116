import { isUtf8 } from "node:buffer"

const drive = /^[a-z]:/i
// Line and bidi controls besides, since names are shown to people.
const controls = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g

/**
 * The label of a member: UTF-8 if its bytes are, which many programs do not flag, else as the file declares it (code page
 * 437 unless a flag or field says otherwise: PKWARE's APPNOTE, appendix D). A name of which nothing is left gets a
 * number.
 */
export const memberName = (
  raw: Uint8Array,
  declared: string,
  index: number
): { readonly name: string; readonly isDirectory: boolean } => {
  const label = raw.length > 0 && isUtf8(raw) ? new TextDecoder().decode(raw) : declared
  const written = label.toWellFormed().replaceAll("\\", "/").replace(controls, "")
  const parts = written
    .replace(drive, "")
    .split("/")
    .filter((part) => part !== "" && part !== "." && part !== "..")
  return { name: parts.join("/") || `unnamed-${index}`, isDirectory: written.endsWith("/") }
}

/** What stands for `%20` and the like; as it is written where it means nothing. */
export const percentDecoded = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** The path of an address, without what stands after `?` or `#`. */
export const pathOf = (address: string): string => address.split(/[?#]/, 1)[0] ?? ""

/** The name of the member that a path in another one means: relative to that one's folder, never above the root. */
export const memberAt = (from: string, path: string): string => {
  const folder = /^[/\\]/.test(path) ? "" : from.slice(0, from.lastIndexOf("/") + 1)
  const parts: Array<string> = []
  for (const part of `${folder}${path.replaceAll("\\", "/")}`.split("/")) {
    if (part === "..") parts.pop()
    else if (part !== "" && part !== ".") parts.push(part)
  }
  return parts.join("/")
}
