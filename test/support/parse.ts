import { assert } from "@effect/vitest"
import { Effect, Result } from "effect"
import { layerCalling } from "../../src/layers/Parsers.ts"
import { ParseError } from "../../src/domain/ParseError.ts"
import { Parser } from "../../src/services/Parser.ts"
import type { Parsed } from "../../src/services/Parser.ts"
import { assertParsed } from "../suites/Parser.ts"
import { mutate } from "./mutate.ts"
import { makeRandom } from "./random.ts"

const bytesOf = (content: string | Uint8Array): Uint8Array =>
  typeof content === "string" ? new TextEncoder().encode(content) : content

/** What the parsers make of a document, by whatever format it is found to be in. */
export const parse = (uri: string, content: string | Uint8Array) =>
  Effect.gen(function* () {
    const parser = yield* Parser
    const parsed = yield* parser.parse(uri, bytesOf(content))
    assertParsed(parsed, uri)
    for (const { at } of parsed.statements ?? []) assert.isTrue(at >= 0 && at < parsed.text.length)
    return parsed
  }).pipe(Effect.provide(layerCalling))

export const parseFails = (uri: string, content: string | Uint8Array) => Effect.flip(parse(uri, content))

/** Blocks by kind and text. */
export const pieces = ({ blocks, text }: Parsed) =>
  blocks.map(({ end, kind, start }) => [kind, text.slice(start, end)] as const)

/** Facts as `source TYPE target`, with the text that they stand at. */
export const facts = ({ statements, text }: Parsed) =>
  (statements ?? []).flatMap(({ at, facts: stated }) =>
    stated.map(({ source, target, type }) => [`${source} ${type} ${target}`, text.slice(at, at + 10)] as const)
  )

/** Damaged copies of a document are read, or fail with a reason; what they become holds the invariants of documents. */
export const survivesDamage = (uri: string, content: string | Uint8Array, seeds = 200) =>
  Effect.gen(function* () {
    const bytes = bytesOf(content)
    for (let seed = 1; seed <= seeds; seed++) {
      const damaged = mutate(makeRandom(seed), [[uri, bytes]], String(seed))
      const result = yield* Effect.result(parse(damaged.uri, damaged.content))
      if (Result.isFailure(result)) {
        assert.instanceOf(result.failure, ParseError, `seed ${seed}`)
        assert.notInclude(result.failure.message, " cannot be read (", `seed ${seed}: a fault that no parser reports`)
      }
    }
  })
