import { assert, describe, it } from "@effect/vitest"
import { Effect, Result, Stream } from "effect"
import type { Layer } from "effect"
import { Unpacker } from "../../src/services/Unpacker.ts"
import type { ContainerFile } from "../../src/services/Unpacker.ts"

export const fileOf = (uri: string, content: string | Uint8Array): ContainerFile => {
  const bytes = typeof content === "string" ? new TextEncoder().encode(content) : content
  return { uri, size: bytes.length, range: (from, to) => Effect.sync(() => bytes.slice(from, to)) }
}

/** What is in a file: names, and contents or why there is none; `document` if it is one besides, `failure` if it breaks. */
export const contentsOf = Effect.fnUntraced(function* (file: ContainerFile) {
  const unpacker = yield* Unpacker
  const { isDocument, items = Stream.empty } = yield* unpacker.open(file)
  const found: Array<readonly [uri: string, content: Uint8Array | string]> = []
  const end = yield* items.pipe(
    Stream.runForEach((item) =>
      Effect.map(Effect.result(item.read), (read) => {
        if (Result.isSuccess(read) && item.size !== undefined) assert.strictEqual(item.size, read.success.length)
        found.push([
          item.uri,
          Result.isSuccess(read) ? read.success : `${read.failure.reason}: ${read.failure.message}`
        ])
      })
    ),
    Effect.result
  )
  return { isDocument, items: found, failure: Result.isFailure(end) ? end.failure : undefined }
})

/** The contract of `Unpacker`, over a layer and files that it is to open. */
export const suite = (name: string, layer: Layer.Layer<Unpacker>, files: ReadonlyArray<ContainerFile>): void => {
  describe(`Unpacker: ${name}`, () => {
    it.effect("names every item once, after the file that it lies in, and the same each time", () =>
      Effect.gen(function* () {
        for (const file of files) {
          const first = yield* contentsOf(file)
          const uris = first.items.map(([uri]) => uri)
          assert.strictEqual(new Set(uris).size, uris.length, file.uri)
          for (const uri of uris) assert.isTrue(uri.startsWith(`${file.uri}#`) && uri.length > file.uri.length + 1, uri)
          assert.deepStrictEqual(yield* contentsOf(file), first)
        }
      }).pipe(Effect.provide(layer))
    )

    it.effect("says of files without anything in them that they are documents, having read next to nothing", () =>
      Effect.gen(function* () {
        const unpacker = yield* Unpacker
        for (const content of ["", "plain text, From nobody", "# A page\n\nwith text", '{"a":[1,2]}', "%PDF-1.7"]) {
          let read = 0
          const file = fileOf("a", content.padEnd(100_000, " "))
          const range = (from: number, to: number) => {
            read += to - from
            return file.range(from, to)
          }
          const opened = yield* unpacker.open({ ...file, range })
          assert.isTrue(opened.isDocument, content)
          assert.isUndefined(opened.items, content)
          assert.isAtMost(read, 1024)
        }
      }).pipe(Effect.provide(layer))
    )
  })
}
