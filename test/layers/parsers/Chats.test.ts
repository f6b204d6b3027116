import { assert, describe, it } from "@effect/vitest"
import { writeChat } from "../../../src/layers/parsers/chats/Conversation.ts"
import { readChat } from "../../../src/layers/parsers/chats/exports.ts"
import { readHtmlChat } from "../../../src/layers/parsers/chats/Html.ts"
import { isSlackExport, slackPeople, slackRoot, wrapSlackDay } from "../../../src/layers/parsers/chats/Slack.ts"
import { telegramChats } from "../../../src/layers/parsers/chats/Telegram.ts"
import { ParseError } from "../../../src/domain/ParseError.ts"
import type { Parsed } from "../../../src/services/Parser.ts"
import * as chats from "../../fixtures/chats.ts"
import { assertParsed } from "../../suites/Parser.ts"
import { makeRandom, type Random } from "../../support/random.ts"

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const decode = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes))

const read = (value: unknown): Parsed => {
  const parsed = readChat("chat.json", value)
  if (parsed === undefined) return assert.fail("is not known as a chat")
  assertParsed(parsed, "chat.json")
  return parsed
}

const turnsOf = ({ blocks, text }: Parsed) =>
  blocks.flatMap(({ at, end, kind, replyTo, speaker, start }) =>
    kind === "turn" ? [{ start, at, speaker, replyTo, said: text.slice(start, end) }] : []
  )
const lines = (parsed: Parsed) => turnsOf(parsed).map(({ said }) => said)
const factsOf = ({ statements }: Parsed) =>
  (statements ?? []).flatMap(({ facts }) => facts.map(({ source, target, type }) => `${source} ${type} ${target}`))

const people = slackPeople(encode(chats.slackUsers()))
const slackDay = (messages: unknown, channel = "halcyon") => decode(wrapSlackDay(channel, people, encode(messages)))
const message = (fields: Record<string, unknown>, index = 0) => ({
  type: "message",
  user: chats.slackId("Ada Moreno"),
  ts: `${1_741_000_000 + index * 60}.000100`,
  ...fields
})

describe("exports of chats", () => {
  const exports: Record<string, { readonly value: unknown; readonly title: string; readonly answers: boolean }> = {
    Slack: { value: slackDay(chats.slackMessages()), title: "#halcyon", answers: true },
    Telegram: { value: chats.telegram(), title: "Halcyon field team", answers: true },
    Discord: { value: chats.discord(), title: "#halcyon", answers: true },
    "Microsoft Teams": { value: chats.teams(), title: "", answers: true },
    "Google Chat": { value: chats.googleChat(), title: "", answers: true },
    Messenger: { value: chats.messenger(), title: "Halcyon", answers: false },
    Signal: { value: chats.signal(), title: "", answers: true },
    "any list of messages": { value: chats.generic(), title: "", answers: false }
  }

  it.each(Object.entries(exports))(
    "%s: each message is a turn, in order, with who, when and what",
    (_, { answers, title, value }) => {
      const parsed = read(value)
      assert.strictEqual(parsed.title, title)
      assert.strictEqual(parsed.date, "2025-03-03")
      const turns = turnsOf(parsed)
      assert.deepStrictEqual(
        turns.map(({ at, said, speaker }) => ({ at, said, speaker })),
        chats.said.map(({ at, speaker, text }) => ({ at, speaker, said: `${speaker}: ${text}` }))
      )
      const facts = new Set(factsOf(parsed))
      if (answers) {
        for (const [index, { answers: answered, id }] of chats.said.entries()) {
          const target = chats.said.findIndex((one) => one.id === answered)
          assert.strictEqual(turns[index]?.replyTo, turns[target]?.start, `message ${id}`)
        }
        assert.isTrue(facts.has("Ingrid Solheim CONTACTED Helen Okafor"))
      }
      for (const speaker of chats.people)
        assert.strictEqual(facts.has(`${speaker} PARTICIPATED_IN ${title}`), title !== "", speaker)
    }
  )

  it("each day of a conversation states anew who takes part, so that each piece of it is evidence", () => {
    const { statements } = read(exports["Slack"]?.value)
    const stated = (statements ?? []).filter(({ facts }) => facts.some(({ type }) => type === "PARTICIPATED_IN"))
    assert.lengthOf(stated, 3 * chats.people.length)
  })

  it("other JSON is no chat", () => {
    const others: ReadonlyArray<unknown> = [
      undefined,
      null,
      1,
      "text",
      [],
      {},
      [[]],
      [1, 2],
      { messages: [] },
      { messages: "none" },
      [{ id: 1, name: "Buoy", price: 3 }],
      [
        { author: "Ada Moreno", title: "On probes", body: "Long text", date: "2025-01-01" },
        { author: "Ada Moreno", title: "On hulls", body: "Long text", date: "2025-01-02" },
        { author: "Bo Li", title: "On hulls", body: "Long text", date: "2025-01-02" }
      ],
      [
        { from: "a@b.example", subject: "Hi", text: "x" },
        { from: "a@b.example", subject: "Hi", text: "y" },
        { from: "c@b.example", subject: "Hi", text: "z" }
      ],
      { type: "FeatureCollection", features: [{ type: "Feature", properties: { name: "x" } }] },
      { value: [{ id: 1, displayName: "x" }] },
      [{ level: "info", message: "started", timestamp: "2025-01-01T00:00:00Z" }]
    ]
    for (const value of others) assert.isUndefined(readChat("x.json", value), JSON.stringify(value))
  })

  it("a chat in which nobody says anything is empty", () => {
    const silent = [message({ text: "", subtype: "channel_join" }), message({ text: " " }, 1)]
    let error: unknown
    try {
      readChat("x.json", silent)
    } catch (thrown) {
      error = thrown
    }
    assert.instanceOf(error, ParseError)
    assert.strictEqual(error.reason, "empty")
  })
})

describe("Slack", () => {
  it("shows marks, mentions, links, files and attachments as people read them", () => {
    const ada = chats.slackId("Ada Moreno")
    const parsed = read(
      slackDay([
        message({
          text: `<@${ada}> and <@U9|bo> see <#C1|general>, <!here>: <https://a.example/x?a=1&amp;b|the *plan*>`
        }),
        message(
          { text: "_so_ *very* 3 * 4 * 5 snake_case_name &lt;b&gt; <!subteam^S1|@crew> <mailto:a@b.c|a@b.c>" },
          1
        ),
        message({ text: "", files: [{ title: "Mooring plan", name: "plan.pdf" }, { mode: "tombstone" }] }, 2),
        message(
          {
            subtype: "bot_message",
            user: undefined,
            bot_id: "B1",
            username: "Fathom",
            text: "",
            attachments: [{ title: "Alarm", text: "silent", fallback: "Alarm: silent" }]
          },
          3
        ),
        message({ text: "left", subtype: "channel_leave" }, 4),
        message(
          {
            text: "",
            blocks: [
              {
                type: "rich_text",
                elements: [
                  {
                    type: "rich_text_section",
                    elements: [
                      { type: "text", text: "by " },
                      { type: "user", user_id: ada }
                    ]
                  }
                ]
              }
            ]
          },
          5
        ),
        message({ user: "U7UNKNOWN7", text: "who am I" }, 6),
        message({ user: "U8PROFILE8", text: "hi", user_profile: { real_name: "Bo Li" } }, 7)
      ])
    )
    assert.deepStrictEqual(lines(parsed), [
      "Ada Moreno: @Ada Moreno and @bo see #general, @here: the plan",
      "Ada Moreno: so very 3 * 4 * 5 snake_case_name <b> @crew a@b.c",
      "Ada Moreno: [file: Mooring plan]",
      "Fathom: Alarm\nsilent",
      "Ada Moreno: by @Ada Moreno",
      "U7UNKNOWN7: who am I",
      "Bo Li: hi"
    ])
    const named = new Set((parsed.statements ?? []).flatMap(({ entities }) => entities.map(({ name }) => name)))
    assert.deepStrictEqual(named, new Set(["Ada Moreno", "Bo Li", "#halcyon"]))
  })

  it("puts a thread behind its first message, also where that is not there", () => {
    const ts = (index: number) => message({}, index).ts
    const parsed = read([
      message({ text: "root" }, 0),
      message({ text: "other" }, 1),
      message({ text: "answer 1", thread_ts: ts(0) }, 2),
      message({ text: "lost answer 1", thread_ts: "1600000000.000100" }, 3),
      message({ text: "last" }, 4),
      message({ text: "lost answer 2", thread_ts: "1600000000.000100" }, 5),
      message({ text: "answer 2", thread_ts: ts(0) }, 6)
    ])
    assert.deepStrictEqual(
      turnsOf(parsed).map(({ replyTo, said }) => [said.split(": ")[1], replyTo]),
      [
        ["root", undefined],
        ["answer 1", 0],
        ["answer 2", 0],
        ["other", undefined],
        ["lost answer 1", undefined],
        ["lost answer 2", undefined],
        ["last", undefined]
      ]
    )
  })

  it("names of direct messages are no channels", () => {
    const titleOf = (channel: string) => read(slackDay([message({ text: "x" })], channel)).title
    assert.strictEqual(titleOf("D01AB23CD4"), "")
    assert.strictEqual(titleOf("mpdm-ada--bo--cy-1"), "Ada Moreno, bo, cy")
    assert.strictEqual(titleOf("general"), "#general")
  })

  it("an export is known by its files, wherever they lie", () => {
    assert.strictEqual(slackRoot(["users.json", "channels.json", "general/2025-03-03.json"]), "")
    assert.strictEqual(slackRoot(["x/users.json", "x/dms.json", "x/D1/2025-03-03.json", "y.json"]), "x/")
    assert.isFalse(isSlackExport(["users.json", "channels.json", "general/notes.json"]))
    assert.isFalse(isSlackExport(["users.json", "general/2025-03-03.json"]))
    assert.isFalse(isSlackExport(["a/users.json", "b/channels.json", "b/general/2025-03-03.json"]))
    assert.isFalse(isSlackExport([]))
  })

  it("a day's bytes depend on the day and the people in it alone", () => {
    const day = encode(chats.slackMessages().slice(0, 3))
    const grown = new Map([["U00000NEW", "New Person"], ...[...people].toReversed()])
    assert.deepStrictEqual(wrapSlackDay("halcyon", grown, day), wrapSlackDay("halcyon", people, day))
    const renamed = new Map(people).set(chats.slackId("Ingrid Solheim"), "Ingrid S.")
    assert.notDeepEqual(wrapSlackDay("halcyon", renamed, day), wrapSlackDay("halcyon", people, day))
  })

  it("without a users.json that can be read, ids stand for names; a broken day stays what it is", () => {
    assert.strictEqual(slackPeople(new TextEncoder().encode("{broken")).size, 0)
    assert.strictEqual(slackPeople(encode({ __proto__: null, members: [{ id: 1 }, null, "x"] })).size, 0)
    const day = wrapSlackDay("halcyon", new Map(), encode([message({ text: "hi" })]))
    assert.deepStrictEqual(lines(read(decode(day))), [`${chats.slackId("Ada Moreno")}: hi`])
    const broken = new TextEncoder().encode("[{")
    assert.strictEqual(wrapSlackDay("halcyon", people, broken), broken)
  })
})

describe("other products", () => {
  it("a full Telegram export is its chats, each under a name of its own", () => {
    const chat = chats.telegram()
    const found = telegramChats(
      encode({
        about: "x",
        chats: { list: [chat, { ...chat, name: "Other" }, { id: 2 }] },
        left_chats: { list: [{ ...chat, id: 5 }] }
      })
    )
    assert.deepStrictEqual(
      found?.map(({ name }) => name),
      ["chat-4711", "chat-4711-2", "chat-5"]
    )
    assert.strictEqual(read(decode(found?.[1]?.bytes ?? encode(null))).title, "Other")
    assert.isUndefined(telegramChats(encode(chat)))
    assert.isUndefined(telegramChats(new TextEncoder().encode('{"chats": {"list": [{"messages":')))
  })

  it("Telegram keeps forwards, polls, stickers and names of files, not what happened to the chat", () => {
    const base = { type: "message", date: "2025-03-03T09:00:00", from: "Bo Li", text: "" }
    const parsed = read({
      name: "Ada Moreno",
      type: "personal_chat",
      messages: [
        { ...base, id: 1, text: ["see ", { type: "link", text: "https://a.example" }], forwarded_from: "News" },
        { ...base, id: 2, poll: { question: "When?", answers: [{ text: "Monday" }, { text: "Tuesday" }] } },
        { ...base, id: 3, media_type: "sticker", file: "stickers/a.webp", sticker_emoji: "👍" },
        { ...base, id: 4, file: "files/plan.pdf", from: null },
        { ...base, id: 5, type: "service", action: "phone_call", text: "" }
      ]
    })
    assert.deepStrictEqual(lines(parsed), [
      "Bo Li: [forwarded from News] see https://a.example",
      "Bo Li: When?\n- Monday\n- Tuesday",
      "Bo Li: 👍",
      "Deleted Account: [file: plan.pdf]"
    ])
    assert.deepStrictEqual(factsOf(parsed), [])
  })

  it("Teams: HTML is text, replies stand behind what they answer, what the system tells is left out", () => {
    const body = (content: string) => ({ contentType: "html", content })
    const from = (displayName: string) => ({ user: { displayName } })
    const parsed = read({
      value: [
        { id: "3", createdDateTime: "2025-03-03T11:00:00Z", from: from("Bo Li"), body: body("<div>later</div>") },
        {
          id: "1",
          createdDateTime: "2025-03-03T09:00:00Z",
          from: from("Ada Moreno"),
          body: body('<p>a &lt;b&gt;<br>c <at id="0">Bo Li</at> <emoji alt="🙂"></emoji></p><script>x</script>'),
          replies: [{ id: "2", createdDateTime: "2025-03-03T12:00:00Z", from: from("Bo Li"), body: body("yes") }]
        },
        {
          id: "4",
          createdDateTime: "2025-03-03T13:00:00Z",
          messageType: "systemEventMessage",
          from: null,
          body: body("<systemEventMessage/>")
        }
      ]
    })
    assert.deepStrictEqual(lines(parsed), ["Ada Moreno: a <b>\nc Bo Li 🙂", "Bo Li: yes", "Bo Li: later"])
    assert.deepStrictEqual(factsOf(parsed), ["Bo Li CONTACTED Ada Moreno"])
  })

  it("conversations with models are read along the branch that was kept, and their nodes once each", () => {
    const node = (id: string, parent: string | null, role: string, text: string) => ({
      id,
      parent,
      message: { author: { role }, content: { content_type: "text", parts: [text] }, create_time: 1_741_000_000 }
    })
    const mapping = {
      a: node("a", "c", "system", "hidden"),
      b: node("b", "a", "user", "What is a buoy?"),
      x: node("x", "b", "assistant", "A bird."),
      c: node("c", "b", "assistant", "A float.")
    }
    const parsed = read([
      { title: "Buoys", mapping, current_node: "c" },
      { title: "More", mapping: { d: node("d", null, "user", "And a quay?") } }
    ])
    assert.strictEqual(parsed.text, "Buoys\n\nUser: What is a buoy?\nAssistant: A float.\n\nMore\n\nUser: And a quay?")
    assert.isUndefined(parsed.statements)
    assert.deepStrictEqual(
      lines(
        read([
          { role: "user", content: "Hi" },
          { role: "assistant", content: [{ type: "text", text: "Hello" }] }
        ])
      ),
      ["user: Hi", "assistant: Hello"]
    )
  })
})

const odd = [
  null,
  true,
  -1,
  1e308,
  "",
  "x",
  "1e999",
  "9".repeat(40),
  [],
  {},
  [[]],
  { text: {} },
  [null],
  "__proto__",
  "9999999999999"
] as const

/** The same value with a few parts of it replaced by something of another type, or taken away. */
const broken = (random: Random, value: unknown, depth = 0): unknown => {
  if (random.next() < (depth === 0 ? 0 : 0.03)) return random.pick(odd)
  if (Array.isArray(value)) return value.map((item: unknown) => broken(random, item, depth + 1))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, inner]) =>
      random.next() < 0.03 ? [] : [[key, broken(random, inner, depth + 1)]]
    )
  )
}

describe("broken exports", () => {
  it("wrong types anywhere lose what they hold and nothing else", () => {
    const exports: ReadonlyArray<unknown> = [
      slackDay(chats.slackMessages()),
      chats.telegram(),
      chats.discord(),
      chats.teams(),
      chats.googleChat(),
      chats.messenger(),
      chats.signal(),
      chats.generic()
    ]
    let known = 0
    let turns = 0
    for (let seed = 0; seed < 400; seed++) {
      const value = broken(makeRandom(seed), exports[seed % exports.length])
      try {
        const parsed = readChat("x.json", value)
        if (parsed === undefined) continue
        known++
        turns += turnsOf(parsed).length
        assertParsed(parsed, `seed ${seed}`)
      } catch (error) {
        assert.instanceOf(error, ParseError, `seed ${seed}`)
      }
    }
    assert.isAbove(known, 300)
    assert.isAbove(turns / known, 20)
  })

  it("messages that answer one another in a circle, themselves or what comes later answer nothing that is not there", () => {
    const base = { type: "message", date: "2025-03-03T09:00:00", from: "Bo Li", text: "x" }
    const parsed = read({
      name: "g",
      type: "private_group",
      messages: [1, 2, 3, 3].map((id, index) => ({ ...base, id, reply_to_message_id: [2, 1, 3, 99][index] }))
    })
    assert.deepStrictEqual(
      turnsOf(parsed).map(({ replyTo }) => replyTo),
      [undefined, 3, undefined, undefined]
    )
  })

  it("keys that objects have of themselves are text like any other, dates that are none are left out", () => {
    const parsed = read(
      JSON.parse(
        '{"slack":1,"channel":"x","people":{"__proto__":"Evil","constructor":"C","U1":{"a":1}},"messages":[' +
          '{"type":"message","user":"__proto__","text":"<@constructor> hi","ts":"99999999999999999.1"},' +
          '{"type":"message","user":"toString","text":"ho","ts":"1e400","__proto__":{"text":"no"}}]}'
      )
    )
    assert.deepStrictEqual(lines(parsed), ["Evil: @C hi", "toString: ho"])
    assert.deepStrictEqual(
      turnsOf(parsed).map(({ at }) => at),
      [undefined, undefined]
    )
    assert.isUndefined(parsed.date)
  })

  // The test's own timeout is the bound.
  it("takes linear time over many messages, many speakers, and long messages of what begins marks", () => {
    const many = Array.from({ length: 30_000 }, (_, index) =>
      message(
        {
          user: `U${index}ABCDEF`,
          text: `n ${index} <@U${index}ABCDEF>`,
          thread_ts: index % 3 ? message({}, index - (index % 3)).ts : undefined
        },
        index
      )
    )
    assert.lengthOf(read(many).blocks, 30_000)
    for (const piece of ["<", "<@U1|", "*a ", "_", "**", "||a", "&amp", "<a "]) {
      const text = piece.repeat(Math.ceil(300_000 / piece.length))
      assert.lengthOf(turnsOf(read([message({ text })])), 1)
      assert.lengthOf(
        turnsOf(
          read({
            channel: { name: "x" },
            messages: [{ author: { name: "Bo" }, timestamp: "2025-03-03T09:00:00Z", content: `x${text}` }]
          })
        ),
        1
      )
    }
  })
})

describe("what programs say in chats", () => {
  it("is the document where nobody else says anything: those who came to a Slack channel, a call by Telegram", () => {
    const joined = message({
      subtype: "channel_join",
      text: `<@${chats.slackId("Ada Moreno")}> has joined the channel`
    })
    const day = read(slackDay([joined]))
    assert.strictEqual(day.text, "#halcyon\n\nAda Moreno has joined the channel")
    assert.strictEqual(day.date, "2025-03-03")
    assert.deepStrictEqual(factsOf(day), ["Ada Moreno PARTICIPATED_IN #halcyon"])
    const call = { id: 1, type: "service", date: "2022-02-01T10:00:00", actor: "Anna", action: "phone_call", text: "" }
    const talk = { name: "Anna", type: "personal_chat", id: 7, messages: [call] }
    assert.strictEqual(read(talk).text, "Anna\n\nAnna: phone call")
    const empty = { name: "Nobody", type: "personal_chat", id: 8, messages: [] }
    assert.deepStrictEqual(
      telegramChats(encode({ chats: { list: [empty, talk] } }))?.map(({ name }) => name),
      ["chat-7"]
    )
  })

  it("is said once by whom it is about, and groups are called after their people", () => {
    const set = { subtype: "channel_topic", text: `<@${chats.slackId("Ada Moreno")}> set the channel topic: Probes` }
    assert.deepStrictEqual(lines(read(slackDay([message(set)]))), ["Ada Moreno: set the channel topic: Probes"])
    const users = slackPeople(
      encode([
        { id: "U1", name: "ann.lee", real_name: "Ann Lee" },
        { id: "U2", name: "bo", profile: { real_name: "Bo Li" } }
      ])
    )
    const day = decode(wrapSlackDay("mpdm-ann.lee--bo--cy-1", users, encode([message({ user: "U1", text: "hi" })])))
    assert.strictEqual(read(day).title, "Ann Lee, Bo Li, cy")
  })
})

describe("transcripts in JSON", () => {
  it("have no date of 1970, and times in seconds or milliseconds", () => {
    const said = (unit: number) =>
      [0, 1, 2, 3].map((at) => ({
        speaker: at % 2 ? "B" : "A",
        text: `line ${at}`,
        start: at * 2 * unit,
        end: (at * 2 + 1) * unit
      }))
    for (const [key, unit] of [
      ["utterances", 1000],
      ["sentences", 1]
    ] as const) {
      const parsed = read({ [key]: said(unit) })
      assert.isUndefined(parsed.date)
      assert.deepStrictEqual(
        turnsOf(parsed).map(({ at }) => at),
        [0, 2000, 4000, 6000]
      )
    }
  })

  it("without speakers are turns, each word once", () => {
    const segments = [" Hello there.", " General Kenobi."].map((text, at) => ({
      start: at * 2,
      end: at * 2 + 1.5,
      text
    }))
    const whisper = read({ text: " Hello there. General Kenobi.", segments, language: "en" })
    assert.deepStrictEqual(lines(whisper), ["Hello there.", "General Kenobi."])
    assert.isUndefined(
      readChat("a.json", { text: "A much longer text of which these are parts. ".repeat(9), segments })
    )
  })

  it("are not what reviews and other records hold of who and what", () => {
    const reviews = Array.from({ length: 8 }, (_, at) => ({ user: at % 2 ? "ann" : "bob", text: `good ${at}` }))
    assert.isUndefined(readChat("a.json", reviews))
    const dated = reviews.map((review) => ({ ...review, date: "2024-01-01", stars: 4 }))
    assert.isUndefined(readChat("a.json", dated))
  })
})

describe("chats as pages", () => {
  const page = (html: string): Parsed => {
    const chat = readHtmlChat(html)
    if (chat === undefined) return assert.fail("is not known as a chat")
    const parsed = writeChat("messages.html", chat)
    assertParsed(parsed, "messages.html")
    return parsed
  }
  const shown = (parsed: Parsed) =>
    turnsOf(parsed).map(({ at, said }) => [at === undefined ? "" : new Date(at).toISOString().slice(0, 16), said])

  it("of Telegram: who goes on without a name, answers, what is passed on, files; no initials, no notices", () => {
    const message = (id: number, clock: string, inner: string, joined = "") =>
      `<div class="message default clearfix${joined}" id="message${id}"><div class="pull_left userpic_wrap"><div
      class="userpic"><div class="initials">OI</div></div></div><div class="body"><div class="pull_right date details"
      title="01.02.2022 ${clock}:00 UTC+03:00">${clock}</div>${inner}</div></div>`
    const parsed =
      page(`<html><head><title>Exported Data</title></head><body><div class="page_header"><div class="content">
      <div class="text bold"> Hiking Club </div></div></div><div class="page_body chat_page"><div class="history">
      <div class="message service" id="message-1"><div class="body details">1 February 2022</div></div>
      ${message(2, "10:02", `<div class="from_name"> Olga </div><div class="text">When do we<br>leave?</div>`)}
      ${message(3, "10:03", `<div class="text">At <strong>six</strong> &amp; not later</div>`, " joined")}
      ${message(
        4,
        "10:04",
        `<div class="from_name">Dmitri</div><div class="reply_to details">In reply to <a
        href="#go_to_message2" onclick="return GoToMessage(2)">this message</a></div><div class="text">ok</div>`
      )}
      ${message(
        5,
        "10:05",
        `<div class="from_name">Dmitri</div><div class="forwarded body"><div class="from_name">News
        <span class="date details" title="01.01.2020 00:00:00">01.01.2020</span></div><div class="text">Snow</div></div>`
      )}
      ${message(
        6,
        "10:06",
        `<div class="media_wrap clearfix"><div class="media clearfix"><div class="body">
        <div class="title bold">route.gpx</div><div class="status details">3 KB</div></div></div></div>`,
        " joined"
      )}
      </div></div></body></html>`)
    assert.strictEqual(parsed.title, "Hiking Club")
    assert.strictEqual(parsed.date, "2022-02-01")
    assert.deepStrictEqual(shown(parsed), [
      ["2022-02-01T07:02", "Olga: When do we\nleave?"],
      ["2022-02-01T07:03", "Olga: At six & not later"],
      ["2022-02-01T07:04", "Dmitri: ok"],
      ["2022-02-01T07:05", "Dmitri: [forwarded from News] Snow"],
      ["2022-02-01T07:06", "Dmitri: [file: route.gpx]"]
    ])
    const [first, , answer] = turnsOf(parsed)
    assert.strictEqual(answer?.replyTo, first?.start)
    assert.include(factsOf(parsed), "Olga PARTICIPATED_IN Hiking Club")
    assert.include(factsOf(parsed), "Dmitri CONTACTED Olga")
  })

  it("of Discord: groups of messages, answers without the copy of what they answer, no avatars", () => {
    const message = (id: number, inner: string) =>
      `<div class=chatlog__message-container data-message-id=${id}><div class=chatlog__message><div
      class=chatlog__message-primary>${inner}</div></div></div>`
    const header = (name: string, clock: string) =>
      `<img class=chatlog__avatar src=x alt=Avatar><div class=chatlog__header><span class=chatlog__author
      title=nick>${name}</span> <span class=chatlog__timestamp title="Saturday, February 3, 2024 ${clock}"><a>${clock}</a></span></div>`
    const content = (text: string) =>
      `<div class="chatlog__content chatlog__markdown"><span class=chatlog__markdown-preserve>${text}</span></div>`
    const parsed =
      page(`<html><head><title>Gamers - lounge</title></head><body><div class=preamble><img alt="Guild icon">
      <div class=preamble__entry>Gamers</div><div class=preamble__entry>Text / lounge</div></div><div class=chatlog>
      <div class=chatlog__message-group>${message(1, header("Sable", "6:00 PM") + content("which <b>game</b>?"))}
      ${message(
        2,
        `<div class=chatlog__short-timestamp title="Saturday, February 3, 2024 6:01 PM">6:01 PM</div>${content(`hm <img
        class=chatlog__emoji alt="😀">`)}`
      )}</div><div class=chatlog__message-group>${message(
        3,
        `<div class=chatlog__reply><div class=chatlog__reply-author>Sable</div><div class=chatlog__reply-content><span
        class=chatlog__reply-link onclick="scrollToMessage(event, '1')">which game?</span></div></div>${header("Noodle", "6:02 PM")}${content("Hades")}`
      )}</div></div><div class=postamble><div class=postamble__entry>Exported 3 message(s)</div></div></body></html>`)
    assert.strictEqual(parsed.title, "#lounge")
    assert.deepStrictEqual(shown(parsed), [
      ["2024-02-03T18:00", "Sable: which game?"],
      ["2024-02-03T18:01", "Sable: hm 😀"],
      ["2024-02-03T18:02", "Noodle: Hades"]
    ])
    assert.strictEqual(turnsOf(parsed)[2]?.replyTo, turnsOf(parsed)[0]?.start)
    assert.notInclude(parsed.text, "Avatar")
  })

  it("of Meta's archive: the oldest first", () => {
    const message = (name: string, text: string, day: number) =>
      `<div class="pam _3-95 _2ph- _a6-g uiBoxWhite noborder"><div class="_3-95 _2pim _a6-h _a6-i">${name}</div><div
      class="_3-95 _a6-p"><div><div></div><div>${text}</div></div></div><div class="_3-94 _a6-o">Jan ${day}, 2023, 10:00 AM</div></div>`
    const parsed = page(
      `<html><head><title>Lisa Wong</title></head><body>${message("Me", "fine", 3)}${message("Lisa Wong", "how are you?", 2)}</body></html>`
    )
    assert.deepStrictEqual(shown(parsed), [
      ["2023-01-02T10:00", "Lisa Wong: how are you?"],
      ["2023-01-03T10:00", "Me: fine"]
    ])
  })

  it("are no other pages", () => {
    for (const html of [
      "<p>class chatlog__message-group",
      '<div class="message default clearfix">hi</div>',
      '<div class="page_body chat_page"></div>message default clearfix',
      ""
    ])
      assert.isUndefined(readHtmlChat(html))
  })
})
