import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import { layer } from "../../../src/layers/Parsers.ts"
import { parseChatLog } from "../../../src/layers/parsers/ChatLog.ts"
import { looksLikeChatLog } from "../../../src/layers/parsers/chats/lines.ts"
import { ParseError } from "../../../src/domain/ParseError.ts"
import { Parser } from "../../../src/services/Parser.ts"
import type { Parsed } from "../../../src/services/Parser.ts"
import { assertParsed } from "../../suites/Parser.ts"
import { makeRandom } from "../../support/random.ts"

const parse = (uri: string, content: string) =>
  Effect.gen(function* () {
    const parser = yield* Parser
    const parsed = yield* parser.parse(uri, new TextEncoder().encode(content))
    assertParsed(parsed, uri)
    return parsed
  }).pipe(Effect.provide(layer))

/** Kind or speaker, time as ISO 8601 or as seconds where it is counted from the start, and what is said. */
const rows = ({ blocks, text }: Parsed) =>
  blocks.map(({ at, end, kind, speaker, start }) => {
    const said = text.slice(start, end)
    if (kind !== "turn") return [kind, said]
    const time = at === undefined ? "" : at < 1e10 ? String(at / 1000) : new Date(at).toISOString().slice(0, 19)
    return [speaker ?? "", time, speaker === undefined ? said : said.slice(speaker.length + 2)]
  })
const factsOf = ({ statements }: Parsed) => [
  ...new Set(
    (statements ?? []).flatMap(({ facts }) => facts.map(({ source, target, type }) => `${source} ${type} ${target}`))
  )
]

const iPhone = `[31.12.23, 18:59:58] Halcyon Crew: \u200eMessages and calls are end-to-end encrypted. No one outside of this chat can read them.
[31.12.23, 18:59:58] Halcyon Crew: \u200eIngrid Solheim created this group
[31.12.23, 19:02:11] Ingrid Solheim: Happy new year soon!
We meet at 9 on Tuesday:
- bring ropes

- bring the KS-40
[31.12.23, 19:03:40] ~\u202fJoão Teixeira: \u200eimage omitted
[31.12.23, 19:04:02] ~\u202fJoão Teixeira: Look at this https://example.org/a: nice
\u200e[31.12.23, 19:05:00] Helen Okafor: \u200e<attached: 00000012-PHOTO.jpg>
[01.01.24, 09:15:00] +49 170 1234567: I am late
[01.01.24, 09:16:00] Ingrid Solheim: ok \u200e<This message was edited>
[01.01.24, 09:17:00] Helen Okafor: \u200eYou deleted this message.`

const android = `12/31/23, 11:58\u202fPM - Messages and calls are end-to-end encrypted. Tap to learn more.
12/31/23, 11:58\u202fPM - Alice Moore created group "Buoy watch"
12/31/23, 11:59\u202fPM - Alice Moore: Is anybody awake?
1/1/24, 12:01\u202fAM - Bob: yes: always
1/1/24, 12:02\u202fAM - Bob: <Media omitted>
1/1/24, 12:03\u202fAM - Alice Moore: Second line

after a blank one: see?
1/1/24, 12:40\u202fPM - Carla added Dan Ek
1/1/24, 12:41\u202fPM - Dan Ek: Thanks Carla`

describe("logs of WhatsApp", () => {
  it.effect("from an iPhone: dates by day, lines, the group's name, what stands for pictures", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("_chat.txt", iPhone)
      assert.strictEqual(parsed.title, "Halcyon Crew")
      assert.strictEqual(parsed.date, "2023-12-31")
      assert.deepStrictEqual(rows(parsed), [
        ["heading", "Halcyon Crew"],
        ["paragraph", "Ingrid Solheim created this group"],
        [
          "Ingrid Solheim",
          "2023-12-31T19:02:11",
          "Happy new year soon!\nWe meet at 9 on Tuesday:\n- bring ropes\n- bring the KS-40"
        ],
        ["João Teixeira", "2023-12-31T19:04:02", "Look at this https://example.org/a: nice"],
        ["Helen Okafor", "2023-12-31T19:05:00", "[file: 00000012-PHOTO.jpg]"],
        ["+49 170 1234567", "2024-01-01T09:15:00", "I am late"],
        ["Ingrid Solheim", "2024-01-01T09:16:00", "ok"]
      ])
      assert.deepStrictEqual(
        factsOf(parsed),
        ["Ingrid Solheim", "João Teixeira", "Helen Okafor"].map((name) => `${name} PARTICIPATED_IN Halcyon Crew`)
      )
    })
  )

  it.effect("from Android: dates by month, halves of the day, what happened to the group", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("chat.txt", android)
      assert.strictEqual(parsed.title, "Buoy watch")
      assert.deepStrictEqual(rows(parsed), [
        ["heading", "Buoy watch"],
        ["paragraph", 'Alice Moore created group "Buoy watch"'],
        ["Alice Moore", "2023-12-31T23:59:00", "Is anybody awake?"],
        ["Bob", "2024-01-01T00:01:00", "yes: always"],
        ["Alice Moore", "2024-01-01T00:03:00", "Second line\nafter a blank one: see?"],
        ["paragraph", "Carla added Dan Ek"],
        ["Dan Ek", "2024-01-01T12:41:00", "Thanks Carla"]
      ])
    })
  )

  it.effect.each([
    [
      "German, iPhone",
      (text: string, name = "Silvester 🎆") => `[30.12.23, 20:55:00] ${name}: ${text}`,
      [
        "Nachrichten und Anrufe sind Ende-zu-Ende-verschlüsselt. Niemand außerhalb kann sie lesen.",
        "\u200eLena hat die Gruppe „Silvester 🎆“ erstellt"
      ],
      ["\u200eBild weggelassen", "Diese Nachricht wurde gelöscht.", "\u200e<Anhang: 00000012-PHOTO.jpg>\nUnser Hund"],
      "Silvester 🎆",
      "[file: 00000012-PHOTO.jpg]\nUnser Hund"
    ],
    [
      "Spanish, Android",
      (text: string, name = "") => `1/5/2024, 9:01\u202fa.\u00a0m. - ${name}${name && ": "}${text}`,
      [
        "Los mensajes y las llamadas están cifrados de extremo a extremo. Nadie puede leerlos.",
        'Javi creó el grupo "Cena"'
      ],
      ["<Multimedia omitido>", "Eliminaste este mensaje", "IMG-1.jpg (archivo adjunto)\nel perro"],
      "Cena",
      "[file: IMG-1.jpg]\nel perro"
    ],
    [
      "French, Android",
      (text: string, name = "") => `01/05/2024 à 09:01 - ${name}${name && ": "}${text}`,
      [
        "Les messages et les appels sont chiffrés de bout en bout. Aucun tiers ne peut les lire.",
        "Javi a créé le groupe « Dîner »"
      ],
      ["<Médias omis>", "Ce message a été supprimé", "Oui <Ce message a été modifié>"],
      "Dîner",
      "Oui"
    ],
    [
      "Portuguese, Android",
      (text: string, name = "") => `01/05/2024 09:01 - ${name}${name && ": "}${text}`,
      [
        "As mensagens e as ligações são protegidas com a criptografia de ponta a ponta.",
        'Javi mudou o nome do grupo de "A" para "Jantar"'
      ],
      ["<Mídia oculta>", "Mensagem apagada", "Oi"],
      "Jantar",
      "Oi"
    ]
  ] as const)(
    "in %s: the group's name, and none of what stands for what is not text",
    ([, line, notices, said, title, last]) =>
      Effect.gen(function* () {
        const log = [
          ...notices.map((text) => line(text)),
          ...said.map((text, at) => line(text, at % 2 ? "Javi" : "~\u202f+49 171 555")),
          line("ok", "Javi"),
          line("ok", "Javi"),
          line("ok", "~\u202f+49 171 555")
        ]
        const parsed = yield* parse("chat.txt", log.join("\n"))
        assert.strictEqual(parsed.title, title)
        const turns = rows(parsed).filter(([kind]) => kind !== "heading" && kind !== "paragraph")
        assert.deepStrictEqual(
          turns.map(([speaker, , text]) => [speaker, text]),
          [
            ["+49 171 555", last],
            ["Javi", "ok"],
            ["Javi", "ok"],
            ["+49 171 555", "ok"]
          ]
        )
      })
  )

  it.effect("the whole file decides whether days or months stand first", () =>
    Effect.gen(function* () {
      const dates = (written: ReadonlyArray<string>) =>
        parse(
          "c.txt",
          written.map((date, index) => `${date}, 10:00 - ${index % 2 ? "Ann Lee" : "Bo Li"}: hi`).join("\n")
        ).pipe(Effect.map(({ blocks }) => blocks.map(({ at }) => new Date(at ?? 0).toISOString().slice(0, 10))))
      assert.deepStrictEqual(yield* dates(["1/2/24", "2/2/24", "3/2/24", "13/2/24"]), [
        "2024-02-01",
        "2024-02-02",
        "2024-02-03",
        "2024-02-13"
      ])
      assert.deepStrictEqual(yield* dates(["1/2/24", "1/3/24", "1/4/24", "2/14/24"]), [
        "2024-01-02",
        "2024-01-03",
        "2024-01-04",
        "2024-02-14"
      ])
      assert.deepStrictEqual(yield* dates(["1/2/24", "2/2/24", "3/2/24", "4/2/24"]), [
        "2024-02-01",
        "2024-02-02",
        "2024-02-03",
        "2024-02-04"
      ])
      assert.deepStrictEqual(yield* dates(["12/1/24", "12/2/24", "1/3/25", "1/4/25"]), [
        "2024-12-01",
        "2024-12-02",
        "2025-01-03",
        "2025-01-04"
      ])
      assert.deepStrictEqual(yield* dates(["2024-02-01", "2024-02-02", "2024-02-03", "2024-02-04"]), [
        "2024-02-01",
        "2024-02-02",
        "2024-02-03",
        "2024-02-04"
      ])
    })
  )
})

describe("logs of IRC", () => {
  it.effect("irssi: days from the log's own lines, actions, no comings and goings", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "buoys.log",
        `--- Log opened Mon Jan 01 22:58:00 2024
22:58 -!- alice [~alice@example.org] has joined #buoys
22:59 <@bob> did the modem wake up?
22:59 < alice> bob: not yet
23:01  * alice restarts the gateway
--- Day changed Tue Jan 02 2024
00:10 < alice> it is up again
00:11 -!- bob [~bob@example.org] has quit [Quit: leaving]
00:12 -!- alice changed the topic of #buoys to: modem is fine
--- Log closed Tue Jan 02 00:30:00 2024`
      )
      assert.strictEqual(parsed.title, "#buoys")
      assert.strictEqual(parsed.date, "2024-01-01")
      assert.deepStrictEqual(rows(parsed), [
        ["heading", "#buoys"],
        ["bob", "2024-01-01T22:59:00", "did the modem wake up?"],
        ["alice", "2024-01-01T22:59:00", "bob: not yet"],
        ["alice", "2024-01-01T23:01:00", "restarts the gateway"],
        ["alice", "2024-01-02T00:10:00", "it is up again"],
        ["paragraph", "alice changed the topic of #buoys to: modem is fine"]
      ])
      assert.deepStrictEqual(factsOf(parsed), ["bob PARTICIPATED_IN #buoys", "alice PARTICIPATED_IN #buoys"])
    })
  )

  it.effect("HexChat: days from its lines and the year from where logging begins", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "buoys.log",
        `**** BEGIN LOGGING AT Sun Dec 31 22:58:00 2023

Dec 31 22:58:00 *\tNow talking on #buoys
Dec 31 22:59:00 <bob>\tdid the modem wake up?
Dec 31 23:01:00 *\tbob restarts it
Jan 02 00:10:00 <alice>\tit is up again
Jan 02 00:11:00 -NickServ-\tThis nickname is registered
**** ENDING LOGGING AT Tue Jan  2 00:30:00 2024`
      )
      assert.strictEqual(parsed.title, "#buoys")
      assert.deepStrictEqual(rows(parsed).slice(1, 4), [
        ["bob", "2023-12-31T22:59:00", "did the modem wake up?"],
        ["bob", "2023-12-31T23:01:00", "restarts it"],
        ["alice", "2024-01-02T00:10:00", "it is up again"]
      ])
    })
  )

  it.effect("mIRC: what it tells is nobody's, colours are gone; notices are theirs who send them", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "chat.log",
        `Session Start: Fri Jul 14 20:00:01 2023
Session Ident: #chat
[20:00] * Now talking in #chat
[20:00] * Topic is 'Welcome | be nice'
[20:00] * Set by ChanServ!s@s on Mon Jul 03 10:00:00
[20:01] <\u000304Zorro\u0003> hi \u0002all\u0002
[20:02] * bob (~b@host) has joined #chat
[20:02] * Zorro waves
[20:02] * bob is now known as bobby
[20:03] -ChanBot:#chat- build 5 passed
[20:03] <Lady_M> hi
[20:04] <Zorro> bye
Session Close: Fri Jul 14 20:10:00 2023`
      )
      assert.deepStrictEqual(rows(parsed), [
        ["heading", "#chat"],
        ["paragraph", "Topic is 'Welcome | be nice'"],
        ["Zorro", "2023-07-14T20:01:00", "hi all"],
        ["Zorro", "2023-07-14T20:02:00", "waves"],
        ["paragraph", "ChanBot: build 5 passed"],
        ["Lady_M", "2023-07-14T20:03:00", "hi"],
        ["Zorro", "2023-07-14T20:04:00", "bye"]
      ])
    })
  )

  it.effect("weechat, mIRC, energymech and znc", () =>
    Effect.gen(function* () {
      const weechat = yield* parse(
        "dev.weechatlog",
        [
          "12:34:56\t-->\talice (~a@h) has joined #dev",
          "12:35:00\talice\thello there everybody",
          "12:35:10\t@bob\thi alice, what is up?",
          "12:36:00\t *\talice waves at bob",
          "12:38:00\t@bob\tI will look into that now",
          "12:39:00\t<--\talice (~a@h) has quit (Quit)"
        ]
          .map((line) => `2024-01-01 ${line}`)
          .join("\n")
      )
      assert.deepStrictEqual(rows(weechat), [
        ["heading", "#dev"],
        ["alice", "2024-01-01T12:35:00", "hello there everybody"],
        ["bob", "2024-01-01T12:35:10", "hi alice, what is up?"],
        ["alice", "2024-01-01T12:36:00", "waves at bob"],
        ["bob", "2024-01-01T12:38:00", "I will look into that now"]
      ])
      const znc = yield* parse(
        "znc.log",
        "[12:34:56] *** Joins: alice (a@h)\n[12:35:01] <alice> hi\n[12:35:05] <+bob> hello\n[23:59:00] * bob sleeps\n[00:01:00] <alice> good night"
      )
      assert.deepStrictEqual(rows(znc), [
        ["alice", "45301", "hi"],
        ["bob", "45305", "hello"],
        ["bob", "86340", "sleeps"],
        ["alice", "86460", "good night"]
      ])
      const mirc = yield* parse(
        "mirc.log",
        "Session Start: Mon Jan 01 12:00:00 2024\nSession Ident: #ropes\n[12:34] <alice> hi\n[12:34] * Joins: bob (~b@h)\n[12:35] <bob> ho\n[12:36] <alice> hey"
      )
      assert.strictEqual(mirc.title, "#ropes")
      assert.strictEqual(mirc.date, "2024-01-01")
      assert.deepStrictEqual(rows(mirc).slice(-3), [
        ["alice", "2024-01-01T12:34:00", "hi"],
        ["bob", "2024-01-01T12:35:00", "ho"],
        ["alice", "2024-01-01T12:36:00", "hey"]
      ])
    })
  )
})

describe("chats and transcripts of meetings", () => {
  it.effect("Zoom's chat, old and new, with whom a message was meant for", () =>
    Effect.gen(function* () {
      const old = yield* parse(
        "meeting_saved_chat.txt",
        "00:12:34\t From  Alice Smith : Hello everyone\n00:12:50\t From  Bob Lee to Everyone : Hi\n00:13:10\t From  Carol Ek to Alice Smith (Direct Message) : psst\n\tsecond line\n"
      )
      assert.deepStrictEqual(rows(old), [
        ["Alice Smith", "754", "Hello everyone"],
        ["Bob Lee", "770", "Hi"],
        ["Carol Ek", "790", "psst\nsecond line"]
      ])
      assert.deepStrictEqual(factsOf(old), ["Carol Ek CONTACTED Alice Smith"])
      const fresh = yield* parse(
        "chat.txt",
        "10:12:34 From Alice Smith to Everyone:\n\tHello: all\n10:12:50 From Bob Lee to Everyone:\n\tHi!\n\n\tMore\n"
      )
      assert.deepStrictEqual(rows(fresh), [
        ["Alice Smith", "36754", "Hello: all"],
        ["Bob Lee", "36770", "Hi!\nMore"]
      ])
    })
  )

  it.effect("names above what is said: title, date, people, roles and employers", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "otter.txt",
        `Connector review

Date: April 8, 2025
Attendees: Tomas Lindqvist, Marta Weiss

Tomas Lindqvist (Host)  0:03
Let us be frank.

Ingrid Solheim  0:12
Water came in.
It was at 3 °C.

Tomas Lindqvist (Host)  59:40
What do we buy?

Ada Moreno (Kestrel Labs)  1:03:05
The C-9: it holds.`
      )
      assert.strictEqual(parsed.title, "Connector review")
      assert.strictEqual(parsed.date, "2025-04-08")
      assert.deepStrictEqual(rows(parsed), [
        ["heading", "Connector review"],
        ["paragraph", "Date: April 8, 2025\nAttendees: Tomas Lindqvist, Marta Weiss"],
        ["Tomas Lindqvist", "3", "Let us be frank."],
        ["Ingrid Solheim", "12", "Water came in.\nIt was at 3 °C."],
        ["Tomas Lindqvist", "3580", "What do we buy?"],
        ["Ada Moreno", "3785", "(Kestrel Labs)\nThe C-9: it holds."]
      ])
      assert.sameMembers(
        factsOf(parsed),
        ["Tomas Lindqvist", "Marta Weiss", "Ingrid Solheim", "Ada Moreno"].map(
          (name) => `${name} PARTICIPATED_IN Connector review`
        )
      )
      const before = yield* parse(
        "t.txt",
        "00:00:03 Ann Lee\nHi all.\n\n00:00:09 Bo Li\nHi Ann.\n\n00:01:00 Ann Lee\nSo.\n\n00:02:00 Bo Li\nYes."
      )
      assert.deepStrictEqual(rows(before)[3], ["Bo Li", "120", "Yes."])
    })
  )

  it.effect("times in brackets, and names alone", () =>
    Effect.gen(function* () {
      const timed = yield* parse(
        "sync.txt",
        "Meeting: Weekly sync\n2025-03-04\n\n[00:00:01] Alice Smith (Host): Welcome.\n[00:00:10] Bob Lee: Thanks.\n[00:02:00] Alice Smith (Host): Item one.\nIt takes two days.\n[00:03:00] Bob Lee: Agreed.\n[00:04:00] Speaker 3: Who pays?"
      )
      assert.strictEqual(timed.title, "Weekly sync")
      assert.strictEqual(timed.date, "2025-03-04")
      assert.deepStrictEqual(rows(timed), [
        ["paragraph", "Meeting: Weekly sync\n2025-03-04"],
        ["Alice Smith", "1", "Welcome."],
        ["Bob Lee", "10", "Thanks."],
        ["Alice Smith", "120", "Item one.\nIt takes two days."],
        ["Bob Lee", "180", "Agreed."],
        ["Speaker 3", "240", "Who pays?"]
      ])
      const plain = yield* parse(
        "interview.txt",
        `Interview with the harbour master\n\n${["When did you start?", "In 2009.", "What do you do?", "I answer the telephone: mostly.", "And at night?", "I sleep."].map((text, index) => `${index % 2 ? "Helen Okafor" : "Interviewer"}: ${text}`).join("\n\n")}\n\nThe bell rang.`
      )
      assert.strictEqual(plain.title, "Interview with the harbour master")
      assert.deepStrictEqual(rows(plain).at(-1), ["Helen Okafor", "", "I sleep.\nThe bell rang."])
      assert.deepStrictEqual(factsOf(plain), ["Helen Okafor PARTICIPATED_IN Interview with the harbour master"])
    })
  )

  it.effect("Signal's Markdown is a log, other Markdown with times is Markdown", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "chat.md",
        "[2019-05-29 15:04] Alice: How are you?\n\n[2019-05-29 15:05] Me: Fine.\n\nSo far\n\n[2019-05-30 09:00] Alice: good\n"
      )
      assert.deepStrictEqual(rows(parsed), [
        ["Alice", "2019-05-29T15:04:00", "How are you?"],
        ["Me", "2019-05-29T15:05:00", "Fine.\nSo far"],
        ["Alice", "2019-05-30T09:00:00", "good"]
      ])
      assert.strictEqual(
        (yield* parse("a.md", "# Log\n\n2024-01-01 10:00 started\n\n- Alice: x\n- Bob: y\n")).mediaType,
        "text/markdown"
      )
    })
  )
})

describe("what stands around a transcript", () => {
  it.effect("of Google Meet: title, date and people above; what the program says below is nobody's", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "meet.txt",
        `Sync settimanale – 2024/03/05 09:58 CET – Transcript

Attendees

Elena Rossi, Marco Bianchi, Marco's Presentation

Transcript

00:00:00

Elena Rossi: Buongiorno.
Marco Bianchi: Salve Elena.
Elena Rossi: Ferrari ha mandato il contratto.

00:05:00

Marco Bianchi: Lo firmiamo domani.
Elena Rossi: Va bene.
Marco Bianchi: A dopo.

Meeting ended after 00:06:10 👋

This editable transcript was computer generated and might contain errors.`
      )
      assert.strictEqual(parsed.title, "Sync settimanale – 2024/03/05 09:58 CET – Transcript")
      assert.strictEqual(parsed.date, "2024-03-05")
      assert.deepStrictEqual(rows(parsed).slice(-4), [
        ["Elena Rossi", "300", "Va bene."],
        ["Marco Bianchi", "300", "A dopo."],
        ["paragraph", "Meeting ended after 00:06:10 👋"],
        ["paragraph", "This editable transcript was computer generated and might contain errors."]
      ])
      assert.deepStrictEqual(
        factsOf(parsed),
        ["Elena Rossi", "Marco Bianchi"].map((name) => `${name} PARTICIPATED_IN ${parsed.title}`)
      )
    })
  )

  it.effect("a title with its date in the line below it", () =>
    Effect.gen(function* () {
      const parsed = yield* parse(
        "otter.txt",
        `Interview with Grace Owusu
Mon, Mar 4, 2024 2:00PM • 12:31

Liam  00:00
How did you start?

Grace Owusu  00:07
My father bought the land.

Liam  00:21
Was it hard?

Grace Owusu  00:30
Very.

Transcribed by https://otter.ai`
      )
      assert.strictEqual(parsed.title, "Interview with Grace Owusu")
      assert.strictEqual(parsed.date, "2024-03-04")
      assert.deepStrictEqual(rows(parsed), [
        ["heading", "Interview with Grace Owusu"],
        ["paragraph", "Mon, Mar 4, 2024 2:00PM • 12:31"],
        ["Liam", "0", "How did you start?"],
        ["Grace Owusu", "7", "My father bought the land."],
        ["Liam", "21", "Was it hard?"],
        ["Grace Owusu", "30", "Very."],
        ["paragraph", "Transcribed by https://otter.ai"]
      ])
    })
  )
})

describe("what is no chat", () => {
  const stamped = (lines: ReadonlyArray<string>, stamp = (index: number) => `2024-01-01 12:00:0${index} `) =>
    lines.map((line, index) => `${stamp(index)}${line}`).join("\n")
  const cases: Record<string, string> = {
    "a server's levels": stamped([
      "INFO: Starting",
      "INFO: Connected",
      "WARN: Slow query: 300 ms",
      "ERROR: Failed",
      "INFO: Retrying",
      "WARN: Slow"
    ]),
    "a server's components": stamped([
      "AuthService: in",
      "OrderService: placed",
      "AuthService: out",
      "OrderService: shipped",
      "Backup: done"
    ]),
    "a server's programs": stamped(
      ["nginx: started", "redis: ready", "nginx: started", "redis: saved"],
      (index) => `[2024-01-01 12:00:0${index}] `
    ),
    "a game's server": stamped(
      ["[main/INFO]: a", "[main/INFO]: b", "[io/WARN]: c", "[main/INFO]: d", "[io/WARN]: e"],
      (index) => `[12:34:5${index}] `
    ),
    "a framework's log": stamped(
      ["production.ERROR: x", "local.INFO: y", "production.ERROR: x", "local.INFO: y"],
      (index) => `[2024-01-01 12:00:0${index}] `
    ),
    "a system's log": ["sshd[1]: in", "kernel: usb", "sshd[1]: out", "kernel: usb"]
      .map((line) => `Jan  1 12:34:56 host ${line}`)
      .join("\n"),
    "readings by tabs": stamped(
      ["a\t34.4", "b\t34.5", "a\t34.6", "b\t34.7", "a\t34.8"],
      (index) => `2024-01-01 12:00:0${index}\tsensor `
    ),
    settings:
      "Name: web\nImage: nginx\nPorts:\n- 80\nName: db\nImage: postgres\nPorts:\n- 5432\nName: cache\nImage: redis\n",
    records:
      "Artist: Nina\nAlbum: Blue\nLabel: Verve\n\nArtist: Miles\nAlbum: Kind\nLabel: Columbia\n\nArtist: Bill\nAlbum: Waltz\nLabel: Riverside\n",
    "a recipe":
      "Apple pie\n\nPrep time: 20 min\nCook time: 40 min\nServes: 6\n\nIngredients:\n200 g flour\n\nNote: use cold butter.\nTip: serve warm.\n",
    "questions and answers":
      "Q: What?\nA: A gate.\nQ: Is it fast?\nA: Yes, you see it.\nQ: Is it free?\nA: Yes.\nQ: Do you ship?\nA: No.\n",
    "questions and answers in words":
      "Question: What?\nAnswer: A gate.\nQuestion: Who are you?\nAnswer: I am.\nQuestion: Is it?\nAnswer: Yes.\n",
    "an agenda":
      "09:00 Keynote: The sea\n10:00 Talk: Buoys\n11:00 Talk: Modems\n12:00 Lunch: pizza\n13:00 Keynote: Ropes\n",
    tracks: "Bohemian Rhapsody  5:55\nLove of My Life  3:38\nGood Company  3:23\nBohemian Rhapsody  5:55\n",
    "a printed play":
      "SCENE I. Elsinore.\n\nBERNARDO\nWho's there?\n\nFRANCISCO\nNay, answer me: stand.\n\nBERNARDO\nLong live the king!\n",
    changes: "Added: a\nFixed: b\nAdded: c\nChanged: d\nFixed: e\nAdded: f\nRemoved: g\n",
    "a list of words":
      "Buoy: a float.\nMooring: what holds it.\nProbe: a sensor.\nModem: a radio.\nHull: the body.\nQuay: a wall.\n",
    "notes with times": stamped(["Done: a", "Todo: b", "Done: c", "Todo: d"], (index) => `[2024-01-01 1${index}:00] `),
    code: 'const x = {\n  Name: "x",\n  Type: "y"\n}\ntype A = {\n  Name: string\n}\ncase Foo: return 1\ndefault: return 2\n',
    markup: "<item>\n<name> a </name>\n<name> b </name>\n<kind> c </kind>\n<name> d </name>\n",
    prose: "He said: we go. At 10:30 she came.\n\nMoreover: it rained.\n\nNote: never trust.\n"
  }

  it.each(Object.entries(cases))("%s", (_, content) => {
    assert.isFalse(looksLikeChatLog(content))
  })

  it("is read as plain text if it comes anyway", () => {
    const bytes = new TextEncoder().encode("A title\n\nOne.\n\nTwo.")
    assert.deepStrictEqual(parseChatLog("x.txt", bytes), {
      mediaType: "text/plain",
      title: "A title",
      text: "A title\n\nOne.\n\nTwo.",
      blocks: [
        { kind: "heading", level: 1, start: 0, end: 7 },
        { kind: "paragraph", start: 9, end: 13 },
        { kind: "paragraph", start: 15, end: 19 }
      ]
    })
  })
})

const logPieces = [
  "\n",
  "\n\n",
  "[31.12.23, 18:59:58] ",
  "1/13/24, 12:03 AM - ",
  "99/99/9999, 99:99 - ",
  "12:34 <bob> ",
  "12:34 -!- x has joined #a\n",
  "--- Day changed Tue Jan 32 2024\n",
  "Alice Smith  0:03\n",
  "[00:00:01] ",
  "00:12:34\t From  A B to C D : ",
  "Alice: ",
  "Bob Lee (x): ",
  "Date: 2024-02-30\n",
  "Attendees: A B, C D\n",
  "# h\n",
  "hello ",
  "é",
  "\u200e",
  "\u0007",
  "\ud800",
  "：",
  "\t",
  "田中: はい\n"
] as const

describe("broken logs", () => {
  it.effect("hold the invariants of documents, and every word of what is no mark", () =>
    Effect.gen(function* () {
      let logs = 0
      for (let seed = 0; seed < 500; seed++) {
        const random = makeRandom(seed)
        const start = random.pick([
          iPhone,
          android,
          "[12:35:01] <alice> hi\n[12:35:05] <bob> ho\n[12:35:09] <alice> hi\n",
          ""
        ])
        const content = `${start}\n${random.concat(logPieces, 30)} kept${seed} \n${random.concat(logPieces, 10)}`
        const parser = yield* Parser
        const result = yield* parser.parse("x.txt", new TextEncoder().encode(content)).pipe(Effect.result)
        if (result._tag === "Failure") {
          assert.instanceOf(result.failure, ParseError)
          continue
        }
        assertParsed(result.success, `seed ${seed}`)
        const isLog = result.success.blocks.some(({ kind }) => kind === "turn")
        if (isLog) logs++
        assert.include(result.success.text, "kept", `seed ${seed}`)
      }
      assert.isAbove(logs, 250)
    }).pipe(Effect.provide(layer))
  )

  // The test's own timeout is the bound.
  it("are read in linear time", () => {
    const start = "[2024-01-01 10:00] Al Bo: hi\n[2024-01-01 10:01] Ed Fu: ho\n".repeat(3)
    for (const piece of [
      "a",
      "a: ",
      "[",
      "1:00 ",
      "From a to ",
      " ",
      "* ",
      "(",
      "- ",
      "\n",
      "x\n",
      "<a> ",
      "A B ",
      "Date: ",
      "1/1/24, "
    ]) {
      const long = piece.repeat(Math.ceil(500_000 / piece.length))
      const parsed = parseChatLog("x.txt", new TextEncoder().encode(`${start}${long}`))
      assert.isFalse(parsed instanceof Promise)
      assert.isFalse(looksLikeChatLog(long))
    }
  })
})
