import { Schema } from "effect"
import { DeadLetter } from "../../domain/DeadLetter.ts"
import { sourceId } from "../../domain/Ids.ts"
import type { Group } from "../../domain/Ids.ts"
import { headOf } from "./Values.ts"

const LetterJson = Schema.fromJsonString(DeadLetter)
const encode = Schema.encodeSync(LetterJson)
export const decodeLetter = Schema.decodeUnknownSync(LetterJson)

/** The ordinal of a letter that is of a source as a whole. */
export const ofSource = -1

export const ordinalOf = ({ ordinal }: DeadLetter): number => ordinal ?? ofSource

export const letterId = (group: Group, source: string, ordinal: number): string =>
  `${sourceId(group, source)}/${ordinal}`

/** The node of a dead letter, but for its group. */
export const letterRow = (group: Group, letter: DeadLetter) => ({
  id: letterId(group, letter.source, ordinalOf(letter)),
  sourceId: sourceId(group, letter.source),
  source: letter.source,
  head: headOf(letter.source),
  ordinal: ordinalOf(letter),
  document: letter.document ?? null,
  cause: letter.cause,
  letter: encode(letter)
})
