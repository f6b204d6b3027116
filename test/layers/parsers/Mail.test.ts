import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { partsOf } from "../../../src/layers/containers/parts.ts"
import { makeUnique, mayHoldText } from "../../../src/layers/parsers/mail/attachments.ts"
import { withoutHtmlQuotes } from "../../../src/layers/parsers/mail/htmlQuotes.ts"
import { withoutQuotes } from "../../../src/layers/parsers/mail/quotes.ts"
import { readSubject } from "../../../src/layers/parsers/mail/subjects.ts"
import { facts, parse, parseFails, pieces, survivesDamage } from "../../support/parse.ts"

const head = [
  "Received: from x by y; Tue, 4 Mar 2025 08:12:01 +0000",
  "Message-ID: <a1@brightwater.example>",
  "From: =?utf-8?q?Zo=C3=AB_M=C3=BCller?= <zoe@brightwater.example>",
  'To: "Moreno, Ada" <ada@northwind.example>, helen@caldera.example',
  "Cc: Team: Tomas Lindqvist <tomas@northwind.example>;",
  "Date: Tue, 4 Mar 2025 09:12:00 +0100"
]
const mail = (fields: ReadonlyArray<string>, body: string): string =>
  [...head, ...fields, "", body].join("\r\n").replaceAll(/\r?\n/g, "\r\n")
const texts = (uri: string, content: string | Uint8Array) =>
  Effect.map(parse(uri, content), (parsed) => pieces(parsed).map(([, text]) => text))
const body = (uri: string, content: string | Uint8Array) => Effect.map(texts(uri, content), (all) => all.slice(1))
const latin1 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "latin1"))

const answer = { isAnswer: true, isForward: false }
const fresh = { isAnswer: false, isForward: false }

const multipart = mail(
  ["Subject: Parts", "MIME-Version: 1.0", 'Content-Type: multipart/mixed; boundary="outer"'],
  `preamble
--outer
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: quoted-printable

The collar is ready, says Zo=C3=AB.
--inner
Content-Type: text/html

<p>The collar is <b>ready</b>.</p>
--inner--
--outer
Content-Type: text/csv; name="prices.csv"
Content-Disposition: attachment; filename*=UTF-8''prices%20Z%C3%BCrich.csv

part,price
collar,40
--outer
Content-Type: image/png; name="photo.png"
Content-Disposition: attachment; filename="photo.png"
Content-Transfer-Encoding: base64

iVBORw0KGgo=
--outer
Content-Type: message/rfc822

From: Helen Okafor <helen@caldera.example>
To: zoe@brightwater.example
Subject: Within
Date: Mon, 3 Mar 2025 10:00:00 +0000

Rodrigo Sepulveda signed.
--outer--
epilogue`
)

describe("mail", () => {
  it.effect("is its header as people read it, its body, and the names of what is attached", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("a.eml", multipart)
      assert.strictEqual(parsed.mediaType, "message/rfc822")
      assert.strictEqual(parsed.title, "Parts")
      assert.strictEqual(parsed.date, "2025-03-04T09:12:00+01:00")
      assert.deepStrictEqual(pieces(parsed), [
        [
          "paragraph",
          "From: Zoë Müller <zoe@brightwater.example>\nTo: Ada Moreno <ada@northwind.example>, helen@caldera.example\n" +
            "Cc: Tomas Lindqvist <tomas@northwind.example>\nDate: Tue, 4 Mar 2025 09:12:00 +0100\nSubject: Parts"
        ],
        ["paragraph", "The collar is ready, says Zoë."],
        [
          "paragraph",
          "Attachment: prices Zürich.csv (text/csv, 21 bytes)\nAttachment: photo.png (image/png, 8 bytes)\n" +
            "Attachment: part-3.eml (message/rfc822, 151 bytes)"
        ]
      ])
    })
  )

  it.effect(
    "states nothing of newsletters and reports, and of a mailbox for a role; of a list's discussions it does",
    () =>
      Effect.gen(function* () {
        const factsIn = (text: string) =>
          Effect.map(parse("a.eml", text), (parsed) => facts(parsed).map(([fact]) => fact))
        const letter = (...fields: ReadonlyArray<string>) =>
          [
            "From: Halcyon Shop <hi@halcyon.example>",
            "To: ada@northwind.example",
            "Subject: Spring is here",
            ...fields
          ].join("\r\n") + "\r\n\r\nNew colours.\r\n"
        assert.deepStrictEqual(yield* factsIn(letter("List-Unsubscribe: <https://halcyon.example/u>")), [])
        assert.deepStrictEqual(yield* factsIn(letter("Precedence: bulk")), [])
        assert.deepStrictEqual(yield* factsIn(letter("Auto-Submitted: auto-generated")), [])
        const discussion = ["List-Unsubscribe: <https://l.example/u>", "List-Post: <mailto:l@l.example>"]
        assert.include(yield* factsIn(letter(...discussion)), "Halcyon Shop PARTICIPATED_IN Spring is here")
        assert.deepStrictEqual(
          yield* factsIn("From: Ada Moreno <ada@x.example>\r\nTo: team@x.example\r\nSubject: Plan\r\n\r\nHi.\r\n"),
          ["Ada Moreno PARTICIPATED_IN Plan"]
        )
      })
  )

  it.effect("states who wrote to whom, and in which thread", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("a.eml", mail(["Subject: Re: AW: [trial] WG: Collar"], "Yes."))
      assert.deepStrictEqual(
        facts(parsed).map(([fact]) => fact),
        [
          "Zoë Müller CONTACTED Ada Moreno",
          "Zoë Müller CONTACTED helen@caldera.example",
          "Zoë Müller CONTACTED Tomas Lindqvist",
          ...["Zoë Müller", "Ada Moreno", "helen@caldera.example", "Tomas Lindqvist"].map(
            (name) => `${name} PARTICIPATED_IN [trial] Collar`
          )
        ]
      )
      assert.deepStrictEqual(
        parsed.statements?.flatMap(({ entities }) => entities).find(({ name }) => name === "Ada Moreno")?.aliases,
        ["ada@northwind.example"]
      )
    })
  )

  it("knows answers and what is passed on by the subject, in many languages", () => {
    const cases = [
      ["Re: Collar", true, false, "Collar"],
      ["AW: WG: Collar", true, false, "Collar"],
      ["Fwd: Re: Collar", false, true, "Collar"],
      ["RE[2]: Collar", true, false, "Collar"],
      ["[dev] Re: Collar", true, false, "[dev] Collar"],
      ["回复：Collar", true, false, "Collar"],
      ["Reminder: Collar", false, false, "Reminder: Collar"],
      ["", false, false, ""]
    ] as const
    for (const [subject, isAnswer, isForward, thread] of cases) {
      assert.deepStrictEqual(readSubject(subject), { isAnswer, isForward, thread }, subject)
    }
  })

  it.effect("taken from a mailbox loses its From line", () =>
    Effect.gen(function* () {
      const taken = `From zoe@brightwater.example Tue Mar  4 09:12:00 2025\n${mail(["Subject: Taken"], "Hello Ada.")}`
      assert.deepStrictEqual(yield* body("box#1", taken), ["Hello Ada."])
    })
  )

  it.effect("joins lines that a program broke, and keeps those that people broke", () =>
    Effect.gen(function* () {
      const text = [
        "We measured the connector in the harbour of Caldera, where Helen",
        "Okafor helped us, and it was tight.",
        "",
        "- the collar, which takes six weeks and is made by Brightwater of",
        "  Southampton",
        "- the seal",
        "",
        "Kind regards",
        "Zoë",
        "",
        "-- ",
        "Zoë Müller",
        "Southampton"
      ].join("\n")
      assert.deepStrictEqual(
        yield* body("a.eml", mail(["Subject: x", "Content-Type: text/plain; charset=utf-8"], text)),
        [
          "We measured the connector in the harbour of Caldera, where Helen Okafor helped us, and it was tight.",
          "- the collar, which takes six weeks and is made by Brightwater of Southampton\n- the seal",
          "Kind regards\nZoë",
          "Zoë Müller\nSouthampton"
        ]
      )
      const flowed = mail(
        ["Subject: Re: x", "Content-Type: text/plain; charset=us-ascii; format=flowed"],
        "This goes on \nhere.\n\n> their last word \nThe answer to it."
      )
      assert.deepStrictEqual(yield* body("a.eml", flowed), ["This goes on here.", "The answer to it."])
    })
  )

  it.effect("without plain text is read as a page, also if the plain text only says so", () =>
    Effect.gen(function* () {
      const page = `<h1>News</h1><p>${"The Caldera Port Authority accepts the buoy. ".repeat(5)}</p>`
      const only = mail(["Subject: Page", "Content-Type: text/html; charset=utf-8"], page)
      const standIn = mail(
        ["Subject: Page", "Content-Type: multipart/alternative; boundary=b"],
        `--b\n\nView this in your browser.\n--b\nContent-Type: text/html\n\n${page}\n--b--`
      )
      for (const content of [only, standIn]) {
        const parsed = yield* parse("a.eml", content)
        assert.deepInclude(pieces(parsed), ["heading", "News"])
        assert.include(parsed.text, "The Caldera Port Authority accepts the buoy.")
        assert.notInclude(parsed.text, "View this")
      }
    })
  )

  it.effect("is read in the encoding it is in, whatever it says", () =>
    Effect.gen(function* () {
      const fields =
        "From: J\xfcrgen <j@x.example>\nTo: a@b.example\nSubject: Gr\xfc\xdfe aus K\xf6ln\nDate: Mon, 3 Mar 2025 10:00:00 +0100\n"
      const text = "Die L\xf6sung f\xfcr das Ger\xe4t hei\xdft \xdcbung, sch\xf6ne Gr\xfc\xdfe aus M\xfcnchen."
      for (const type of ["", "Content-Type: text/plain; charset=utf-8\n"]) {
        const parsed = yield* parse("a.eml", latin1(`${fields}${type}\n${text}`))
        assert.strictEqual(parsed.title, "Grüße aus Köln")
        assert.include(parsed.text, "Die Lösung für das Gerät heißt Übung")
      }
      const declared = latin1(
        `From: a@b.c\nTo: d@e.f\nSubject: x\nContent-Type: text/plain; charset=iso-8859-15\n\n5 \xa4`
      )
      assert.include((yield* parse("a.eml", declared)).text, "5 €")
      const words = mail(["Subject: =?utf-8?q?caf=C3?= =?utf-8?q?=A9?= =?x-none?q?a?= =?utf-8?b?broken"], "x")
      assert.match((yield* parse("a.eml", words)).title, /^café/)
      const ascii = mail(["Subject: x", "Content-Type: text/plain; charset=us-ascii"], "Zürich")
      assert.deepStrictEqual(yield* body("a.eml", ascii), ["Zürich"])
    })
  )

  it.effect("whose parts cannot be told apart is read as it stands, or by the boundary that is there", () =>
    Effect.gen(function* () {
      const lost = mail(
        ["Subject: x", "Content-Type: multipart/mixed; boundary=nope"],
        "No boundary here,\u0000 just text."
      )
      assert.deepStrictEqual(yield* body("a.eml", lost), ["No boundary here,\ufffd just text."])
      const unnamed = multipart.replace(' boundary="outer"', "")
      assert.strictEqual((yield* parse("a.eml", unnamed)).text, (yield* parse("a.eml", multipart)).text)
      const cut = multipart.slice(0, multipart.indexOf("photo.png"))
      const parsed = yield* parse("a.eml", cut)
      assert.include(parsed.text, "The collar is ready")
      assert.include(parsed.text, "prices Zürich.csv")
    })
  )

  it.effect("named .eml without any header is plain text", () =>
    Effect.gen(function* () {
      assert.strictEqual(
        (yield* parse("a.eml", "Dear Ada,\n\nno header at all.")).text,
        "Dear Ada,\n\nno header at all."
      )
    })
  )

  it.effect("that is nested or large beyond reason fails with what is wrong", () =>
    Effect.gen(function* () {
      const deep = (levels: number) =>
        Array.from({ length: levels }, (_, at) => `Content-Type: multipart/mixed; boundary=b${at}\n\n--b${at}\n`).join(
          ""
        )
      const nested = yield* parseFails("a.eml", `${head.join("\n")}\n${deep(1000)}\nx`)
      assert.strictEqual(nested.reason, "malformed")
      assert.include(nested.message, "parts in parts")
      const header = yield* parseFails("a.eml", mail([`X: ${"x ".repeat(5_000_000)}`], "x"))
      assert.strictEqual(header.reason, "too-large")
      const lines = yield* parseFails("a.eml", mail(["Subject: x"], "\n".repeat(1_000_001)))
      assert.strictEqual(lines.reason, "too-large")
      const mails = `${head.join("\n")}\n${"Content-Type: message/rfc822\n\n".repeat(1000)}x`
      assert.include((yield* parse("a.eml", mails)).text, "Attachment: part-1.eml")
    })
  )

  it.effect("of ten thousand parts is read", () =>
    Effect.gen(function* () {
      const part = "--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=x.txt\n\nhello\n"
      const many = mail(["Subject: x", "Content-Type: multipart/mixed; boundary=b"], `${part.repeat(10_000)}--b--`)
      const parts = yield* Effect.promise(() => partsOf("a.eml", new TextEncoder().encode(many)))
      assert.strictEqual(new Set(parts.map(({ name }) => name)).size, 10_000)
    })
  )

  it.effect("survives damage", () => survivesDamage("a.eml", multipart, 300))
})

describe("quotes in answers", () => {
  it("are left out with the line that says whose they are; answers between them stay", () => {
    const text = [
      "Hi Zoë,",
      "",
      "> Did you get the parts?",
      "> They left on Monday.",
      "",
      "Yes, on Tuesday.",
      "",
      "> Who signed?",
      "Tomas.",
      "",
      "On Mon, 3 Mar 2025 at 10:00, Zoë Müller <zoe@brightwater.example>",
      "wrote:",
      "> Hello",
      ">> older"
    ].join("\n")
    assert.strictEqual(withoutQuotes(text, answer).replaceAll(/\n+/g, "|"), "Hi Zoë,|Yes, on Tuesday.|Tomas.|")
  })

  it("are known by their first line in the languages of the common programs", () => {
    for (const line of [
      "On Mon, Mar 3, 2025 at 10:00 AM Zoë <z@x.example> wrote:",
      "Am 03.03.2025 um 10:00 schrieb Zoë Müller:",
      "Le lun. 3 mars 2025 à 10:00, Zoë a écrit :",
      "El lun, 3 mar 2025 a las 10:00, Zoë (<z@x.example>) escribió:",
      "Il giorno lun 3 mar 2025 alle ore 10:00 Zoë ha scritto:",
      "Zoë Müller wrote:"
    ]) {
      assert.strictEqual(withoutQuotes(`Agreed.\n\n${line}\n> old\n`, fresh).trim(), "Agreed.", line)
    }
    assert.include(withoutQuotes("We need three things:\n\n> one\n", answer), "We need three things:")
  })

  it("as Outlook copies them are left out to the end, with or without a line before the header", () => {
    const header = "From: Zoë Müller\nSent: Monday, March 3, 2025 10:00 AM\nTo: Ada\nSubject: Price\n\nIt is 500 EUR.\n"
    for (const before of [
      "-----Original Message-----\n",
      "________________________________\n",
      "",
      "-----Ursprüngliche Nachricht-----\n"
    ]) {
      assert.strictEqual(withoutQuotes(`We agree.\n\n${before}${header}`, answer).trim(), "We agree.", before)
      assert.include(withoutQuotes(`We agree.\n\n${before}${header}`, fresh), "500 EUR", "no answer")
      assert.include(withoutQuotes(`See my answers inline.\n\n${before}${header}`, answer), "500 EUR", "answers within")
    }
  })

  it("stay where they may stand nowhere else: alone, passed on, in a mail that answers nothing", () => {
    assert.strictEqual(withoutQuotes("> It is 500 EUR.\n> Yes.\n", answer), "It is 500 EUR.\nYes.\n")
    assert.strictEqual(withoutQuotes("> It is 500 EUR.\n-- \nZoë", answer), "It is 500 EUR.\n-- \nZoë")
    const passedOn = "FYI\n\n---------- Forwarded message ---------\nFrom: Zoë\n\n> It is 500 EUR.\n"
    assert.strictEqual(withoutQuotes(passedOn, answer), passedOn)
    assert.strictEqual(
      withoutQuotes("FYI\n> It is 500 EUR.\n", { isAnswer: true, isForward: true }),
      "FYI\n> It is 500 EUR.\n"
    )
    assert.strictEqual(
      withoutQuotes("As the manual says:\n\n> Keep dry.\n", fresh),
      "As the manual says:\n\n> Keep dry.\n"
    )
  })

  it("in pages are left out as well", () => {
    const gmail =
      '<div>We agree.</div><div class="gmail_quote"><div class="gmail_attr">On Monday Zoë wrote:<br></div>' +
      '<blockquote class="gmail_quote"><p>It is 500 EUR.</p></blockquote><div>And thanks.</div></div>'
    const shown = withoutHtmlQuotes(gmail, answer)
    assert.include(shown, "We agree.")
    assert.include(shown, "And thanks.")
    assert.notInclude(shown, "500 EUR")
    assert.notInclude(shown, "Monday")
    const outlook = '<p>We agree.</p><hr><div id="divRplyFwdMsg">From: Zoë</div><div>It is 500 EUR.</div>'
    assert.notInclude(withoutHtmlQuotes(outlook, answer), "500 EUR")
    assert.strictEqual(withoutHtmlQuotes(gmail, fresh), gmail)
    const alone = '<blockquote type="cite">It is 500 EUR.</blockquote>'
    assert.strictEqual(withoutHtmlQuotes(alone, answer), alone)
  })
})

describe("attachments", () => {
  it.effect("that may hold text are parts of their own, each under a name of its own", () =>
    Effect.gen(function* () {
      const parts = yield* Effect.promise(() => partsOf("a.eml", new TextEncoder().encode(multipart)))
      assert.deepStrictEqual(
        parts.map(({ name }) => name),
        ["prices Zürich.csv", "part-3.eml"]
      )
      const within = yield* parse("a.eml#part-3.eml", parts[1]?.bytes ?? "")
      assert.strictEqual(within.title, "Within")
      assert.include(within.text, "Rodrigo Sepulveda signed.")
    })
  )

  it("have unique names that keep their extension", () => {
    const unique = makeUnique()
    assert.deepStrictEqual(["a.txt", "a.txt", "a.txt", "b", "b"].map(unique), [
      "a.txt",
      "a~2.txt",
      "a~3.txt",
      "b",
      "b~2"
    ])
  })

  it("that never hold text are pictures, recordings and signatures", () => {
    assert.isFalse(mayHoldText("image/png", "a.png"))
    assert.isFalse(mayHoldText("application/octet-stream", "a.JPG"))
    assert.isFalse(mayHoldText("application/pgp-signature", "signature.asc"))
    assert.isTrue(mayHoldText("text/calendar", "invite.ics"))
    assert.isTrue(mayHoldText("application/octet-stream", "a.bin"))
  })
})

describe("printed mails", () => {
  const thread = [
    "From: Claire Dunmore <c.dunmore@brightwater.example>",
    "To: Ada Moreno <ada.moreno@northwind.example>",
    "Subject: BW-12 limits",
    "Date: Tue, 4 Mar 2025 09:12:00 +0000",
    "",
    "The seal shrinks below 4 degrees.",
    "",
    "---",
    "",
    "From: Ada Moreno <ada.moreno@northwind.example>",
    "To: Ingrid Solheim <ingrid.solheim@northwind.example>",
    "Date: Tue, 18 Mar 2025 16:40:00 +0000",
    "",
    "See below.",
    "",
    "> The seal shrinks below 4",
    "> degrees.",
    "",
    "> This stands nowhere else."
  ].join("\n")

  it.effect("of a text file are read one after the other, without what they quote of each other", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("thread.txt", thread)
      assert.strictEqual(parsed.mediaType, "text/plain")
      assert.strictEqual(parsed.title, "BW-12 limits")
      assert.strictEqual(parsed.date, "2025-03-04T09:12:00+00:00")
      assert.deepStrictEqual(
        pieces(parsed).map(([, text]) => text),
        [
          "From: Claire Dunmore <c.dunmore@brightwater.example>\nTo: Ada Moreno <ada.moreno@northwind.example>\n" +
            "Date: Tue, 4 Mar 2025 09:12:00 +0000\nSubject: BW-12 limits",
          "The seal shrinks below 4 degrees.",
          "From: Ada Moreno <ada.moreno@northwind.example>\nTo: Ingrid Solheim <ingrid.solheim@northwind.example>\n" +
            "Date: Tue, 18 Mar 2025 16:40:00 +0000",
          "See below.",
          "> This stands nowhere else."
        ]
      )
      assert.deepInclude(facts(parsed), ["Ada Moreno CONTACTED Ingrid Solheim", "From: Ada "])
      assert.deepInclude(facts(parsed), ["Ingrid Solheim PARTICIPATED_IN BW-12 limits", "From: Ada "])
    })
  )

  it.effect("by Outlook have names parted by semicolons", () =>
    Effect.gen(function* () {
      const printed =
        "From: Moreno, Ada\nSent: 2025-03-04\nTo: Solheim, Ingrid; Lindqvist, Tomas\nSubject: Buoy\nDate: 2025-03-04\n\nIt floats."
      assert.include((yield* parse("a.txt", printed)).text, "To: Ingrid Solheim, Tomas Lindqvist")
    })
  )
})
