import { assert, describe, it } from "@effect/vitest"
import { contains, normaliseName, startsWith } from "../../src/domain/Names.ts"
import { makeRandom } from "../support/random.ts"

const pieces: readonly [string, ...ReadonlyArray<string>] = [
  "Dr.",
  "Prof",
  "mrs",
  "Inc",
  "Inc.",
  "LTD",
  "Ltd.",
  "GmbH",
  "AG",
  "ag",
  "S.A.",
  "s.a.",
  "SE",
  "Co",
  "Co.",
  "co",
  "PhD",
  "Ada",
  "Moreno",
  "Siemens",
  "U.S.",
  "U.S",
  "A.",
  "J.R.R.",
  "O'Neil",
  "Moody's",
  "MOODY’S",
  "'s",
  "’S",
  "ß",
  "SS",
  "ẞ",
  "ΟΔΟΣ",
  "οδος",
  "İ",
  "ı",
  "lımıted",
  "H\u0331",
  "\u1e96",
  "e\u0301",
  "\u0301",
  "\u0345",
  "ﬁ",
  "Ⓐ",
  "ｗｉｄｅ",
  "C++",
  "C#",
  "+",
  "&",
  ",",
  ".",
  "-",
  "(",
  "/",
  "\u200b",
  "\u00ad",
  "\u3164",
  "東京",
  "ー",
  "กรุงเทพ",
  "\u{10428}",
  "\u{1F600}",
  "\ud800",
  "7",
  "²"
]

describe("normaliseName", () => {
  it("is idempotent, and never empty for a name that is not blank, whatever the characters", () => {
    for (let code = 0; code <= 0x10ffff; code++) {
      const name = String.fromCodePoint(code)
      const key = normaliseName(name)
      if (normaliseName(key) !== key) assert.fail(`U+${code.toString(16)}: ${key} is not its own key`)
      if (key === "" && name.trim() !== "") assert.fail(`U+${code.toString(16)} has no key`)
    }
    for (let seed = 1; seed <= 200; seed++) {
      const random = makeRandom(seed)
      for (let round = 0; round < 100; round++) {
        const name = Array.from({ length: 1 + random.int(5) }, () => random.pick(pieces)).join(
          random.pick([" ", "", ", "])
        )
        const key = normaliseName(name)
        assert.strictEqual(normaliseName(key), key, `seed ${seed}: ${JSON.stringify(name)}`)
        if (name.trim() !== "") assert.notStrictEqual(key.trim(), "", `seed ${seed}: ${JSON.stringify(name)}`)
      }
    }
  })

  it("is the same for every normalisation form", () => {
    for (let seed = 1; seed <= 100; seed++) {
      const random = makeRandom(seed)
      const name = Array.from({ length: 1 + random.int(5) }, () => random.pick(pieces)).join(" ")
      const keys = (["NFC", "NFD", "NFKC", "NFKD"] as const).map((form) => normaliseName(name.normalize(form)))
      assert.deepStrictEqual(new Set(keys).size, 1, `seed ${seed}: ${JSON.stringify(name)} ${JSON.stringify(keys)}`)
    }
  })

  const same: ReadonlyArray<ReadonlyArray<string>> = [
    [
      "Dr. Ada Moreno",
      "ada moreno",
      "ADA MORENO",
      "Prof. Dr. Ada  Moreno",
      "Ada Moreno, PhD",
      "Ada\u00a0Moreno",
      "Ada-Moreno"
    ],
    [
      "Northwind Instruments Ltd.",
      "Northwind Instruments",
      "NORTHWIND INSTRUMENTS LIMITED",
      "Northwind Instruments, Inc."
    ],
    ["U.S.", "US", "U.S", "u.s."],
    ["Siemens AG", "Siemens", "SIEMENS AG", "Siemens A.G.", "Siemens a.g."],
    ["Moody's", "MOODY'S", "Moody’s", "Moody"],
    ["Straße", "STRASSE", "strasse"],
    ["Οδυσσεύς", "ΟΔΥΣΣΕΎΣ"],
    ["\u1e96o", "H\u0331O"],
    ["José", "Jose\u0301", "JOSÉ"],
    ["ＡＣＭＥ", "acme", "Acme, Co."],
    ["J.R. Smith", "J.R.Smith", "JR Smith"]
  ]
  it.each(same)("one name, however it is written: %s", (...names) => {
    assert.strictEqual(new Set(names.map(normaliseName)).size, 1, JSON.stringify(names.map(normaliseName)))
  })

  it("what is not the same name stays apart", () => {
    const names = [
      "C",
      "C++",
      "C#",
      "Ada Moreno",
      "Ada Marino",
      "Jose",
      "José",
      "General Motors",
      "Motors",
      "Major League Baseball",
      "League Baseball",
      "Captain America",
      "America",
      "Gen Z",
      "Z",
      "Hon Hai",
      "Hai",
      "MX Linux",
      "Linux",
      "Alice",
      "Bob",
      "東京",
      "京都",
      "Siemens",
      "Siemens Energy",
      "A1",
      "A 1",
      "Lady Gaga",
      "Gaga",
      "No 1",
      "No 2"
    ]
    const byKey = Map.groupBy(names, normaliseName)
    assert.deepStrictEqual(
      [...byKey.values()].filter(({ length }) => length > 1),
      []
    )
  })

  it("a title or legal form alone is a name", () => {
    for (const name of ["Inc", "Dr.", "GmbH", "Prof. Dr.", "Co", "AG", "Alice Co", "PhD"]) {
      assert.notStrictEqual(normaliseName(name), "", name)
    }
  })

  it("short legal forms count only in capitals or with points", () => {
    assert.strictEqual(normaliseName("Ford ka"), "ford ka")
    assert.strictEqual(normaliseName("Vitamin as"), "vitamin as")
    assert.strictEqual(normaliseName("Orsted A.S."), "orsted")
  })

  it("time is linear in a hostile name", () => {
    for (const name of [
      "a.".repeat(100_000),
      "'s".repeat(100_000),
      "Inc ".repeat(50_000),
      "\u0301".repeat(100_000),
      "(".repeat(100_000)
    ]) {
      assert.notStrictEqual(normaliseName(name), "")
    }
  }, 3_000)
})

describe("contains and startsWith", () => {
  it("compare whole words", () => {
    assert.isTrue(contains("marie curie", "curie"))
    assert.isTrue(contains("marie salomea curie", "salomea"))
    assert.isFalse(contains("marie curie", "cur"))
    assert.isFalse(contains("marie curie", "marie curie"))
    assert.isTrue(startsWith("northwind instruments", "northwind"))
    assert.isFalse(startsWith("northwind instruments", "north"))
    assert.isFalse(startsWith("northwind instruments", "instruments"))
  })
})
