import { assert, describe, it } from "@effect/vitest"
import { Context, Effect, Layer, Schema, Stream } from "effect"
import { DeadLetter } from "../../src/domain/DeadLetter.ts"
import { documentId, RunId } from "../../src/domain/Ids.ts"
import type { Group } from "../../src/domain/Ids.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import type { StoredDocument, Write } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import type { StorageError } from "../../src/services/StorageError.ts"
import { documentWrite, randomOutline } from "../fixtures/graphs.ts"
import type { DocumentOutline } from "../fixtures/graphs.ts"
import { makeRandom } from "../support/random.ts"
import type { Random } from "../support/random.ts"
import { freshGroup } from "./GraphStore.ts"

type Stores = Context.Context<GraphStore | Ledger>

const open = (layer: Layer.Layer<GraphStore | Ledger, StorageError>) => Layer.build(Layer.fresh(layer))

const unreadable = (source: string, message: string) =>
  new DeadLetter({ stage: "load", cause: "unreadable", message, source, attempts: 1 })

const sources = ["a", "b", "c", "d#1", "é 🜁"] as const

/** Ingests, edits, copies, failures and removals, in batches of runs of their own. */
const history = Effect.fnUntraced(function* (stores: Stores, group: Group, random: Random) {
  const store = Context.get(stores, GraphStore)
  const pointers = new Map<string, string>()
  const pending: Array<Write> = []
  const idOf = ({ bytes }: DocumentOutline) => documentId(group, new TextEncoder().encode(bytes))
  for (let step = 0; step < 14; step++) {
    const source = random.pick(sources)
    const outline = randomOutline(random, random.pick(["1", "2", "3", "4", "5", "6"]))
    const kind = random.next()
    if (kind < 0.15) {
      pending.push({ _tag: "dead-letter", letter: unreadable(random.pick([source, "z"]), `step ${step}`) })
    } else if (kind < 0.25) {
      pending.push({ _tag: "settled", source })
    } else if (kind < 0.35) {
      pending.push({ _tag: "removed", source })
      pointers.delete(source)
    } else if (kind < 0.5 && new Set(pointers.values()).has(idOf(outline))) {
      pending.push({ _tag: "source", source, document: idOf(outline) })
      pointers.set(source, idOf(outline))
    } else {
      pending.push(documentWrite(group, [source], outline))
      pointers.set(source, idOf(outline))
    }
    if (random.next() < 0.6) yield* store.commit(group, RunId.make(`run-${step}`), pending.splice(0))
  }
  yield* store.commit(group, RunId.make("run-last"), pending)
})

/** Documents are written as they are stored; letters of sources without a document by themselves. */
const copied = Effect.fnUntraced(function* (from: Stores, to: Stores, group: Group) {
  const writes: Array<Write> = [...(yield* Stream.runCollect(Context.get(from, GraphStore).stored(group)))]
  const letters = yield* Context.get(from, Ledger).deadLetters(group)
  const kept = new Set(
    writes.flatMap((write) => (write._tag === "document" ? write.deadLetters.map(({ message }) => message) : []))
  )
  for (const letter of letters) if (!kept.has(letter.message)) writes.push({ _tag: "dead-letter", letter })
  yield* Context.get(to, GraphStore).commit(group, RunId.make("copy"), writes)
})

const sorted = (rows: ReadonlyArray<object>): ReadonlyArray<string> =>
  rows.map((row) => JSON.stringify(row, Object.keys(row).toSorted())).toSorted()

/** All of it, in an order of its own. */
const plain = ({ deadLetters, embeddings, resolved, run, sources }: StoredDocument) => {
  const { chunks, document, extractions, graph, recipe } = resolved
  return {
    run,
    sources,
    recipe,
    document,
    chunks,
    extractions: [...extractions].toSorted(([a], [b]) => a - b),
    graph: Object.fromEntries(Object.entries(graph).map(([kind, rows]) => [kind, sorted(rows)])),
    letters: deadLetters.map(({ message, ordinal, source }) => `${source} ${ordinal} ${message}`),
    embeddings: embeddings.map(({ chunk, vector }) => [chunk, ...vector])
  }
}

const answers = Effect.fnUntraced(function* (stores: Stores, group: Group) {
  const store = Context.get(stores, GraphStore)
  const ledger = Context.get(stores, Ledger)
  const stored = yield* Stream.runCollect(store.stored(group))
  const asked = stored.flatMap(({ resolved, sources }) =>
    ["nobody", ...sources].map((source) => ({ id: resolved.document.id, source }))
  )
  return {
    hash: yield* store.hash(group),
    counts: yield* store.counts(group),
    rows: yield* Stream.runCollect(store.exportRows(group)),
    documents: yield* ledger.documents(group, asked),
    sources: yield* Stream.runCollect(ledger.sources(group)),
    letters: yield* ledger.deadLetters(group),
    stored: stored.map(plain)
  }
})

/** What any two stores must do together: what the one holds, written to the other, is the same. */
export const suite = (
  name: string,
  layers: {
    readonly from: Layer.Layer<GraphStore | Ledger, StorageError>
    readonly to: Layer.Layer<GraphStore | Ledger, StorageError>
  },
  runs = 30
): void => {
  describe(`GraphStore.stored: ${name}`, () => {
    it.live.prop(
      "after any commits, what is stored makes the same graph and ledger in an empty store",
      { seed: Schema.Int },
      ({ seed }) =>
        Effect.gen(function* () {
          const [from, to] = [yield* open(layers.from), yield* open(layers.to)]
          const group = freshGroup()
          yield* history(from, group, makeRandom(seed))
          yield* copied(from, to, group)
          assert.deepStrictEqual(yield* answers(to, group), yield* answers(from, group))
        }).pipe(Effect.scoped),
      { arbitrary: { runs }, timeout: 60_000 }
    )

    it.live(
      "pages of many documents and one that is larger than a page come in the order of ids, each once",
      () =>
        Effect.gen(function* () {
          const [from, to] = [yield* open(layers.from), yield* open(layers.to)]
          const group = freshGroup()
          const long = Array.from({ length: 3 }, (_, i) => ({ names: [`${"Long ".repeat(200_000)}${i}`] }))
          const store = Context.get(from, GraphStore)
          yield* store.commit(group, RunId.make("run"), [
            documentWrite(group, ["long"], { bytes: "long", chunks: long }),
            ...Array.from({ length: 240 }, (_, i) =>
              documentWrite(group, [`s${i}`], { bytes: `${i}`, chunks: [{ names: ["Ada Byron", `Person ${i}`] }] })
            )
          ])
          const ids = (yield* Stream.runCollect(store.stored(group))).map(({ resolved }) => resolved.document.id)
          assert.strictEqual(ids.length, 241)
          assert.deepStrictEqual(ids, [...new Set(ids)].toSorted())
          yield* copied(from, to, group)
          assert.strictEqual(yield* Context.get(to, GraphStore).hash(group), yield* store.hash(group))
        }).pipe(Effect.scoped),
      60_000
    )
  })
}
