import { uniform } from "../../domain/Hashing.ts"
import { read } from "./Items.ts"
import type { Item } from "./Items.ts"
import type { View } from "./Answer.ts"
import type { FaultKind, SimulatedOptions } from "./Options.ts"

/** Faults of the transport, which any route can have; then those of a model's answer. */
const transportKinds = [
  "rateLimited",
  "serverError",
  "unavailable",
  "reset",
  "resetMidBody",
  "hang",
  "truncated"
] as const satisfies ReadonlyArray<FaultKind>
const contentKinds = ["invalidJson", "refusal", "empty", "length"] as const satisfies ReadonlyArray<FaultKind>

type TransportFault = (typeof transportKinds)[number]
type ContentFault = (typeof contentKinds)[number]

/**
 * Draws that depend on the seed, on what is asked and on how often it was asked, and on nothing else: the order in which
 * requests arrive changes no fault.
 */
export class Dice {
  readonly #options: SimulatedOptions
  readonly #key: string

  constructor(options: SimulatedOptions, request: number, attempt: number) {
    this.#options = options
    this.#key = `${request}/${attempt}`
  }

  roll(name: string, item = 0): number {
    return uniform(this.#options.seed ?? 0, this.#key, name, item)
  }

  happens(kind: FaultKind, item: number): boolean {
    const probability = this.#options.faults?.[kind] ?? 0
    return probability > 0 && this.roll(kind, item) < probability
  }

  /** At most one fault of the whole request. */
  request(face: "chat" | "embeddings"): TransportFault | ContentFault | undefined {
    let rest = this.roll("request")
    for (const kind of face === "chat" ? [...transportKinds, ...contentKinds] : transportKinds) {
      rest -= this.#options.faults?.[kind] ?? 0
      if (rest < 0) return kind
    }
    return undefined
  }

  /** The normal variate by Box and Muller. */
  #logNormal(name: string, median: number, sigma: number): number {
    const normal =
      sigma === 0
        ? 0
        : Math.sqrt(-2 * Math.log(1 - this.roll(`${name}-a`))) * Math.cos(2 * Math.PI * this.roll(`${name}-b`))
    return median * Math.exp(sigma * normal)
  }

  /** Milliseconds. */
  latency(outputTokens: number): number {
    const { median = 0, perOutputToken = 0, sigma = 0 } = this.#options.latency ?? {}
    return this.#logNormal("latency", median, sigma) + perOutputToken * outputTokens
  }

  /** Tokens that the answer is said to have; absent: as many as it has. */
  outputTokens(cap: number): number | undefined {
    const drawn = this.#options.outputTokens
    if (drawn === undefined) return undefined
    return Math.min(cap, Math.max(1, Math.round(this.#logNormal("output", drawn.median, drawn.sigma ?? 0))))
  }
}

export interface Part {
  readonly item: Item
  /** What stands in the answer for it: none, one or several elements. */
  readonly views: ReadonlyArray<View>
  /** Absent: as it should be. */
  readonly fault?: "missing" | "wrongId" | "duplicate" | "crossTalk"
}

const syllables = ["zor", "vex", "qin", "tal", "mib", "dru", "kel", "fax", "wob", "nuj"]

const invented = (dice: Dice, hash: number): string =>
  ["first", "second"]
    .map((word) => {
      const pick = (n: number) => syllables[Math.floor(dice.roll(`${word}${n}`, hash) * syllables.length)] ?? ""
      const made = pick(1) + pick(2)
      return made.slice(0, 1).toUpperCase() + made.slice(1)
    })
    .join(" ")

/** Each item's part of the answer, with the faults that befall it. */
export const partsOf = (items: ReadonlyArray<Item>, dice: Dice): ReadonlyArray<Part> => {
  const readings = items.map((item) => read(item.text))
  return items.map((item, position): Part => {
    const own = readings[position] ?? { names: [], sentences: [] }
    const foreign = dice.happens("crossTalk", item.hash)
      ? readings
          .flatMap((reading, other) => (other === position ? [] : reading.names))
          .filter((name) => !item.whole.includes(name))
      : []
    const leak = foreign[Math.floor(dice.roll("leak", item.hash) * foreign.length)]
    const noise = dice.happens("noise", item.hash) ? [invented(dice, item.hash)] : []
    const view: View = {
      item,
      reading: own,
      names: [...new Set([...own.names, ...(leak === undefined ? [] : [leak]), ...noise])],
      typeKey: (name) => (dice.happens("noise", item.hash + name.length) ? `${name}?` : name),
      id: item.id
    }
    if (dice.happens("missing", item.hash)) return { item, views: [], fault: "missing" }
    if (dice.happens("wrongId", item.hash)) {
      const id = typeof item.id === "number" ? -1 - item.id : `${item.id ?? ""}-unasked`
      return { item, views: [{ ...view, id }], fault: "wrongId" }
    }
    if (dice.happens("duplicate", item.hash)) return { item, views: [view, view], fault: "duplicate" }
    return { item, views: [view], ...(leak === undefined ? {} : { fault: "crossTalk" as const }) }
  })
}
