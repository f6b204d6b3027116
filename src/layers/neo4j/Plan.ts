import { Schema } from "effect"
import { DeadLetter } from "../../domain/DeadLetter.ts"
import { compare } from "../../domain/Views.ts"
import type { DocumentWrite, Write } from "../../services/GraphStore.ts"
import { failure } from "./Fault.ts"
import { ordinalOf } from "./Letters.ts"

const encodeLetter = Schema.encodeSync(DeadLetter)
const decodeLetter = Schema.decodeSync(DeadLetter)

/** What a commit finds of what it speaks of. */
export interface Before {
  /** All that the commit speaks of. */
  readonly sources: ReadonlySet<string>
  /** Documents by the sources of the commit that point at them. */
  readonly pointers: ReadonlyMap<string, string>
  readonly documents: ReadonlySet<string>
  /** Of documents that further sources point at: the least of those. */
  readonly others: ReadonlyMap<string, string>
  readonly letters: ReadonlyArray<DeadLetter>
}

/** What it comes to, all its writes taken in turn. */
export interface Plan {
  /** The last one of each document that stays. */
  readonly written: ReadonlyArray<DocumentWrite>
  /** Documents that are there already, and whose chunks and evidence go. */
  readonly takenOut: ReadonlyArray<string>
  /** Those that no source points at, whether they were there or would have been new. */
  readonly removed: ReadonlyArray<string>
  readonly pointed: ReadonlyArray<{ readonly source: string; readonly document: string }>
  /** Sources that point at nothing any more, or never did. */
  readonly unpointed: ReadonlyArray<string>
  readonly letters: {
    readonly put: ReadonlyArray<DeadLetter>
    readonly dropped: ReadonlyArray<{ readonly source: string; readonly ordinal: number }>
  }
}

/** Sources and documents that writes speak of. */
export const spokenOf = (writes: ReadonlyArray<Write>) => {
  const sources = new Set<string>()
  const lettersOf = new Set<string>()
  const documents = new Set<string>()
  const forgotten = new Set<string>()
  for (const write of writes) {
    switch (write._tag) {
      case "document":
        documents.add(write.resolved.document.id)
        for (const source of write.sources) sources.add(source)
        break
      case "source":
        documents.add(write.document)
        sources.add(write.source)
        break
      case "settled":
        lettersOf.add(write.source)
        break
      case "removed":
        sources.add(write.source)
        break
      case "forgotten":
        documents.add(write.document)
        forgotten.add(write.document)
        break
      case "dead-letter":
        lettersOf.add(write.letter.source)
        break
    }
  }
  for (const source of sources) lettersOf.add(source)
  return { sources, lettersOf, documents, forgotten }
}

/** Dead letters by source and ordinal, as the commit goes on. */
class Letters {
  readonly #letters = new Map<string, Map<number, DeadLetter>>()

  constructor(letters: ReadonlyArray<DeadLetter>) {
    for (const letter of letters) this.put(letter)
  }

  put(letter: DeadLetter): void {
    const ofSource = this.#letters.get(letter.source)
    if (ofSource === undefined) this.#letters.set(letter.source, new Map([[ordinalOf(letter), letter]]))
    else ofSource.set(ordinalOf(letter), letter)
  }

  drop(source: string, isDropped: (letter: DeadLetter) => boolean = () => true): ReadonlyArray<DeadLetter> {
    const letters = this.#letters.get(source)
    if (letters === undefined) return []
    const dropped = [...letters.values()].filter(isDropped)
    for (const letter of dropped) letters.delete(ordinalOf(letter))
    return dropped
  }

  dropOf(document: string): void {
    for (const source of this.#letters.keys()) this.drop(source, (letter) => isOfChunk(letter, document))
  }

  all(): ReadonlyArray<DeadLetter> {
    return [...this.#letters.values()].flatMap((letters) => [...letters.values()])
  }
}

const isOfChunk = (letter: DeadLetter, document: string): boolean =>
  letter.ordinal !== undefined && letter.document === document

const keyOf = (letter: DeadLetter): string => `${letter.source}\n${ordinalOf(letter)}`

/** Throws a `StorageError` where a copy is of a document that is not there. */
export const plan = (writes: ReadonlyArray<Write>, before: Before): Plan => {
  const pointers = new Map(before.pointers)
  const written = new Map<string, DocumentWrite>()
  const touched = new Set<string>()
  const letters = new Letters(before.letters)

  const sourceOf = (document: string): string | undefined => {
    const other = before.others.get(document)
    const ours = [...pointers].flatMap(([source, to]) => (to === document ? [source] : []))
    return [...ours, ...(other === undefined ? [] : [other])].toSorted(compare)[0]
  }
  const leave = (source: string, document: string): void => {
    touched.add(document)
    // Its dead chunks are still dead if another source points at it, which their letters go over to.
    const left = letters.drop(source, (letter) => isOfChunk(letter, document))
    const heir = left.length === 0 ? undefined : sourceOf(document)
    if (heir === undefined) return
    for (const letter of left) letters.put(decodeLetter({ ...encodeLetter(letter), source: heir }))
  }
  const point = (source: string, document: string): void => {
    const old = pointers.get(source)
    pointers.set(source, document)
    if (old !== undefined && old !== document) leave(source, old)
  }
  const unpoint = (source: string): void => {
    const old = pointers.get(source)
    pointers.delete(source)
    if (old !== undefined) leave(source, old)
    letters.drop(source)
  }

  for (const write of writes) {
    switch (write._tag) {
      case "document": {
        const { id } = write.resolved.document
        written.set(id, write)
        touched.add(id)
        letters.dropOf(id)
        for (const source of write.sources) {
          point(source, id)
          letters.drop(source)
        }
        for (const letter of write.deadLetters) letters.put(letter)
        break
      }
      case "source":
        if (!before.documents.has(write.document) && !written.has(write.document)) {
          throw failure(
            "failed",
            `${write.source} is a copy of a document that has just been taken out of the graph. Run the same command again.`,
            { retryable: true }
          )
        }
        point(write.source, write.document)
        letters.drop(write.source, (letter) => !isOfChunk(letter, write.document))
        break
      case "settled":
        letters.drop(write.source, ({ ordinal }) => ordinal === undefined)
        break
      case "removed":
        unpoint(write.source)
        break
      case "forgotten":
        touched.add(write.document)
        for (const [source, document] of pointers) if (document === write.document) unpoint(source)
        break
      case "dead-letter":
        letters.put(write.letter)
        break
    }
  }

  const removed = [...touched].filter((document) => sourceOf(document) === undefined)
  for (const document of removed) {
    letters.dropOf(document)
    written.delete(document)
  }
  const isThere = (document: string): boolean => before.documents.has(document)
  const known = new Map(before.letters.map((letter) => [keyOf(letter), letter]))
  const left = letters.all()
  const kept = new Set(left.map(keyOf))
  return {
    written: [...written.values()],
    takenOut: [...new Set([...removed, ...written.keys()])].filter(isThere),
    removed,
    pointed: [...pointers].flatMap(([source, document]) =>
      before.pointers.get(source) === document ? [] : [{ source, document }]
    ),
    unpointed: [...before.sources].filter((source) => !pointers.has(source)),
    letters: {
      put: left.filter((letter) => known.get(keyOf(letter)) !== letter),
      dropped: [...known].flatMap(([key, letter]) =>
        kept.has(key) ? [] : [{ source: letter.source, ordinal: ordinalOf(letter) }]
      )
    }
  }
}
