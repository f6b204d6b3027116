import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { partsOf } from "../../../src/layers/containers/parts.ts"
import { compoundProblem } from "../../../src/layers/parsers/msg/compound.ts"
import { attachedFile, attachedMessage, codepage, makeMsg, property, recipient } from "../../support/msg.ts"
import type { Storage } from "../../support/msg.ts"
import { facts, parse, parseFails, pieces, survivesDamage } from "../../support/parse.ts"

const encoder = new TextEncoder()
const mail: Storage = {
  ...property("0037001F", "RE: Wärmekragen"),
  ...property("0C1A001F", "Moreno, Ada"),
  ...property("5D01001F", "ada@northwind.example"),
  ...property(
    "1000001F",
    "Wir nehmen fünf Stück.\r\n\r\n-----Original Message-----\r\nFrom: Zoë\r\nSent: today\r\nTo: Ada\r\n\r\nWie viele?\r\n"
  ),
  ...property("007D001F", "Date: Tue, 4 Mar 2025 09:12:00 +0100\r\nMessage-ID: <a@b>\r\n\r\n"),
  ...recipient(0, 1, "Zoë Müller", "zoe@brightwater.example"),
  ...recipient(1, 2, "Tomas Lindqvist", "tomas@northwind.example")
}
const inner: Storage = { ...property("0037001F", "Die Preise"), ...property("1000001F", "Ein Kragen kostet 40 Euro.") }
const attached: Storage = {
  ...mail,
  ...attachedFile(0, "preise.csv", "text/csv", encoder.encode("Teil,Preis\nKragen,40\n")),
  ...attachedFile(1, "foto.jpg", "image/jpeg", encoder.encode("jpeg")),
  ...attachedMessage(2, "Die Preise", inner)
}

describe("Outlook messages", () => {
  it.effect("are the same document as a mail: header, own text, names of attachments, who wrote to whom", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("a.msg", makeMsg(attached))
      assert.strictEqual(parsed.mediaType, "application/vnd.ms-outlook")
      assert.strictEqual(parsed.title, "RE: Wärmekragen")
      assert.strictEqual(parsed.date, "2025-03-04T09:12:00+01:00")
      assert.deepStrictEqual(
        pieces(parsed).map(([, text]) => text),
        [
          "From: Ada Moreno <ada@northwind.example>\nTo: Zoë Müller <zoe@brightwater.example>\n" +
            "Cc: Tomas Lindqvist <tomas@northwind.example>\nDate: Tue, 4 Mar 2025 09:12:00 +0100\nSubject: RE: Wärmekragen",
          "Wir nehmen fünf Stück.",
          "Attachment: preise.csv (text/csv, 21 bytes)\nAttachment: foto.jpg (image/jpeg, 4 bytes)\n" +
            "Attachment: Die Preise.msg (application/vnd.ms-outlook)"
        ]
      )
      assert.deepInclude(facts(parsed), ["Ada Moreno CONTACTED Zoë Müller", "From: Ada "])
      assert.deepInclude(facts(parsed), ["Zoë Müller PARTICIPATED_IN Wärmekragen", "From: Ada "])
    })
  )

  it.effect("hold files and messages that are read by themselves; pictures are no parts", () =>
    Effect.gen(function* () {
      const parts = yield* Effect.promise(() => partsOf("a.msg", makeMsg(attached)))
      assert.deepStrictEqual(
        parts.map(({ name }) => name),
        ["preise.csv", "Die Preise.msg"]
      )
      assert.strictEqual(new TextDecoder().decode(parts[0]?.bytes), "Teil,Preis\nKragen,40\n")
      const parsed = yield* parse("b.msg", parts[1]?.bytes ?? "")
      assert.include(parsed.text, "Ein Kragen kostet 40 Euro.")
    })
  )

  it.effect("are read in their code page where they are not Unicode, and as a page where there is no plain text", () =>
    Effect.gen(function* () {
      const russian = makeMsg({
        ...codepage(1251),
        ...property("0037001E", Uint8Array.of(0xcf, 0xf0, 0xe8, 0xe2, 0xe5, 0xf2)),
        ...property("1000001E", Uint8Array.of(0xcc, 0xe8, 0xf0))
      })
      assert.strictEqual((yield* parse("r.msg", russian)).text, "Subject: Привет\n\nМир")
      const page = makeMsg({ ...property("0037001F", "Page"), ...property("1013001F", "<p>Only <b>html</b></p>") })
      assert.strictEqual((yield* parse("p.msg", page)).text, "Subject: Page\n\nOnly html")
    })
  )

  it.effect("whose text is in RTF alone are unsupported, though their attachments are read", () =>
    Effect.gen(function* () {
      const rtf = makeMsg({
        ...property("0037001F", "Rich"),
        ...property("10090102", new Uint8Array(2000)),
        ...attachedFile(0, "a.txt", "text/plain", encoder.encode("hello"))
      })
      const error = yield* parseFails("rtf.msg", rtf)
      assert.strictEqual(error.reason, "unsupported")
      assert.include(error.message, "save it as .eml")
      assert.strictEqual((yield* Effect.promise(() => partsOf("rtf.msg", rtf))).length, 1)
    })
  )

  it.effect("that are damaged fail with a reason, and are never followed for ever", () =>
    survivesDamage("a.msg", makeMsg(attached), 300)
  )

  it.effect("whose chains of sectors lead back into themselves are malformed", () =>
    Effect.gen(function* () {
      const bytes = makeMsg(attached)
      const view = new DataView(bytes.buffer, bytes.byteOffset)
      assert.isUndefined(compoundProblem(bytes))
      const fat = (view.getInt32(76, true) + 1) * 512
      const directory = view.getInt32(48, true)
      view.setInt32(fat + directory * 4, directory, true)
      const error = yield* parseFails("loop.msg", bytes)
      assert.strictEqual(error.reason, "malformed")
      assert.include(error.message, "directory is broken")
    })
  )

  it.effect("within each other are read no deeper than a hundred storages", () =>
    Effect.gen(function* () {
      let nested = inner
      for (let depth = 0; depth < 60; depth++) nested = { ...inner, ...attachedMessage(0, "again", nested) }
      const error = yield* parseFails("deep.msg", makeMsg(nested))
      assert.strictEqual(error.reason, "malformed")
      assert.include(error.message, "messages in messages")
    })
  )
})

const files = process.env["SLUICE_TEST_FILES"]

describe.skipIf(files === undefined)("Outlook messages, real files (SLUICE_TEST_FILES)", () => {
  it.effect("are read", () =>
    Effect.gen(function* () {
      const bytes = new Uint8Array(readFileSync(join(files ?? "", "test_outlook_msg.msg")))
      const parsed = yield* parse("test_outlook_msg.msg", bytes)
      assert.strictEqual(parsed.title, "Test Email Message")
      assert.strictEqual(parsed.date, "2024-12-22T11:23:00+03:00")
      assert.include(parsed.text, "From: M. C. Kurtuluş <test.sender@example.com>\nTo: test.recipient@example.com")
      assert.include(parsed.text, "This is the body of the test email message")
      yield* survivesDamage("test_outlook_msg.msg", bytes, 100)
    })
  )
})
