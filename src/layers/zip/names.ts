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
