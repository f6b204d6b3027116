import type { Extraction } from "../../domain/Extraction.ts"

/**
 * An extraction by the rules as it crosses from a worker thread: every string once, since a sentence is the text of many
 * facts, and the rest as numbers that point at them.
 */
export interface Packed {
  readonly strings: ReadonlyArray<string>
  /** An entity each: its name, its type, its aliases. */
  readonly entities: ReadonlyArray<ReadonlyArray<number>>
  /** Five for each fact: source, target, type, text, predicate; -1 where it has none. */
  readonly facts: Int32Array
}

const perFact = 5

/** A chunk, as far as the rules look at it. */
export interface Piece {
  readonly header: string
  readonly text: string
}

/** A chunk that the rules cannot read is not the fault of those that share its batch. */
export type Answer =
  | { readonly _tag: "extracted"; readonly packed: Packed }
  | { readonly _tag: "unreadable"; readonly message: string }

export const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause))

/** Of facts, only what the rules say: they know neither dates nor confidence. */
export const pack = ({ entities, facts }: Extraction): Packed => {
  const known = new Map<string, number>()
  const at = (text: string): number => {
    const index = known.get(text) ?? known.size
    known.set(text, index)
    return index
  }
  const packed = new Int32Array(perFact * facts.length)
  for (const [index, { predicate, source, target, text, type }] of facts.entries()) {
    const row = [at(source), at(target), at(type), at(text), predicate === undefined ? -1 : at(predicate)]
    packed.set(row, perFact * index)
  }
  const named = entities.map(({ aliases, name, type }) => [at(name), at(type), ...aliases.map(at)])
  return { strings: [...known.keys()], entities: named, facts: packed }
}

export const unpack = ({ entities, facts, strings }: Packed): Extraction => {
  const textAt = (index = -1): string => strings[index] ?? ""
  const unpacked: Array<Extraction["facts"][number]> = []
  for (let at = 0; at < facts.length; at += perFact) {
    const predicate = facts[at + 4] ?? -1
    unpacked.push({
      source: textAt(facts[at]),
      target: textAt(facts[at + 1]),
      type: textAt(facts[at + 2]),
      text: textAt(facts[at + 3]),
      ...(predicate === -1 ? {} : { predicate: textAt(predicate) })
    })
  }
  return {
    entities: entities.map(([name, type, ...aliases]) => ({
      name: textAt(name),
      type: textAt(type),
      aliases: aliases.map((alias) => textAt(alias))
    })),
    facts: unpacked
  }
}
