import { assert, describe, it } from "@effect/vitest"
import { Effect, Logger, Stream } from "effect"
import { join } from "node:path"
import { layer } from "../../../src/layers/FileSource.ts"
import { slackPeople, wrapSlackDay } from "../../../src/layers/parsers/chats/Slack.ts"
import * as Parsers from "../../../src/layers/Parsers.ts"
import { DocumentSource } from "../../../src/services/DocumentSource.ts"
import { Parser } from "../../../src/services/Parser.ts"
import { temporaryDirectory } from "../../support/temporaryDirectory.ts"

const users = JSON.stringify([
  { id: "U0000ADA1", name: "ada", profile: { real_name: "Ada Moreno" } },
  { id: "U0000BEN1", name: "ben", profile: { real_name: "Ben Okafor" } }
])
const day = JSON.stringify([
  { type: "message", user: "U0000ADA1", text: "Is the valve <@U0000BEN1> tested?", ts: "1714557600.000100" },
  { type: "message", user: "U0000BEN1", text: "It is.", ts: "1714557660.000200" }
])
const files = {
  "export/canvases.json": "[]",
  "export/channels.json": "[]",
  "export/dms.json": "[]",
  "export/general/2024-05-01.json": day,
  "export/general/2024-05-02.json": day,
  "export/general/notes.json": "[]",
  "export/huddle_transcripts.json": "[]",
  "export/integration_logs.json": "[]",
  "export/random/2024-05-01.json": day,
  "export/users.json": users
}

const items = (paths: ReadonlyArray<string>, cwd: string) =>
  Effect.flatMap(DocumentSource, ({ items }) => Stream.runCollect(items)).pipe(
    Effect.provide(layer(paths, { maxBytes: 10_000, cwd }))
  )
const uris = (paths: ReadonlyArray<string>, cwd: string) =>
  Effect.map(items(paths, cwd), (found) => found.map(({ uri }) => uri))

const wrapped = (channel: string) => {
  const encode = (text: string) => new TextEncoder().encode(text)
  return new TextDecoder().decode(wrapSlackDay(channel, slackPeople(encode(users)), encode(day)))
}

describe("a Slack export", () => {
  it.effect("gives its days, and not the lists that name their people", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory(files)
      const expected = [
        "export/general/2024-05-01.json",
        "export/general/2024-05-02.json",
        "export/general/notes.json",
        "export/huddle_transcripts.json",
        "export/random/2024-05-01.json"
      ]
      assert.deepStrictEqual(yield* uris(["export"], cwd), expected)
      assert.deepStrictEqual(yield* uris(["."], cwd), expected)
      assert.deepStrictEqual((yield* uris(["export/**/*.json"], cwd)).toSorted(), expected)
      assert.deepStrictEqual(yield* uris(["export/users.json"], cwd), ["export/users.json"])
    })
  )

  it.effect.each(["export", "export/general", "export/*/2024-05-01.json", "export/general/2024-05-01.json"])(
    "has people by name in a day that was found by %s",
    (path) =>
      Effect.gen(function* () {
        const cwd = yield* temporaryDirectory(files)
        const found = (yield* items([path], cwd)).find(({ uri }) => uri === "export/general/2024-05-01.json")
        if (found === undefined) return assert.fail("no day")
        const bytes = yield* found.read
        assert.strictEqual(new TextDecoder().decode(bytes), wrapped("general"))
        assert.deepStrictEqual([found.size, found.range], [undefined, undefined])
        const { text } = yield* Effect.flatMap(Parser, ({ parse }) => parse(found.uri, bytes)).pipe(
          Effect.provide(Parsers.layerCalling)
        )
        assert.include(text, "Ada Moreno")
        assert.include(text, "Ben Okafor")
        assert.notInclude(text, "U0000")
      })
  )

  it.effect("whose people cannot be read has them by their ids, and says so in the log", () =>
    Effect.gen(function* () {
      const cwd = yield* temporaryDirectory({ ...files, "export/users.json": `[${" ".repeat(10_000)}]` })
      const [found, other] = yield* items(["export"], cwd)
      if (found === undefined || other === undefined) return assert.fail("no day")
      const logged: Array<string> = []
      const logger = Logger.make(({ message }) => void logged.push(String(message)))
      const bytes = yield* Effect.andThen(other.read, found.read).pipe(Effect.provide(Logger.layer([logger])))
      assert.include(new TextDecoder().decode(bytes), "U0000ADA1")
      assert.strictEqual(logged.length, 1)
      assert.include(logged[0], "users.json")
    })
  )

  it.effect("is none without days, or without a list of channels: all of it is taken as it is", () =>
    Effect.gen(function* () {
      const fixtures = { "d/channels.json": "[]", "d/general/other.json": "[]", "d/users.json": users }
      const cwd = yield* temporaryDirectory({
        ...fixtures,
        "e/diary/2024-05-01.json": day,
        "e/users.json": users,
        "f/diary/2024-05-01.json": day
      })
      assert.deepStrictEqual(yield* uris(["d"], cwd), Object.keys(fixtures))
      const [diary, ...rest] = yield* items(["e"], cwd)
      assert.deepStrictEqual([diary?.size, rest.map(({ uri }) => uri)], [day.length, ["e/users.json"]])
      const [other] = yield* items([join(cwd, "f")], cwd)
      assert.strictEqual(other?.size, day.length)
    })
  )
})
