import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { isGrounded } from "../../src/domain/Grounding.ts"
import { layer, layerCalling, layerWith } from "../../src/layers/RulesExtractor.ts"
import { maxPairs } from "../../src/layers/rules/Relations.ts"
import { analyse, extractByRules, maxEntities } from "../../src/layers/rules/Rules.ts"
import { mask, tokenize } from "../../src/layers/rules/Tokens.ts"
import { pack, unpack } from "../../src/layers/rules/Wire.ts"
import { Extractor } from "../../src/services/Extractor.ts"
import { makeRandom } from "../support/random.ts"
import type { Random } from "../support/random.ts"
import { assertSound, suite, taskOf } from "../suites/Extractor.ts"

suite("rules in threads", layer)
suite("rules on the calling thread", layerCalling)

describe("threads", () => {
  const paragraphs = Array.from(
    { length: 100 },
    (_, i) => `Alice Smith (AS) joined Acme ${i} Inc. in Berlin. She met Bob Miller and "The Quiet Sea" in Lake Geneva.`
  )
  const extractAll = Effect.gen(function* () {
    const { extract } = yield* Extractor
    const results = yield* Effect.forEach(paragraphs, (text) => extract(taskOf(text)), { concurrency: "unbounded" })
    return results.map(({ extraction }) => extraction)
  })
  const expected = paragraphs.map((text) => extractByRules(taskOf(text).chunk.header, text))

  for (const threads of [1, 3]) {
    it.effect(`say what the calling thread says, each chunk its own: ${threads}`, () =>
      Effect.map(extractAll, (found) => assert.deepStrictEqual(found, expected)).pipe(
        Effect.provide(layerWith({ after: 0, threads }))
      )
    )
  }

  for (const [what, source] of [
    ["breaks down", "throw new Error('broken')"],
    ["ends", "process.exit(3)"],
    [
      "answers too little",
      "import('node:worker_threads').then(({ parentPort }) => parentPort.on('message', () => parentPort.postMessage([])))"
    ]
  ] as const) {
    it.effect(`that ${what} leaves its chunks to the calling thread`, () =>
      Effect.map(extractAll, (found) => assert.deepStrictEqual(found, expected)).pipe(
        Effect.provide(
          layerWith({ after: 0, threads: 2, entry: new URL(`data:text/javascript,${encodeURIComponent(source)}`) })
        )
      )
    )
  }

  it("pack what the rules extract, and every string of it once", () => {
    for (const extraction of expected) {
      const packed = pack(extraction)
      assert.deepStrictEqual(unpack(structuredClone(packed)), extraction)
      assert.strictEqual(new Set(packed.strings).size, packed.strings.length)
    }
    assert.deepStrictEqual(unpack(pack({ entities: [], facts: [] })), { entities: [], facts: [] })
  })
})

const typesOf = (text: string, header = ""): Readonly<Record<string, string>> =>
  Object.fromEntries(extractByRules(header, text).entities.map(({ name, type }) => [name, type]))

const namesOf = (text: string, header = ""): ReadonlyArray<string> => Object.keys(typesOf(text, header)).toSorted()

describe("entities", () => {
  it("have types by first names, titles, legal forms, heads and the lexicon", () => {
    assert.deepStrictEqual(
      typesOf(
        "Dr. Alice Smith joined Acme Robotics Inc. in Berlin. Bob Miller read about the Battle of Hastings at the " +
          "University of Oxford. Mr. Zorblax swam in Lake Geneva."
      ),
      {
        "Alice Smith": "Person",
        "Acme Robotics Inc": "Organization",
        Berlin: "Location",
        "Bob Miller": "Person",
        "Battle of Hastings": "Event",
        "University of Oxford": "Organization",
        Zorblax: "Person",
        "Lake Geneva": "Location"
      }
    )
  })

  it("are Things when nothing says what they are", () => {
    assert.deepStrictEqual(typesOf("We then moved everything to Qwxyzzy."), { Qwxyzzy: "Thing" })
  })

  it("have one type in a chunk, the one that most mentions vote for", () => {
    const types = extractByRules("", "She lives in Georgia. He was born in Georgia. Then Georgia laughed.").entities
    assert.deepStrictEqual(types, [{ name: "Georgia", type: "Location", aliases: [] }])
  })

  it("have as aliases what the chunk defines, and the form with a title", () => {
    const { entities } = extractByRules(
      "",
      "The World Health Organization (WHO) praised Dr. Alice Smith. On Monday the WHO met. Alice Smith was glad."
    )
    assert.deepStrictEqual(entities, [
      { name: "World Health Organization", type: "Organization", aliases: ["WHO"] },
      { name: "Alice Smith", type: "Person", aliases: ["Dr. Alice Smith"] }
    ])
  })

  it("are not abbreviations in brackets that abbreviate something else", () => {
    const { entities } = extractByRules("", "We saw the World Health Organization (NATO) there.")
    assert.deepStrictEqual(
      entities.map(({ aliases }) => aliases),
      [[], []]
    )
  })

  it("are no function words, months, weekdays, pronouns or plain words that begin a sentence", () => {
    assert.deepStrictEqual(
      namesOf(
        "However, it rained. On Monday I met nobody. In March They left. Students want music. Walking is fun. Yesterday's news. Would you?"
      ),
      []
    )
  })

  it("are no words that the chunk also writes in lower case", () => {
    assert.deepStrictEqual(namesOf("Gribbles are nice. Many gribbles live here."), [])
    assert.deepStrictEqual(namesOf("Gribble is nice. We met Gribble."), ["Gribble"])
  })

  it("keep numerals and particles", () => {
    assert.deepStrictEqual(namesOf("We saw Apollo 11 and Ludwig van Beethoven after World War II in Rio de Janeiro."), [
      "Apollo 11",
      "Ludwig van Beethoven",
      "Rio de Janeiro",
      "World War II"
    ])
  })

  it("are not made of lines in capitals or of headings", () => {
    assert.deepStrictEqual(namesOf("QUARTERLY REPORT FOR THE BOARD OF DIRECTORS\n\nThe text says little.\n"), [])
    assert.deepStrictEqual(namesOf("# Getting Started With Your Work\n\nThe text says little.\n"), [])
    assert.deepStrictEqual(namesOf("MINUTES OF THE MEETING IN PARIS\n"), ["PARIS"])
  })
})

describe("facts", () => {
  it("join neighbours in the text's order, with the verb phrase between them", () => {
    const { facts } = extractByRules(
      "",
      "After a very long time and many letters Alice Smith was hired\n by the University of Oxford."
    )
    assert.deepStrictEqual(facts, [
      {
        source: "Alice Smith",
        target: "University of Oxford",
        type: "RELATED_TO",
        text: "After a very long time and many letters Alice Smith was hired by the University of Oxford.",
        predicate: "was hired by"
      }
    ])
  })

  it("have no predicate where no verb stands between the two", () => {
    const { facts } = extractByRules("", "We visited Paris and London.")
    assert.deepStrictEqual(
      facts.map(({ predicate, source, target }) => [source, target, predicate]),
      [["Paris", "London", undefined]]
    )
  })

  it("join the hub with who is named in a sentence that names it or has a pronoun, and in no other", () => {
    const pairs = extractByRules(
      "",
      "Ada Lovelace met Charles Babbage. Then Ada Lovelace left. He wrote to Mary Somerville. Then Luigi Menabrea slept."
    ).facts.map(({ source, target }) => `${source} – ${target}`)
    assert.deepStrictEqual(pairs, ["Ada Lovelace – Charles Babbage", "Ada Lovelace – Mary Somerville"])
  })

  it("join no entity with itself under another of its names, and no pair twice in a sentence", () => {
    const { facts } = extractByRules(
      "",
      "The World Health Organization (WHO) met Alice Smith, and the WHO thanked Dr. Alice Smith of the WHO."
    )
    assert.deepStrictEqual(
      facts.map(({ source, target }) => [source, target]),
      [["World Health Organization", "Alice Smith"]]
    )
  })

  it("quote at most 400 characters", () => {
    const { facts } = extractByRules("", `Alice Smith saw ${"a very ".repeat(200)} old Bob Miller there.`)
    assert.strictEqual(facts.length, 1)
    assert.isAtMost(facts[0]?.text.length ?? 0, 400)
  })
})

describe("forms of text", () => {
  it("Markdown: cells and items are apart; links, code and syntax name nothing", () => {
    const text =
      "See [the docs](https://example.com/Docs/Intro) and `npm install Foo`.\n\n- Deploy on Amazon Web Services\n" +
      "- Ask Maria Lopez\n\n| Name | City | Company |\n|---|---|---|\n| John Miller | Paris | Siemens AG |\n\n" +
      "```ts\nclass UserService extends BaseService {}\n```\n"
    assert.deepStrictEqual(typesOf(text), {
      "Amazon Web Services": "Organization",
      "Maria Lopez": "Person",
      "John Miller": "Person",
      Paris: "Location",
      "Siemens AG": "Organization"
    })
  })

  it("code names nothing", () => {
    const code =
      'import { Effect } from "effect"\nexport const Foo = (Bar: Baz) => {\n  return new UserService(Bar);\n}\n' +
      "class OrderRepository {\n  get_User() { return this.Thing_One; }\n"
    assert.deepStrictEqual(namesOf(code), [])
  })

  it("transcripts: a name at the end of a turn does not run on into who speaks next", () => {
    const text =
      "Ingrid Solheim: the one who looked at the connector last week in the workshop was Priya Raman\n" +
      "Tomasz Nowak: then the next who should look at all the drawings of it is Helen Okafor\n" +
      "Ingrid Solheim: fine"
    const names = namesOf(text, "Review › Ingrid Solheim, Tomasz Nowak")
    assert.includeMembers([...names], ["Priya Raman", "Tomasz Nowak", "Helen Okafor", "Ingrid Solheim"])
    assert.strictEqual(names.length, 4)
  })

  it("transcripts: speakers are persons, labels that are plain words are not", () => {
    assert.deepStrictEqual(
      typesOf("Alice: We ship Sluice on Friday.\nZorblax: Fine.\nNote: nothing else.\nZorblax: Bye.\nAlice: Bye."),
      { Alice: "Person", Sluice: "Thing", Zorblax: "Person" }
    )
    assert.deepStrictEqual(typesOf("Zorblax: fine, then.", "Standup | Zorblax"), { Zorblax: "Person" })
    assert.deepStrictEqual(typesOf("张伟：你好。\n李娜：在。\n张伟：好。\n李娜：是。"), {
      张伟: "Person",
      李娜: "Person"
    })
  })

  it("e-mail: field names and addresses are no entities, people are", () => {
    const mail =
      "From: Jeff Skilling <jeff.skilling@enron.com>\nTo: Kenneth Lay; Vince Kaminski\nSubject: Re: Meeting with Arthur Andersen\n" +
      "Date: Mon, 3 Sep 2001 10:00:00 -0700\n\nHi Ken,\n\nI met David Duncan in Houston yesterday.\n\nThanks,\nJeff\n\n" +
      "> On Mon, Sep 3, 2001, Kenneth Lay <ken@enron.com> wrote:\n> Did you call?\n"
    assert.deepStrictEqual(namesOf(mail), [
      "Arthur Andersen",
      "David Duncan",
      "Houston",
      "Jeff",
      "Jeff Skilling",
      "Ken",
      "Kenneth Lay",
      "Vince Kaminski"
    ])
  })

  it("a name goes on in the next line only where a margin broke it", () => {
    assert.deepStrictEqual(namesOf("Visited:\nParis\nLondon\n"), ["London", "Paris"])
    assert.deepStrictEqual(
      namesOf("It was only after a very long and tiring day that Angela\nMerkel went home to sleep."),
      ["Angela Merkel"]
    )
  })
})

describe("languages", () => {
  const cases: ReadonlyArray<readonly [string, string, ReadonlyArray<string>]> = [
    [
      "German, where every noun has a capital",
      "Angela Merkel traf gestern in Berlin den Chef der Deutschen Bank. Die Regierung hat das Gesetz und die Verordnung beschlossen.",
      ["Angela Merkel", "Berlin", "Deutschen Bank"]
    ],
    [
      "French",
      "Le président Emmanuel Macron a rencontré Olaf Scholz à Paris. Il a parlé de la guerre. Les deux hommes sont partis.",
      ["Emmanuel Macron", "Olaf Scholz", "Paris"]
    ],
    ["Greek", "Ο Νίκος Καζαντζάκης γεννήθηκε στο Ηράκλειο. Έγραψε πολλά βιβλία.", ["Ηράκλειο", "Νίκος Καζαντζάκης"]],
    ["Russian", "Он написал роман «Война и мир». Потом жил в Москве.", ["Война и мир", "Москве"]],
    ["Japanese", "彼は『ジョーズ』を監督した。東京で公開された。", ["ジョーズ"]],
    ["Chinese", "我在北京看了《红楼梦》。", ["红楼梦"]],
    ["Arabic", "ولد في القاهرة وعاش في بيروت.", []],
    ["Hebrew", "הוא נולד בירושלים.", []],
    ["Thai", "เขาเกิดที่กรุงเทพ", []]
  ]
  for (const [language, text, names] of cases) {
    it(language, () => assert.deepStrictEqual(namesOf(text), names.toSorted()))
  }
})

const pieces = (
  'Alice|Bob Miller|the|of|Dr.|(|)|WHO|«|»|"|“|”|《|》|:|\n|\n\n|# |- || |`|```\n|<b>|&amp;|http://x.y/Z|a@b.c|From: |Re: |' +
  "Straße|İstanbul|ǅ|ﬀ|Москва|東京|ー・|العربية|ไทย|👩‍🚀|é|\u0000|\u200b|\u202e|\ufeff|\ud800|\udc00|'s|’s|&|,|.|1|2024|__proto__|" +
  "constructor|toString|A.|U.S.|O'Brien|x_Y|(Foo)|=>|{|};|^|$|\\|\r\n|\u2028|\u00a0"
).split("|")

const randomText = (random: Random): string => {
  let text = ""
  for (let i = random.int(60); i > 0; i--) {
    text +=
      random.next() < 0.2 ? String.fromCodePoint(random.int(0x10ffff)) : (pieces[random.int(pieces.length)] ?? "|")
    if (random.next() < 0.6) text += " "
  }
  return text
}

const assertSoundFor = (text: string): void => {
  const { extraction, mentions } = analyse("", text)
  assertSound(extraction)
  let end = 0
  for (const mention of mentions) {
    assert.isTrue(mention.start >= end && mention.end > mention.start && mention.end <= text.length)
    end = mention.end
    const { aliases = [], name = "" } = extraction.entities[mention.entity] ?? {}
    assert.include([name, ...aliases], text.slice(mention.start, mention.end).replace(/\s+/gu, " "))
  }
  if (!text.isWellFormed()) return
  for (const { name } of extraction.entities) assert.isTrue(isGrounded(text, name), JSON.stringify(name))
}

describe("any text", () => {
  it("has sound extractions, whose mentions stand in the text in order", () => {
    for (let seed = 1; seed <= 1500; seed++) {
      const text = randomText(makeRandom(seed))
      try {
        assertSoundFor(text)
      } catch (error) {
        throw new Error(`seed ${seed}: ${JSON.stringify(text)}`, { cause: error })
      }
    }
  })

  it.prop("has sound extractions (strings of the schema)", [Schema.String], ([text]) => assertSoundFor(text))

  it("is masked to the same length, and its tokens are its own words", () => {
    for (let seed = 1; seed <= 300; seed++) {
      const text = randomText(makeRandom(seed))
      const masked = mask(text, (label) => label === "from")
      assert.strictEqual(masked.length, text.length, `seed ${seed}`)
      for (const token of tokenize(masked)) {
        assert.strictEqual(masked.slice(token.start, token.end), token.text, `seed ${seed}`)
      }
    }
  })

  it("answers the same after any other text", () => {
    const texts = Array.from({ length: 200 }, (_, seed) => randomText(makeRandom(seed)))
    const forwards = texts.map((text) => extractByRules("", text))
    const backwards = texts.toReversed().map((text) => extractByRules("", text))
    assert.deepStrictEqual(backwards.toReversed(), forwards)
  })
})

/** Each is about 200 KB, and would take minutes if the time for it grew with its square. */
const huge: Readonly<Record<string, string>> = {
  "capitalised words": "Alpha ".repeat(33_000),
  "different capitalised words": Array.from({ length: 25_000 }, (_, i) => `Q${i.toString(36)}x`).join(" "),
  "different names in one sentence": Array.from({ length: 25_000 }, (_, i) => `Q${i.toString(36)}x`).join(", "),
  "different names in sentences": Array.from({ length: 12_000 }, (_, i) => `We saw Q${i.toString(36)}x.`).join(" "),
  "one letter": "a".repeat(200_000),
  "one capital": "A".repeat(200_000),
  initials: "A.".repeat(100_000),
  "open quotes": "“A ".repeat(60_000),
  "open brackets": "](".repeat(100_000),
  "open tags": "<a".repeat(100_000),
  "open fences": "```\n~~~\n".repeat(25_000),
  paths: "/a.".repeat(66_000),
  schemes: "http://".repeat(28_000),
  "at signs": "a@".repeat(100_000),
  spaces: " ".repeat(200_000),
  "line ends": "\n".repeat(200_000),
  "nested calls": "f(".repeat(100_000),
  braces: "{;".repeat(950).concat("\n").repeat(105),
  colons: "Aa: ".repeat(50_000),
  timestamps: "[00:00] Aa Bb Cc Dd\n".repeat(10_000),
  "combining marks": "e\u0301".repeat(100_000),
  katakana: "ア・".repeat(100_000),
  hyphens: "A-".repeat(100_000),
  particles: "A de la ".repeat(25_000)
}

describe("huge chunks", () => {
  for (const [name, text] of Object.entries(huge)) {
    it(`of ${name} take linear time and give bounded answers`, { timeout: 10_000 }, () => {
      const extraction = extractByRules("", text)
      assert.isAtMost(extraction.entities.length, maxEntities)
      assert.isAtMost(extraction.facts.length, maxPairs)
      assertSound(extraction)
    })
  }
})

describe("the layer", () => {
  it.effect("reports nothing as reused, since nothing is paid for", () =>
    Effect.gen(function* () {
      const { extract } = yield* Extractor
      const { reused } = yield* extract(taskOf("Ada Lovelace met Charles Babbage."))
      assert.isFalse(reused)
    }).pipe(Effect.provide(layer))
  )
})
