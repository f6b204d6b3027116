import { Deferred, Effect, Layer, Option } from "effect"
import { DeadLetter } from "../domain/DeadLetter.ts"
import type { DeadLetterCause } from "../domain/DeadLetter.ts"
import type { Extraction } from "../domain/Extraction.ts"
import { chunkKey, itemKey, recipe } from "../domain/Ids.ts"
import type { DocumentId, ItemKey } from "../domain/Ids.ts"
import { countTokens } from "../domain/Tokens.ts"
import { ChatModel } from "../services/ChatModel.ts"
import { Extractor } from "../services/Extractor.ts"
import type { ExtractionResult, ExtractionTask } from "../services/Extractor.ts"
import { Gate } from "../services/Gate.ts"
import { unreadable } from "../services/Journal.ts"
import { ModelCalls, poolOf } from "../services/ModelCalls.ts"
import type { Run } from "../services/Run.ts"
import type { RunStopped } from "../services/RunStopped.ts"
import type { StorageError } from "../services/StorageError.ts"
import { Vocabulary } from "../services/Vocabulary.ts"
import { WarmStart } from "../services/WarmStart.ts"
import * as Answer from "./llm/Answer.ts"
import { Learned as Lengths } from "./llm/Caps.ts"
import { decodeAnswer, halves, merge } from "./llm/Items.ts"
import type { ItemFailure, ItemText, StoredAnswer } from "./llm/Items.ts"
import * as Packs from "./llm/Packs.ts"
import { instructions, promptVersion } from "./llm/Prompt.ts"
import { usual } from "./llm/Sizing.ts"

export interface LlmExtractorOptions {
  readonly model: string
  /** Chunks a call: a number, or as many as their tokens allow. */
  readonly pack: number | "auto"
}

type Failure = ItemFailure | RunStopped | StorageError

const make = Effect.fnUntraced(function* (options: LlmExtractorOptions) {
  const gate = yield* Gate
  const calls = yield* ModelCalls
  const ontology = yield* Vocabulary
  const system = instructions(ontology)
  const schema = Answer.jsonSchema(ontology)
  const maxItems = options.pack === "auto" ? usual.items : options.pack
  /** Twice what the gate can have in flight, in full packs as far as memory lets it, so that none starts half empty. */
  const window = Math.max(2 * gate.ceiling, Math.min(2 * gate.ceiling * maxItems, 2048))
  const packs = yield* Packs.make({ ...options, system, schema, window })
  const version = recipe("llm", promptVersion, options.model, system, JSON.stringify(schema))
  // How long answers are follows the model and all that it is told.
  const { keep } = yield* WarmStart
  const { endpoint } = yield* ChatModel
  const lengths = yield* keep(
    `answers ${poolOf({ endpoint, model: options.model })} ${version}`,
    Lengths,
    () => packs.caps.learned
  )
  if (Option.isSome(lengths)) packs.caps.restore(lengths.value.value)
  /** Items that are being answered: a second chunk with the same text and header waits for the first one's answer. */
  const inFlight = new Map<ItemKey, Deferred.Deferred<StoredAnswer, Failure>>()

  /** Documents that chunks are being extracted of: since when, in their order, and of how many. */
  const documents = new Map<DocumentId, { readonly ordinal: number; open: number }>()
  let ordinals = 0

  const opened = <A, E>(id: DocumentId, use: (ordinal: number) => Effect.Effect<A, E>): Effect.Effect<A, E> =>
    Effect.suspend(() => {
      const known = documents.get(id)
      const document = known ?? { ordinal: ordinals++, open: 0 }
      document.open++
      if (known === undefined) documents.set(id, document)
      return Effect.ensuring(
        use(document.ordinal),
        Effect.sync(() => {
          if (--document.open === 0) documents.delete(id)
        })
      )
    })

  const ask = Effect.fnUntraced(function* (item: ItemText) {
    const found = yield* calls.lookup(item.key)
    if (Option.isSome(found)) {
      const stored = decodeAnswer(found.value)
      if (Option.isSome(stored)) return { stored: stored.value, reused: true }
      return yield* unreadable(item.key)
    }
    return { stored: yield* packs.ask(item), reused: false }
  })

  const once = (item: ItemText): Effect.Effect<{ stored: StoredAnswer; reused: boolean }, Failure> =>
    Effect.suspend(() => {
      const other = inFlight.get(item.key)
      if (other !== undefined) {
        return Effect.map(Deferred.await(other), (stored) => {
          calls.counts.journal++
          return { stored, reused: true }
        })
      }
      const shared = Deferred.makeUnsafe<StoredAnswer, Failure>()
      inFlight.set(item.key, shared)
      return ask(item).pipe(
        Effect.onExit((exit) => {
          inFlight.delete(item.key)
          return exit._tag === "Success"
            ? Deferred.succeed(shared, exit.value.stored)
            : Deferred.failCause(shared, exit.cause)
        })
      )
    })

  const toItem = (item: Omit<ItemText, "key">): ItemText => ({
    ...item,
    key: itemKey(item.group, "extraction", version, item.header, item.text)
  })

  const extractItem = (item: ItemText): Effect.Effect<ExtractionResult, Failure> =>
    Effect.flatMap(once(item), ({ reused, stored }) => {
      if ("entities" in stored) return Effect.succeed({ extraction: stored, reused })
      const parts = halves(item.text)
      if (Option.isNone(parts)) {
        const message = "The answer is cut off at its length limit, and the text is too short to be halved."
        return Effect.fail<Failure>({
          _tag: "ItemFailure",
          cause: "truncated",
          message,
          attempts: 1,
          response: undefined
        })
      }
      // One after the other: where the first cannot be extracted from, the second is not paid for, and nobody who waits
      // for the same text is left with an interruption.
      return Effect.forEach(parts.value, (text) =>
        extractItem(toItem({ ...item, text, tokens: countTokens(text) }))
      ).pipe(
        Effect.map(([first, second]) => ({
          extraction: first === undefined || second === undefined ? none : merge(first.extraction, second.extraction),
          reused: first?.reused === true && second?.reused === true
        }))
      )
    })

  const extract = ({ chunk, group, source, span }: ExtractionTask) =>
    opened(chunk.document, (document) =>
      extractItem(
        toItem({
          chunk: chunkKey(group, chunk.header, chunk.text),
          source,
          group,
          header: chunk.header,
          text: chunk.text,
          tokens: chunk.tokens,
          span,
          document
        })
      )
    ).pipe(
      Effect.catchTag("ItemFailure", ({ attempts, cause, message, response }) =>
        Effect.fail(
          new DeadLetter({
            stage: "extract",
            cause,
            message: `${message} Chunk ${chunk.ordinal + 1} (characters ${chunk.start} to ${chunk.end}) is left out of the graph; ${remedies[cause] ?? "`sluice retry` tries it again"}.`,
            source,
            document: chunk.document,
            chunk: chunk.id,
            ordinal: chunk.ordinal,
            attempts,
            ...(response === undefined || response === "" ? {} : { response })
          })
        )
      )
    )

  const parts = { extractor: "llm", model: options.model, prompt: promptVersion }
  return Extractor.of({ extract, recipe: version, parts, window })
})

/** What helps, other than to ask once more. */
const remedies: Partial<Record<DeadLetterCause, string>> = {
  truncated: "another --model may have more room for its answer",
  unrecorded:
    "give --model and --ontology as they were when it was recorded, or run the same command without --replay to ask for it"
}

const none: Extraction = { entities: [], facts: [] }

/** Extraction by a model: packs, journal look-ups, re-asks, bisection, halving. */
export const layer = (
  options: LlmExtractorOptions
): Layer.Layer<Extractor, never, ChatModel | Gate | ModelCalls | Run> => Layer.effect(Extractor, make(options))
