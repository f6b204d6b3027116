import type { Stated } from "../statements.ts"
import { participated, person } from "../statements.ts"
import { isPerson } from "./people.ts"

/** A chunk ends at a silence of 30 minutes at the latest, so who speaks after it is stated anew. */
const silence = 30 * 60 * 1000
/** UTF-16 code units, less than most chunks have: who goes on speaking is stated again after so many. */
const stretch = 1200

/**
 * States at turns who takes part in a conversation, so that wherever it is divided, each piece is the evidence that those
 * who speak in it took part, without saying so at every turn.
 */
export class Participation {
  readonly #event: string
  readonly #aliases: ReadonlyMap<string, ReadonlyArray<string>>
  readonly #stated = new Map<string, { readonly start: number; readonly conversation: number }>()
  #conversation = 0
  #last: number | undefined

  /** `event`: the name of the conversation, empty if it has none. `aliases`: other names of those who speak. */
  constructor(event: string, aliases: ReadonlyMap<string, ReadonlyArray<string>> = new Map()) {
    this.#event = event
    this.#aliases = aliases
  }

  /** What is to be stated at the turn that starts there, if anything. */
  turn(start: number, speaker: string | undefined, at: number | undefined): Stated | undefined {
    if (at !== undefined) {
      if (this.#last !== undefined && Math.abs(at - this.#last) > silence) this.#conversation++
      this.#last = at
    }
    if (start < 0 || speaker === undefined) return undefined
    const before = this.#stated.get(speaker)
    if (before?.conversation === this.#conversation && start - before.start < stretch) return undefined
    this.#stated.set(speaker, { start, conversation: this.#conversation })
    if (!isPerson(speaker)) return undefined
    const { entities, facts } = participated([speaker], this.#event)
    const aliases = this.#aliases.get(speaker) ?? []
    return aliases.length === 0
      ? { entities, facts }
      : { entities: [person(speaker, aliases), ...entities.slice(1)], facts }
  }
}
