import { Deferred, Option, Schema } from "effect"
import type { Tracer } from "effect"
import type { DeadLetterCause } from "../../domain/DeadLetter.ts"
import { Extraction } from "../../domain/Extraction.ts"
import type { ChunkKey, Group, ItemKey } from "../../domain/Ids.ts"
import { sentences } from "../../domain/Sentences.ts"
import { countTokens } from "../../domain/Tokens.ts"
import type { RunStopped } from "../../services/RunStopped.ts"
import type { StorageError } from "../../services/StorageError.ts"

/** What the journal keeps of an item: its extraction, or that it was too long to answer whole. */
export const StoredAnswer = Schema.Union([Extraction, Schema.Struct({ halved: Schema.Literal(true) })])
export type StoredAnswer = typeof StoredAnswer.Type

export const encodeAnswer = (answer: StoredAnswer): string => JSON.stringify(answer)
export const decodeAnswer = Schema.decodeUnknownOption(Schema.fromJsonString(StoredAnswer))

export const halved: StoredAnswer = { halved: true }

/** What is asked of the model: a chunk, or a half of one. */
export interface ItemText {
  readonly key: ItemKey
  /** Of the chunk that it is, or is a part of. */
  readonly chunk: ChunkKey
  /** Where the chunk was found. */
  readonly source?: string
  readonly group: Group
  readonly header: string
  readonly text: string
  readonly tokens: number
  readonly span: Tracer.AnySpan | undefined
  /** Rises with the documents, in the order in which they were opened. */
  readonly document: number
}

/** An item that waits for its answer. */
export interface Item extends ItemText {
  readonly answered: Deferred.Deferred<StoredAnswer, ItemFailure | RunStopped | StorageError>
  /** Characters, as it is sent. */
  readonly length: number
  /** Words of its text that begin with a capital letter, and numbers. */
  readonly names: number
  /** Unusable answers, counted when it was alone in its call or named. */
  attempts: number
  /** Packs' answers that were cut off while they told of it. */
  cuts: number
  /** Calls for it alone that took longer than the provider is given. */
  late: number
  /** The least output cap: its answer was cut off with less where it was alone. */
  room: number
  /** The most: a request with more was too large. */
  most: number
}

export const makeItem = (text: ItemText): Item => ({
  ...text,
  answered: Deferred.makeUnsafe(),
  length: JSON.stringify({ id: "c1", context: text.header, text: text.text }).length + 1,
  names: text.text.match(/(?<![\p{L}\p{N}])[\p{Lu}\p{N}]/gu)?.length ?? 0,
  attempts: 0,
  cuts: 0,
  late: 0,
  room: 0,
  most: Infinity
})

export interface ItemFailure {
  readonly _tag: "ItemFailure"
  readonly cause: DeadLetterCause
  readonly message: string
  readonly attempts: number
  readonly response: string | undefined
}

const minimumTokens = 16

/** Two halves of about the same length, cut between sentences, words, or at worst characters; none if too short. */
export const halves = (text: string): Option.Option<readonly [string, string]> => {
  if (countTokens(text) < minimumTokens) return Option.none()
  const middle = text.length / 2
  const nearest = (cuts: ReadonlyArray<number>): number | undefined =>
    cuts
      .filter((cut) => text.slice(0, cut).trim() !== "" && text.slice(cut).trim() !== "")
      .toSorted((a, b) => Math.abs(a - middle) - Math.abs(b - middle))[0]
  const character = Math.floor(middle) + (/[\udc00-\udfff]/.test(text.charAt(Math.floor(middle))) ? 1 : 0)
  const cut =
    nearest(sentences(text).map(([start]) => start)) ??
    nearest([...text.matchAll(/\s+/gu)].map((match) => match.index + match[0].length)) ??
    nearest([character])
  return cut === undefined ? Option.none() : Option.some([text.slice(0, cut), text.slice(cut)])
}

/** The halves' extractions as the whole's. */
export const merge = (first: Extraction, second: Extraction): Extraction => {
  const entities = new Map<string, Extraction["entities"][number]>()
  for (const entity of [...first.entities, ...second.entities]) {
    const id = JSON.stringify([entity.name, entity.type])
    const known = entities.get(id)
    entities.set(
      id,
      known === undefined ? entity : { ...known, aliases: [...new Set([...known.aliases, ...entity.aliases])] }
    )
  }
  return { entities: [...entities.values()], facts: [...first.facts, ...second.facts] }
}
