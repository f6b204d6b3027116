import { assert, describe, it } from "@effect/vitest"
import { Effect, Layer, Logger, Stream } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"
import { crashing, databases, forget, hashFromScratch, ingestFiles, poison, sourcesOf } from "../support/model.ts"
import type { Extractor, File, IngestStep, Known } from "../support/model.ts"
import { makeRandom } from "../support/random.ts"
import type { Random } from "../support/random.ts"

/** `SLUICE_MODEL_SEED=7 SLUICE_MODEL_SEQUENCES=1` is sequence 7 alone; the more sequences, the longer. */
const firstSeed = Number(process.env["SLUICE_MODEL_SEED"] ?? 1)
const sequences = Number(process.env["SLUICE_MODEL_SEQUENCES"] ?? 5)
const steps = Number(process.env["SLUICE_MODEL_STEPS"] ?? 14)

const groups = [Group.make("acme"), Group.make("bolt")] as const
const uris = ["d/a.md", "d/b.md", "d/c.md", "d/box.mbox", "d/pack.zip", "e/a.md", "e/box.mbox", "e/pack.zip"] as const
const prefixes = ["", "", "d/", "e/"] as const
const people = ["Ada Moreno", "Jonas Weber", "Priya Nair", "Li Wei", "Tom Okafor"] as const
const places = ["Helios Labs", "Kestrel Bank", "Blue Fjord AS", "Graz", "Oslo"] as const

const sentence = ({ pick }: Random): string => `${pick(people)} ${pick(["joined", "left", "advises"])} ${pick(places)}.`

const textOf = (random: Random): string => {
  const kind = random.next()
  // Few of them, so that copies come about by themselves.
  if (kind < 0.5) return sentence(random)
  if (kind < 0.65) return `${random.pick(people)} met ${poison} number ${random.int(4)} in Oslo.`
  const paragraphs = Array.from({ length: 12 }, () => `${sentence(random)} ${"And so on and so forth. ".repeat(20)}`)
  return `# Report ${random.int(3)}\n\n${paragraphs.join("\n\n")}\n`
}

const edited = (text: string, random: Random): string => {
  const paragraphs = text.split("\n\n")
  if (paragraphs.length < 3 || random.next() < 0.3) return textOf(random)
  paragraphs.splice(1 + random.int(paragraphs.length - 1), random.int(2), sentence(random))
  return paragraphs.join("\n\n")
}

const fileFor = (uri: string, before: File | undefined, random: Random): File => {
  const kind = uri.endsWith("zip") ? "zip" : uri.endsWith("mbox") ? "mbox" : "text"
  // What a file is may change under its name.
  if (kind === "text" || random.next() < 0.1) {
    return { kind: "text", text: before?.kind === "text" ? edited(before.text, random) : textOf(random) }
  }
  const members = new Map(before?.kind === kind ? before.members : [])
  for (let change = 0; change <= random.int(3); change++) {
    const name = random.pick(kind === "zip" ? ["x.md", "in/y.md", "in/z.md"] : ["one", "two", "three"])
    const text = members.get(name)
    if (text !== undefined && members.size > 1 && random.next() < 0.5) members.delete(name)
    else members.set(name, text === undefined ? textOf(random) : edited(text, random))
  }
  return { kind, members }
}

/** What is asked for is the same where the texts are, and a message's has its name. */
const answerOf = (source: string, { kind, text }: Known): string =>
  (kind === "mbox" ? source.replace(/.*#/, "") : "") + text

/** Documents are the same where their bytes and the formats of their names are. */
const keyOf = (source: string, known: Known): string => /\w*$/.exec(source)?.[0] + answerOf(source, known)

/** What a group should be. */
class Expected {
  readonly sources = new Map<string, Known>()
  /** How each document was last written. */
  readonly written = new Map<string, { extractor: Extractor; healed: boolean }>()
  /** Poisoned documents that a model has answered for all the same, later. */
  readonly answered = new Set<string>()

  read(source: string, known: Known, { extractor, healed }: IngestStep): void {
    this.sources.set(source, known)
    const key = keyOf(source, known)
    const isPoisoned = known.text.includes(poison)
    const answer = answerOf(source, known)
    if (isPoisoned && extractor === "llm" && healed) this.answered.add(answer)
    const isWhole = extractor === "rules" || !isPoisoned || this.answered.has(answer)
    this.written.set(key, { extractor, healed: isWhole })
  }

  ingest(step: IngestStep): void {
    const current = new Map(
      [...step.files]
        .filter(([uri]) => uri.startsWith(step.prefix))
        .flatMap(([uri, file]) => sourcesOf(uri, file))
        .filter(([source]) => step.wanted?.some((one) => one.source === source) ?? true)
    )
    for (const [source, known] of current) this.read(source, known, step)
    if (step.prune !== true) return
    for (const source of this.sources.keys()) {
      if (source.startsWith(step.prefix) && !current.has(source)) this.sources.delete(source)
    }
  }

  forget(name: string): void {
    const gone = [...this.sources].filter(
      ([source]) => source === name || (/^[#/]/.test(source.slice(name.length)) && source.startsWith(name))
    )
    for (const [source] of gone) this.sources.delete(source)
    const left = new Set([...this.sources].map(([source, known]) => answerOf(source, known)))
    for (const [source, known] of gone) {
      if (!left.has(answerOf(source, known))) this.answered.delete(answerOf(source, known))
    }
  }

  get documents() {
    return [...this.sources].map(([source, known]) => {
      const { extractor, healed } = this.written.get(keyOf(source, known)) ?? assert.fail(source)
      return { source, known, extractor, healed }
    })
  }
}

/** Random steps; `log` says which, so that a sequence that fails can be read. */
const sequence = Effect.fnUntraced(function* (seed: number, log: Array<string>) {
  const random = makeRandom(seed)
  const files = new Map<string, File>()
  const expected = new Map(groups.map((group) => [group, new Expected()]))

  const untilDone = Effect.fnUntraced(function* <E, R>(run: Effect.Effect<unknown, E, R>) {
    for (let crashes = 0; crashes < 2 && random.next() < 0.35; crashes++) {
      const ordinal = 1 + random.int(20)
      if (!(yield* crashing(run, ordinal))) return
      log.push(`  crash at ${ordinal}`)
    }
    yield* run
  })

  const ingest = Effect.fnUntraced(function* (step: IngestStep) {
    log.push(
      `ingest ${step.group} ${step.prefix}* ${step.extractor}${step.healed ? "" : " poisoned"}${step.prune === true ? " prune" : ""}${step.wanted === undefined ? "" : ` retry ${step.wanted.map(({ source }) => source).join()}`}`
    )
    yield* untilDone(ingestFiles(step))
    expected.get(step.group)?.ingest(step)
  })

  const change = (): void => {
    const [uri, other] = [random.pick(uris), random.pick(uris)]
    const [before, kind] = [files.get(uri), random.next()]
    if (before === undefined || kind < 0.5) files.set(uri, fileFor(uri, before, random))
    else if (kind < 0.65) files.delete(uri)
    else if (kind < 0.8) files.set(other, before)
    else {
      files.delete(uri)
      files.set(other, before)
    }
    log.push(
      `change ${uri}${before === undefined ? "" : kind < 0.5 ? " edit" : kind < 0.65 ? " remove" : ` ${kind < 0.8 ? "copy" : "rename"} to ${other}`}`
    )
  }

  const check = Effect.gen(function* () {
    for (const [group, model] of expected) {
      const listed = yield* Stream.runCollect((yield* Ledger).sources(group))
      assert.deepStrictEqual(
        listed.flatMap(({ document, source }) => (document === undefined ? [] : [source])).toSorted(),
        [...model.sources.keys()].toSorted(),
        group
      )
      assert.strictEqual(yield* (yield* GraphStore).hash(group), yield* hashFromScratch(group, model.documents), group)
    }
    log.push("same")
  })

  for (let step = 0; step < 4; step++) change()
  for (let step = 0; step < steps; step++) {
    const group = random.pick(groups)
    const way = {
      group,
      files: new Map(files),
      extractor: random.pick(["llm", "llm", "rules"] as const),
      healed: random.next() < 0.5
    }
    const kind = random.next()
    if (kind < 0.35) change()
    else if (kind < 0.75) yield* ingest({ ...way, prefix: random.pick(prefixes), prune: random.next() < 0.5 })
    else if (kind < 0.85) {
      const letters = yield* (yield* Ledger).deadLetters(group)
      const wanted = letters.map(({ source }) => ({ source, withContents: false }))
      if (wanted.length > 0) yield* ingest({ ...way, prefix: "", wanted })
    } else {
      const model = expected.get(group)
      const [source = "nothing"] = random.shuffle([...(model?.sources.keys() ?? [])])
      const name = random.pick([source, source, source.replace(/#.*/, ""), source.replace(/\/.*/, "")])
      log.push(`forget ${group} ${name}`)
      yield* untilDone(forget(group, name))
      model?.forget(name)
    }
    if (step % 4 === 3) yield* check
  }
  yield* check
})

describe("after any sequence of ingests, edits, renames, copies, removals, prunes, retries, forgets and crashes", () => {
  it.effect.each(Array.from({ length: sequences }, (_, index) => firstSeed + index))(
    "the store is what the documents make that it should have, whatever it has seen: seed %d",
    (seed) => {
      const log: Array<string> = []
      return sequence(seed, log).pipe(
        Effect.provide(Layer.merge(databases, Logger.layer([]))),
        Effect.onError(() => Effect.sync(() => process.stderr.write(`seed ${seed}:\n${log.join("\n")}\n`)))
      )
    },
    120_000
  )
})
