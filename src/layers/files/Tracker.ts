/** What a look found that is to be taken in. */
export interface Changes {
  /** Names of files that are new or changed, and have stayed as they are since the look before. */
  readonly files: ReadonlyArray<string>
  /** Whether something is gone for good, or cannot be looked at: only a walk over everything finds out what follows. */
  readonly needsWalk: boolean
  /** Whether something is changing right now: a file that grows, or one that a program is about to replace. */
  readonly isRestless: boolean
}

interface File {
  /** As it was when it was last looked at; empty: not there. */
  stamp: string
  isProblem: boolean
  isSettled: boolean
  look: number
  /** As it was when it was taken in; undefined: never. */
  taken: string | undefined
}

/**
 * Compares one look at files with the one before. A file counts when it looks the same twice, so that looks belong some
 * time apart: until then somebody may be writing it. The same goes for one that is gone, which programs that save a file
 * in two steps put back. Holds a name and a stamp for each file.
 */
export class Tracker {
  readonly #files = new Map<string, File>()
  #look = 0

  /** Before the files of a look are told. */
  begin(): void {
    this.#look++
  }

  /** `stamp` differs when the file does; `isProblem`: it could not be looked at, and the stamp says why. */
  see(name: string, stamp: string, isProblem = false): void {
    const known = this.#files.get(name)
    if (known === undefined) {
      this.#files.set(name, { stamp, isProblem, isSettled: false, look: this.#look, taken: undefined })
      return
    }
    known.isSettled = known.stamp === stamp
    known.stamp = stamp
    known.isProblem = isProblem
    known.look = this.#look
  }

  /** After the files of a look are told. */
  end(): Changes {
    const files: Array<string> = []
    let needsWalk = false
    let isRestless = false
    for (const [name, file] of this.#files) {
      if (file.look !== this.#look) {
        if (file.taken === undefined) {
          this.#files.delete(name)
          continue
        }
        file.isSettled = file.stamp === ""
        file.stamp = ""
      }
      if (file.stamp === file.taken) continue
      if (!file.isSettled) isRestless = true
      else if (file.isProblem || file.stamp === "") needsWalk = true
      else files.push(name)
    }
    return { files, needsWalk, isRestless }
  }

  /** What was looked at last is taken in: these names of it or, without names, all that is settled or new. */
  take(names?: ReadonlyArray<string>): void {
    for (const name of names ?? this.#files.keys()) {
      const file = this.#files.get(name)
      if (file === undefined) continue
      if (file.stamp !== "") file.taken = file.stamp
      // One that is being replaced is not forgotten: it is gone only when it is settled.
      else if (file.isSettled) this.#files.delete(name)
    }
  }
}
