import { assert, describe, it } from "@effect/vitest"
import { documentId, Group } from "../../src/domain/Ids.ts"
import { candidate, resolveAliases } from "../../src/domain/Resolution.ts"
import type { Candidate } from "../../src/domain/Resolution.ts"
import { makeRandom } from "../support/random.ts"

const group = Group.make("test")
const document = documentId(group, new Uint8Array([1]))
const of = (type: string, key: string) => candidate(group, type, key)
const person = (key: string) => of("Person", key)

const decided = (
  candidates: ReadonlyArray<Candidate>,
  stated: ReadonlyArray<{ readonly alias: Candidate; readonly of: Candidate }> = []
) => {
  const names = new Map(candidates.map((one) => [one.id, `${one.type} ${one.key}`]))
  return resolveAliases(document, candidates, stated)
    .map(({ from, to }) => `${names.get(from)} = ${names.get(to)}`)
    .toSorted()
}

describe("resolveAliases", () => {
  it("a part of one person's name is that person; of two persons' names it is left alone", () => {
    assert.deepStrictEqual(decided([person("marie curie"), person("curie")]), ["Person curie = Person marie curie"])
    assert.deepStrictEqual(decided([person("marie curie"), person("pierre curie"), person("curie")]), [])
    assert.deepStrictEqual(decided([person("marie curie"), person("cur"), person("m"), person("7")]), [])
  })

  it("goes to the longest of names that hold each other", () => {
    assert.deepStrictEqual(decided([person("curie"), person("marie curie"), person("marie salomea curie")]).length, 0)
    assert.deepStrictEqual(decided([person("curie"), person("salomea curie"), person("marie salomea curie")]), [
      "Person curie = Person marie salomea curie",
      "Person salomea curie = Person marie salomea curie"
    ])
  })

  it("an organisation goes by its beginning, and nothing goes by a part of a place", () => {
    const company = of("Organization", "northwind instruments")
    assert.deepStrictEqual(decided([company, of("Organization", "northwind")]).length, 1)
    assert.deepStrictEqual(decided([company, of("Organization", "instruments")]).length, 0)
    assert.deepStrictEqual(decided([of("Location", "new york"), of("Location", "york")]).length, 0)
    assert.deepStrictEqual(decided([person("ada north"), of("Organization", "ada")]).length, 0)
  })

  it("a Thing with one definite type is that; with two it is left alone", () => {
    assert.deepStrictEqual(decided([of("Thing", "mercury"), of("Product", "mercury")]), [
      "Thing mercury = Product mercury"
    ])
    assert.deepStrictEqual(decided([of("Thing", "mercury"), of("Product", "mercury"), of("Location", "mercury")]), [])
  })

  it("a stated alias of one entity is it; one that two entities claim is left alone", () => {
    const [ibm, ikea, alias] = [
      of("Organization", "ibm corp"),
      of("Organization", "ikea"),
      of("Organization", "big blue")
    ]
    assert.deepStrictEqual(decided([ibm, ikea, alias], [{ alias, of: ibm }]), [
      "Organization big blue = Organization ibm corp"
    ])
    assert.deepStrictEqual(
      decided(
        [ibm, ikea, alias],
        [
          { alias, of: ibm },
          { alias, of: ikea }
        ]
      ),
      []
    )
  })

  it("is a function of the set of names: neither order nor repetition matters, also where aliases go in a circle", () => {
    const words = ["a", "bb", "cc", "dd"] as const
    for (let seed = 1; seed <= 400; seed++) {
      const random = makeRandom(seed)
      const candidates = Array.from({ length: 2 + random.int(6) }, () =>
        of(
          random.pick(["Person", "Thing", "Organization"]),
          Array.from({ length: 1 + random.int(3) }, () => random.pick(words)).join(" ")
        )
      )
      const any = () => candidates[random.int(candidates.length)] ?? person("a")
      const stated = Array.from({ length: random.int(5) }, () => ({ alias: any(), of: any() }))
      const expected = resolveAliases(document, candidates, stated)
      const again = resolveAliases(
        document,
        [...candidates.toReversed(), ...candidates],
        [...stated.toReversed(), ...stated]
      )
      assert.deepStrictEqual(again, expected, `seed ${seed}`)
      const froms = new Set(expected.map(({ from }) => from))
      assert.strictEqual(froms.size, expected.length)
      for (const { from, to } of expected) {
        assert.notStrictEqual(from, to)
        assert.isFalse(froms.has(to), `seed ${seed}: a decision ends at a name that stays`)
      }
    }
  })

  it("ten thousand names of a register do not take a minute", () => {
    const names = Array.from({ length: 10_000 }, (_, n) => person(`jan number${n % 100} smith${Math.floor(n / 100)}`))
    assert.deepStrictEqual(decided([...names, person("jan"), person("smith7"), person("jan number3")]), [])
  }, 3_000)
})
