import { assert } from "@effect/vitest"
import { Effect, Result } from "effect"
import { layerCalling } from "../../src/layers/Parsers.ts"
import { ParseError } from "../../src/domain/ParseError.ts"
import { Parser } from "../../src/services/Parser.ts"
import type { Parsed } from "../../src/services/Parser.ts"
import { assertParsed } from "../suites/Parser.ts"
import { mutate } from "./mutate.ts"
import { makeRandom } from "./random.ts"
import { zipOf } from "./zip.ts"

/** The parts of an office file by their names. */
export type Parts = Readonly<Record<string, string | Uint8Array>>

export const read = (uri: string, content: Parts | Uint8Array) =>
  Effect.gen(function* () {
    const parser = yield* Parser
    const parsed = yield* parser.parse(uri, content instanceof Uint8Array ? content : zipOf(content))
    assertParsed(parsed, uri)
    for (const { at } of parsed.statements ?? []) assert.isTrue(at >= 0 && at < parsed.text.length)
    return parsed
  }).pipe(Effect.provide(layerCalling))

export const readFails = (uri: string, content: Parts | Uint8Array) => Effect.flip(read(uri, content))

/** Blocks as `kind text`, headings with their level. */
export const shown = ({ blocks, text }: Parsed): ReadonlyArray<string> =>
  blocks.map(({ end, kind, level, start }) => `${kind}${level ?? ""} ${text.slice(start, end)}`)

/** Facts as `source TYPE target`, with the beginning of the text that they stand at. */
export const stated = ({ statements, text }: Parsed): ReadonlyArray<string> =>
  (statements ?? []).flatMap(({ at, facts }) =>
    facts.map(({ source, target, type }) => `${source} ${type} ${target} @ ${text.slice(at, at + 7)}`)
  )

/** A part of relationships: id, last word of the type, target, and whether that is outside of the package. */
export const relationships = (
  ...list: ReadonlyArray<readonly [id: string, type: string, target: string, isExternal?: boolean]>
): string =>
  `<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships">${list
    .map(
      ([id, type, target, isExternal]) =>
        `<Relationship Id="${id}" Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/${type}" Target="${target}"${isExternal === true ? ' TargetMode="External"' : ""}/>`
    )
    .join("")}</Relationships>`

export const coreXml =
  `<cp:coreProperties xmlns:cp="c" xmlns:dc="d" xmlns:dcterms="t"><dc:title>Harbour plan</dc:title>` +
  `<dc:creator>Ann Lee;Bob Stone</dc:creator><cp:keywords>harbour, cranes</cp:keywords>` +
  `<dcterms:created>2024-05-06T07:08:09Z</dcterms:created></cp:coreProperties>`

/** Whatever befalls the file or the XML in it: it is read and holds the invariants, or fails with a reason in time. */
export const survives = (uri: string, parts: Parts, seeds = 120) =>
  Effect.gen(function* () {
    const names = Object.keys(parts)
    let readCount = 0
    for (let seed = 1; seed <= seeds; seed++) {
      const random = makeRandom(seed)
      let content: Uint8Array
      if (random.int(3) === 0) content = mutate(random, [[uri, zipOf(parts)]], String(seed)).content
      else {
        const name = names[random.int(names.length)] ?? ""
        const part = Buffer.from(parts[name] ?? "")
        content = zipOf({ ...parts, [name]: mutate(random, [[name, part]], String(seed)).content })
      }
      const result = yield* Effect.result(read(uri, content))
      if (Result.isSuccess(result)) readCount++
      else {
        assert.instanceOf(result.failure, ParseError, `seed ${seed}`)
        assert.notInclude(result.failure.message, "cannot be read (", `seed ${seed}: a fault that no parser reports`)
      }
    }
    assert.isAbove(readCount, seeds / 5)
  })
