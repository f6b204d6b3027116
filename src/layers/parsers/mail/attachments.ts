import { oneLine } from "../Writer.ts"

/** Extensions for parts without a name, by media type. */
const extensions: Readonly<Record<string, string>> = {
  "application/json": "json",
  "application/ics": "ics",
  "application/msword": "doc",
  "application/pdf": "pdf",
  "application/rtf": "rtf",
  "application/vnd.ms-excel": "xls",
  "application/vnd.ms-outlook": "msg",
  "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
  "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
  "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
  "application/xml": "xml",
  "application/zip": "zip",
  "message/rfc822": "eml",
  "text/calendar": "ics",
  "text/csv": "csv",
  "text/html": "html",
  "text/markdown": "md",
  "text/vcard": "vcf",
  "text/xml": "xml"
}

const maxName = 150
const signatureTypes = new Set([
  "application/pgp-signature",
  "application/pgp-encrypted",
  "application/pkcs7-signature",
  "application/x-pkcs7-signature"
])
const noText = /^(?:image|audio|video|font|model)\//
// Programs name pictures so and call them `application/octet-stream`.
const noTextName =
  /\.(?:png|jpe?g|jfif|gif|bmp|ico|tiff?|webp|heic|heif|avif|mp3|m4a|wav|ogg|oga|opus|flac|aac|wma|amr|mp4|m4v|mov|avi|mkv|webm|wmv|ttf|otf|woff2?|p7s|sig)$/i

/** Whether an attachment may hold text: pictures, recordings and signatures never do. */
export const mayHoldText = (type: string, name: string): boolean => {
  const media = type.toLowerCase()
  return !(noText.test(media) && media !== "image/svg+xml") && !signatureTypes.has(media) && !noTextName.test(name)
}

/** A part's name as it is shown, without folders; one without a name is called by its number, from 1, and its type. */
export const attachmentName = (name: string | undefined, type: string, number: number): string => {
  const given = oneLine(name ?? "")
    .replaceAll(/[/\\]/g, "_")
    .trim()
  if (given === "" || /^\.+$/.test(given)) {
    const media = type.toLowerCase()
    return `part-${number}.${extensions[media] ?? (media.startsWith("text/") ? "txt" : "bin")}`
  }
  if (given.length <= maxName) return given
  const extension = /\.[A-Za-z0-9]{1,10}$/.exec(given)?.[0] ?? ""
  return `${given.slice(0, maxName - extension.length).toWellFormed()}${extension}`
}

/** Names each only once: the second `a.txt` becomes `a~2.txt`. */
export const makeUnique = (): ((name: string) => string) => {
  const seen = new Map<string, number>()
  return (name) => {
    const count = (seen.get(name) ?? 0) + 1
    seen.set(name, count)
    if (count === 1) return name
    const extension = /\.[A-Za-z0-9]{1,10}$/.exec(name)
    const unique = extension === null ? `${name}~${count}` : `${name.slice(0, extension.index)}~${count}${extension[0]}`
    seen.set(unique, Math.max(1, seen.get(unique) ?? 0))
    return unique
  }
}
