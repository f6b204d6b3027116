import type { Part } from "../parsers/Task.ts"
import { attachmentName, makeUnique, mayHoldText } from "../parsers/mail/attachments.ts"
import { afterFromLine, contentOf, readParts } from "../parsers/mail/mime.ts"
import { isCompound } from "../parsers/msg/compound.ts"
import { readOutlook } from "../parsers/msg/outlook.ts"

const mailParts = async (uri: string, bytes: Uint8Array) =>
  (await readParts(uri, afterFromLine(bytes))).attachments.map((part, index) => ({
    name: attachmentName(part.filename ?? undefined, part.mimeType, index + 1),
    type: part.mimeType,
    read: () => contentOf(part)
  }))

/**
 * The files attached to a mail (`.eml`, `.msg`), each under a name of its own; attached mails too. Those that never hold
 * text are left out: pictures, recordings, signatures. Fails with a `ParseError`.
 */
export const partsOf = async (uri: string, bytes: Uint8Array): Promise<ReadonlyArray<Part>> => {
  const unique = makeUnique()
  const parts = isCompound(bytes) ? readOutlook(uri, bytes).parts : await mailParts(uri, bytes)
  return parts
    .filter(({ name, type }) => mayHoldText(type, name))
    .map(({ name, read }) => ({ name: unique(name), bytes: read() }))
    .filter((part) => part.bytes.length > 0)
}
