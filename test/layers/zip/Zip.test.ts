import { assert, describe, it } from "@effect/vitest"
import { openZip } from "../../../src/layers/zip/Zip.ts"
import { ParseError } from "../../../src/domain/ParseError.ts"
import { makeRandom } from "../../support/random.ts"
import { makeZip } from "../../support/zip.ts"

const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text)
const failure = async (run: () => Promise<unknown>): Promise<ParseError> => {
  try {
    await run()
  } catch (error) {
    if (error instanceof ParseError) return error
    throw error
  }
  throw new Error("it did not fail")
}

describe("openZip", () => {
  it("lists members in order and reads them, packed or stored, from memory or by ranges", async () => {
    const bytes = makeZip([
      { name: "a/b.txt", data: utf8("alpha ".repeat(1000)) },
      { name: "a/", data: new Uint8Array() },
      { name: "c.txt", data: utf8("gamma"), isStored: true },
      { name: "empty", data: new Uint8Array() }
    ])
    let ranges = 0
    const file = {
      size: bytes.length,
      range: async (from: number, to: number) => {
        ranges++
        return bytes.slice(from, to)
      }
    }
    for (const source of [bytes, file]) {
      const zip = await openZip("x.zip", source)
      assert.deepStrictEqual(
        zip.entries.map(({ isDirectory, name, size }) => [name, size, isDirectory]),
        [
          ["a/b.txt", 6000, false],
          ["a", 0, true],
          ["c.txt", 5, false],
          ["empty", 0, false]
        ]
      )
      assert.strictEqual(await zip.text("a/b.txt"), "alpha ".repeat(1000))
      assert.deepStrictEqual(await zip.read("c.txt"), utf8("gamma"))
      assert.strictEqual((await zip.read("empty")).length, 0)
      assert.isTrue(zip.has("c.txt") && !zip.has("nothing"))
      assert.strictEqual((await failure(() => zip.read("nothing"))).reason, "malformed")
    }
    assert.isBelow(ranges, 15)
  })

  it("reads text in UTF-8 and in UTF-16 by its byte order mark", async () => {
    const zip = await openZip(
      "x.zip",
      makeZip([
        { name: "8", data: utf8("\ufeffé") },
        { name: "16", data: Uint8Array.of(0xff, 0xfe, 0xe9, 0) },
        { name: "16be", data: Uint8Array.of(0xfe, 0xff, 0, 0xe9) }
      ])
    )
    for (const { name } of zip.entries) assert.strictEqual(await zip.text(name), "é", name)
  })

  it("makes labels of names: nothing leads out, the first of two stands, no name is lost", async () => {
    const cases: ReadonlyArray<readonly [string | Uint8Array, string]> = [
      ["../../etc/passwd", "etc/passwd"],
      ["/root/x", "root/x"],
      ["C:\\temp\\..\\y", "temp/y"],
      ["a\0b\n\u202ec", "abc"],
      ["..", "unnamed-4"],
      ["grün", "grün"],
      [Uint8Array.of(0x67, 0x72, 0x81, 0x6e), "grün"],
      ["last", "last"]
    ]
    const zip = await openZip("x.zip", makeZip(cases.map(([name], index) => ({ name, data: utf8(String(index)) }))))
    assert.deepStrictEqual(
      zip.entries.map(({ name }) => name),
      ["etc/passwd", "root/x", "temp/y", "abc", "unnamed-4", "grün", "last"]
    )
    assert.strictEqual(await zip.text("grün"), "5")
  })

  it("counts what is really unpacked: bombs, lies about sizes and overlaps are too large", async () => {
    const zeros = new Uint8Array(12 * 1024 * 1024)
    const limits = { maxBytes: 16 * 1024 * 1024, maxRatio: 2000 }
    const bomb = await openZip("x.zip", makeZip([{ name: "a", data: zeros, declaredSize: 10 }]), limits)
    assert.strictEqual((await bomb.read("a")).length, zeros.length)
    const again = await failure(() => bomb.read("a"))
    assert.strictEqual(again.reason, "too-large")
    assert.include(again.message, "x.zip unpacks to more than 16 MB")

    const overlapped = makeZip(
      Array.from({ length: 100 }, (_, index) => ({
        name: `m${index}`,
        data: zeros.subarray(0, 1024 * 1024),
        sharesData: true
      }))
    )
    const many = await openZip("x.zip", overlapped, limits)
    const error = await failure(async () => {
      for (const { name } of many.entries) await many.read(name)
    })
    assert.strictEqual(error.reason, "too-large")
    const ratio = await openZip("x.zip", makeZip([{ name: "a", data: zeros }]), { maxRatio: 10, freeBytes: 1000 })
    assert.strictEqual((await failure(() => ratio.read("a"))).reason, "too-large")
  })

  it("refuses more members than its limit, before it reads them", async () => {
    const bytes = makeZip(Array.from({ length: 20 }, (_, index) => ({ name: `m${index}`, data: utf8("x") })))
    assert.strictEqual((await openZip("x.zip", bytes)).entries.length, 20)
    assert.strictEqual((await failure(() => openZip("x.zip", bytes, { maxEntries: 10 }))).reason, "too-large")
  })

  it("tells encrypted members, and other compressions than deflate, from broken ones", async () => {
    const zip = await openZip(
      "x.zip",
      makeZip([
        { name: "secret", data: utf8("secret"), flags: 1 },
        { name: "open", data: utf8("open") },
        { name: "lzma", data: utf8("lzma"), method: 14 },
        { name: "damaged", data: utf8("damaged"), checksum: 5 }
      ])
    )
    assert.deepStrictEqual(
      zip.entries.map(({ isEncrypted }) => isEncrypted),
      [true, false, false, false]
    )
    assert.strictEqual((await failure(() => zip.read("secret"))).reason, "protected")
    assert.strictEqual(await zip.text("open"), "open")
    assert.strictEqual((await failure(() => zip.read("lzma"))).reason, "unsupported")
    assert.strictEqual((await failure(() => zip.read("damaged"))).reason, "malformed")
    const strong = makeZip([{ name: "secret", data: utf8("secret"), flags: 0x41 }])
    assert.strictEqual((await failure(() => openZip("x.zip", strong))).reason, "protected")
  })

  it("passes on what the file itself fails with", async () => {
    const offline = new Error("the disk is gone")
    const file = { size: 1000, range: () => Promise.reject(offline) }
    const error = await openZip("x.zip", file).catch((reason: unknown) => reason)
    assert.strictEqual(error, offline)
  })

  it("gives what is there or fails with a ParseError, wherever the file is cut or damaged", async () => {
    const whole = makeZip([
      { name: "one.xml", data: utf8("<a>one</a>".repeat(20)) },
      { name: "two.xml", data: utf8("<b>two</b>".repeat(20)) }
    ])
    const reasons = new Set<string>()
    const probe = async (bytes: Uint8Array) => {
      try {
        const zip = await openZip("x.zip", bytes)
        for (const { name } of zip.entries) await zip.text(name)
      } catch (error) {
        assert.instanceOf(error, ParseError)
        if (error instanceof ParseError) reasons.add(error.reason)
      }
    }
    for (let end = 0; end < whole.length; end += 3) await probe(whole.subarray(0, end))
    for (let seed = 1; seed <= 400; seed++) {
      const random = makeRandom(seed)
      const bytes = whole.slice()
      for (let flips = random.between(1, 4); flips > 0; flips--) bytes[random.int(bytes.length)] = random.int(256)
      await probe(bytes)
    }
    assert.isTrue(reasons.has("malformed"))
  })

  it("is what other programs write", async () => {
    const { ZipFile } = await import("yazl")
    const made = new ZipFile()
    made.addBuffer(Buffer.from("hello"), "dir/grün.txt")
    made.end()
    const pieces: Array<Uint8Array> = []
    for await (const piece of made.outputStream) pieces.push(Buffer.from(piece))
    const zip = await openZip("x.zip", Buffer.concat(pieces))
    assert.strictEqual(await zip.text("dir/grün.txt"), "hello")
  })
})
