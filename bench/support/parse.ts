/** Parses the files that it is given as the program does, and prints one line of JSON: what it took and how it ended. */
import { readFileSync } from "node:fs"
import { Effect, Result } from "effect"
import * as Parsers from "../../src/layers/Parsers.ts"
import { Parser } from "../../src/services/Parser.ts"
import { recall } from "./words.ts"

const files = process.argv.slice(2)
const inputs = files.map((file) => ({ file, bytes: new Uint8Array(readFileSync(file)) }))

const referenceOf = (file: string): string | undefined => {
  try {
    return readFileSync(`${file}.reference.txt`, "utf8")
  } catch {
    return undefined
  }
}

const program = Effect.gen(function* () {
  const parser = yield* Parser
  const once = Effect.forEach(
    inputs,
    ({ bytes, file }) => Effect.map(Effect.result(parser.parse(file, bytes)), (result) => ({ file, result })),
    { concurrency: 4 }
  )
  const started = performance.now()
  const first = yield* once
  const coldSeconds = (performance.now() - started) / 1000
  const again = performance.now()
  yield* once
  const warmSeconds = (performance.now() - again) / 1000
  const recalls = first.flatMap(({ file, result }) => {
    const reference = referenceOf(file)
    return reference === undefined ? [] : [Result.isSuccess(result) ? recall(reference, result.success.text) : 0]
  })
  return {
    documents: inputs.length,
    bytes: inputs.reduce((sum, { bytes }) => sum + bytes.length, 0),
    characters: first.reduce((sum, { result }) => sum + (Result.isSuccess(result) ? result.success.text.length : 0), 0),
    coldSeconds,
    warmSeconds,
    ...(recalls.length === 0 ? {} : { recall: recalls.reduce((a, b) => a + b, 0) / recalls.length }),
    refused: first.flatMap(({ result }) => (Result.isFailure(result) ? [result.failure.message] : []))
  }
})

const measured = await Effect.runPromise(program.pipe(Effect.provide(Parsers.layer)))
process.stdout.write(`${JSON.stringify(measured)}\n`)
