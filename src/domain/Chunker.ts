import { cuts, limits } from "./Boundaries.ts"
import type { Chunk } from "./Chunk.ts"
import { headersOf } from "./ChunkHeader.ts"
import { conversationStarts } from "./Conversation.ts"
import type { ParsedDocument } from "./Document.ts"
import { chunkId } from "./Ids.ts"
import { countTokens, estimateTokens } from "./Tokens.ts"
import { type DocumentUnit, soundBlocks, unitsOf } from "./Units.ts"

/** Part of a document's recipe: another version may cut elsewhere, or word headers otherwise. */
export const chunkerVersion = "2"

/**
 * Tokens, as estimated and without white space between units: no chunk has more. The estimate is near the count for
 * prose, and can be half of it for text that is no language, such as keys and codes.
 */
export const maximumChunkTokens = limits.longest / 1000

/**
 * Divides a document into chunks of about 400 tokens. They cover its text exactly, in order; none is blank. A cut never
 * lies within a table row, list item, code fence or turn, nor between a heading and what follows it, unless these are
 * longer than a chunk may be. Where the cuts lie depends on the text around them alone, so that an edit of one paragraph
 * leaves the others' chunks, and what was paid for them, as they are. A blank document has none.
 */
export const chunkDocument = (document: ParsedDocument): ReadonlyArray<Chunk> => {
  const { text } = document
  const blocks = soundBlocks(text, document.blocks)
  const units = unitsOf(text, blocks)
  if (units.length === 0) return []
  const conversations = conversationStarts(blocks, ({ start, end }) => estimateTokens(text, start, end))
  /** A heading is one unit with the turn under it, so any block of the unit may begin a conversation. */
  const begins = (unit: DocumentUnit, previous: DocumentUnit | undefined): boolean => {
    for (let block = Math.max(unit.block, (previous?.lastBlock ?? -1) + 1); block <= unit.lastBlock; block++)
      if (conversations.has(block)) return true
    return false
  }
  const starts = [0]
  let from = 0
  for (let index = 1; index <= units.length; index++) {
    const unit = units[index]
    if (unit !== undefined && !begins(unit, units[index - 1])) continue
    for (const cut of cuts(units.slice(from, index))) starts.push(units[from + cut]?.start ?? 0)
    if (unit !== undefined) starts.push(unit.start)
    from = index
  }
  const stretches = starts.map((start, index) => ({ start, end: starts[index + 1] ?? text.length }))
  const headers = headersOf(document, blocks, stretches)
  return stretches.map(({ start, end }, ordinal) => {
    const chunk = text.slice(start, end)
    return {
      id: chunkId(document.id, ordinal),
      document: document.id,
      ordinal,
      start,
      end,
      text: chunk,
      header: headers[ordinal] ?? "",
      tokens: countTokens(chunk)
    }
  })
}
