import { readFileSync } from "node:fs"
import { assert, describe, it } from "@effect/vitest"
import { Effect } from "effect"
import iconv from "iconv-lite"
import { parse, parseFails, survivesDamage } from "../../support/parse.ts"
import { makeRandom } from "../../support/random.ts"

const files = process.env["SLUICE_TEST_FILES"]

const russian = [
  "Институт физики в Новосибирске опубликовал новую работу о климате, которую написал Иван Петров",
  "Пожалуйста, пришлите отчёт до понедельника"
] as const
const czech = [
  "V pondělí se ředitel vrátil do Brna, kde ho čekala paní Nováková s příliš dlouhou zprávou",
  "Zażółć gęślą jaźń, proszę przysłać raport do poniedziałku, będę wdzięczny"
] as const
const greek = [
  "Το Πανεπιστήμιο Αθηνών δημοσίευσε νέα μελέτη για το κλίμα, την οποία έγραψε ο Γιάννης Παπαδόπουλος",
  "Παρακαλώ στείλτε την αναφορά μέχρι τη Δευτέρα"
] as const
const hebrew = [
  "האוניברסיטה העברית בירושלים פרסמה מחקר חדש על שינויי האקלים שכתב דוד כהן",
  "נא לשלוח את הדוח עד יום שני, תודה רבה"
] as const
const japanese = [
  "株式会社東京システムの会議は三月四日に行われ、山田太郎さんが新しい計画を発表しました。",
  "カレンダーの更新は来週の月曜日までにお願いします。"
] as const

const encodings: ReadonlyArray<readonly [encoding: string, sentences: ReadonlyArray<string>]> = [
  ["Shift_JIS", japanese],
  ["EUC-JP", japanese],
  [
    "GB18030",
    [
      "北京大学的研究人员在三月四日发表了一篇关于气候变化的论文，王小明是第一作者。",
      "请在下周一之前把报告发给我，谢谢你的帮助。"
    ]
  ],
  [
    "Big5",
    ["台北市政府於三月四日宣布新的交通計畫，由王小明擔任專案負責人。", "請在下週一之前把報告寄給我，謝謝你的幫忙。"]
  ],
  [
    "EUC-KR",
    [
      "서울대학교 연구팀은 삼월 사일에 기후 변화에 관한 논문을 발표했다.",
      "다음 주 월요일까지 보고서를 보내 주세요. 감사합니다."
    ]
  ],
  ["KOI8-R", russian],
  [
    "KOI8-U",
    [
      "Інститут фізики у Києві опублікував нову працю про клімат, яку написав Іван Петренко",
      "Її звіт чекають усі до понеділка"
    ]
  ],
  ["windows-1251", russian],
  ["ISO-8859-5", russian],
  ["IBM866", russian],
  ["windows-1250", czech],
  ["ISO-8859-2", czech],
  [
    "windows-1252",
    [
      "Le café de Zürich coûte 5 € – ou plus, a déclaré la gérante à l’hôtel où nous étions hier",
      "Der Bürgermeister von München eröffnete die neue Straße am Donnerstag",
      "Señor Muñoz viajó a España el año pasado y escribió una canción sobre su niñez en Córdoba"
    ]
  ],
  ["ISO-8859-1", ["São Paulo é a maior cidade do Brasil e não dorme; a administração anunciou mudanças"]],
  ["windows-1253", greek],
  ["ISO-8859-7", greek],
  [
    "windows-1254",
    ["İstanbul Üniversitesi iklim değişikliği üzerine yeni bir çalışma yayımladı ve yazarı Ayşe Yılmaz oldu"]
  ],
  ["windows-1255", hebrew],
  ["ISO-8859-8", hebrew],
  ["windows-1256", ["نشرت جامعة القاهرة دراسة جديدة عن تغير المناخ كتبها أحمد محمود ونشرت في مجلة علمية."]],
  [
    "windows-1257",
    ["Vilniaus universitetas paskelbė naują tyrimą apie klimato kaitą, kurį parašė Jonas Šimkūnas ir Rūta Žukaitė"]
  ],
  ["windows-874", ["มหาวิทยาลัยเชียงใหม่เผยแพร่งานวิจัยใหม่เกี่ยวกับการเปลี่ยนแปลงสภาพภูมิอากาศ"]]
]

describe("decode", () => {
  it.effect.each(encodings)("reads sentences in %s, alone, among ASCII, and in long files", ([encoding, sentences]) =>
    Effect.gen(function* () {
      for (const sentence of sentences) {
        const texts = [
          sentence,
          `id;text;note\n${`1;${sentence};x\n`.repeat(5)}`,
          `${"A line of plain ASCII.\n".repeat(5000)}${sentence}\n`,
          `${sentence}\n`.repeat(3000)
        ]
        for (const text of texts) {
          const parsed = yield* parse("a.txt", iconv.encode(text, encoding))
          assert.strictEqual(parsed.text, text)
        }
      }
    })
  )

  it.effect("reads UTF-16 without a byte order mark by where its NULs are", () =>
    Effect.gen(function* () {
      for (const text of ["Plain words, and a line.\n", "Привет, мир. Как дела сегодня?\nХорошо.\n", "ab"]) {
        for (const encoding of ["utf-16le", "utf-16be"]) {
          assert.strictEqual((yield* parse("a.txt", iconv.encode(text, encoding, { addBOM: false }))).text, text)
        }
      }
      const page = iconv.encode("<!doctype html><p>Über</p>", "utf-16le", { addBOM: false })
      assert.strictEqual((yield* parse("a.txt", page)).mediaType, "text/html")
    })
  )

  it.effect("reads ISO-2022-JP by its escape sequences", () =>
    Effect.gen(function* () {
      const bytes = Uint8Array.from([0x41, 0x3a, 0x1b, 0x24, 0x42, 0x46, 0x7c, 0x4b, 0x5c, 0x1b, 0x28, 0x42, 0x2e])
      assert.strictEqual((yield* parse("a.txt", bytes)).text, "A:日本.")
    })
  )

  it.effect("takes the few accents of a text that says little for western ones", () =>
    Effect.gen(function* () {
      for (const text of [
        "Müller",
        "Zürich, Österreich",
        "© 2024 Acme",
        "Price: 10 £",
        "José García;Málaga;42",
        "naïve"
      ]) {
        assert.strictEqual((yield* parse("a.txt", iconv.encode(text, "windows-1252"))).text, text)
      }
    })
  )

  it.effect("a character that is cut off, or one that is broken, does not make a text unreadable", () =>
    Effect.gen(function* () {
      const bytes = iconv.encode(japanese[0].repeat(20), "Shift_JIS")
      assert.isTrue((yield* parse("a.txt", bytes.subarray(0, -1))).text.startsWith(japanese[0]))
      const broken = Uint8Array.from(bytes)
      broken[300] = 0xff
      assert.include((yield* parse("a.txt", broken)).text, japanese[0])
    })
  )

  it.effect("never takes binary for text", () =>
    Effect.gen(function* () {
      for (let seed = 1; seed <= 100; seed++) {
        const error = yield* parseFails("a.bin", makeRandom(seed).bytes(512))
        assert.include(["unsupported", "malformed"], error.reason, `seed ${seed}`)
      }
      // Without any control, as compressed data is not.
      for (let seed = 1; seed <= 100; seed++) {
        const random = makeRandom(seed)
        const error = yield* parseFails(
          "a.bin",
          Uint8Array.from({ length: 300 }, () => 32 + random.int(224))
        )
        assert.strictEqual(error.reason, "unsupported", `seed ${seed}`)
      }
    })
  )

  it.effect("survives damage", () =>
    survivesDamage("a.txt", iconv.encode(`${russian.join(".\n")}\n`.repeat(5), "KOI8-R"))
  )

  it.effect.skipIf(files === undefined)("reads Shift JIS and refuses random bytes (real files)", () =>
    Effect.gen(function* () {
      const parsed = yield* parse("m.csv", readFileSync(`${files}/test_mskanji.csv`))
      assert.include(parsed.text, "髙橋淳 | 35 | 名古屋")
      assert.strictEqual((yield* parseFails("r.bin", readFileSync(`${files}/random.bin`))).reason, "unsupported")
    })
  )
})
