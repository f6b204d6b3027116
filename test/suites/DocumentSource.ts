import { assert, describe, it } from "@effect/vitest"
import { Effect, Stream } from "effect"
import type { Layer } from "effect"
import { DocumentSource } from "../../src/services/DocumentSource.ts"

export interface Expected {
  readonly uri: string
  readonly content: string
}

/** The contract of `DocumentSource`, over a layer that is to give `expected`, in this order. */
export const suite = <E>(
  name: string,
  layer: Layer.Layer<DocumentSource, E>,
  expected: ReadonlyArray<Expected>
): void => {
  describe(`DocumentSource: ${name}`, () => {
    it.effect("gives every item once, with its bytes and their number", () =>
      Effect.gen(function* () {
        const source = yield* DocumentSource
        const items = yield* Stream.runCollect(source.items)
        const found = yield* Effect.forEach(items, (item) =>
          Effect.map(item.read, (bytes) => {
            if (item.size !== undefined) assert.strictEqual(item.size, bytes.length)
            return { uri: item.uri, content: new TextDecoder().decode(bytes) }
          })
        )
        assert.deepStrictEqual(found, [...expected])
      }).pipe(Effect.provide(layer))
    )

    it.effect("gives the same items in the same order each time", () =>
      Effect.gen(function* () {
        const source = yield* DocumentSource
        const uris = Stream.runCollect(Stream.map(source.items, ({ uri }) => uri))
        assert.deepStrictEqual(yield* uris, yield* uris)
      }).pipe(Effect.provide(layer))
    )

    it.effect("gives the first item without the others being taken", () =>
      Effect.gen(function* () {
        const source = yield* DocumentSource
        const first = yield* Stream.runCollect(Stream.take(source.items, 1))
        assert.deepStrictEqual(
          first.map(({ uri }) => uri),
          expected.slice(0, 1).map(({ uri }) => uri)
        )
      }).pipe(Effect.provide(layer))
    )

    it.effect("a part of an item is the same part of its bytes, fewer at the end", () =>
      Effect.gen(function* () {
        const source = yield* DocumentSource
        for (const { range, read, size } of yield* Stream.runCollect(source.items)) {
          if (range === undefined) continue
          const bytes = yield* read
          assert.strictEqual(size, bytes.length)
          const places = [0, 1, bytes.length - 1, bytes.length, bytes.length + 5]
          for (const from of places.filter((one) => one >= 0)) {
            for (const to of places.filter((one) => one >= from)) {
              assert.deepStrictEqual([...(yield* range(from, to))], [...bytes.subarray(from, to)], `${from} to ${to}`)
            }
          }
        }
      }).pipe(Effect.provide(layer))
    )

    it.effect("an item can be read more than once", () =>
      Effect.gen(function* () {
        const source = yield* DocumentSource
        const [item] = yield* Stream.runCollect(Stream.take(source.items, 1))
        assert.isDefined(item)
        if (item) assert.deepStrictEqual(yield* item.read, yield* item.read)
      }).pipe(Effect.provide(layer))
    )
  })
}
