import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { Schema } from "effect"
import { RunReport } from "../../../src/domain/RunReport.ts"
import { corpus } from "../../fixtures/corpus.ts"
import { child } from "../cli.ts"
import type { Outcome } from "../cli.ts"
import { makeRandom } from "../random.ts"
import type { Random } from "../random.ts"
import { deeds, toText, variable } from "./events.ts"
import type { Strike } from "./events.ts"

const preload = fileURLToPath(new URL("./strike.ts", import.meta.url))

const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(RunReport))

/** The last line of standard output. */
export const reportOf = ({ stdout }: Outcome): RunReport => decodeReport(stdout.trimEnd().split("\n").at(-1))

type Command = "ingest" | "forget" | "compact"

/** How the program may end when a strike has hit it, or has not come to pass. */
const endings: Readonly<Record<Strike["deed"], ReadonlyArray<number>>> = {
  kill: [-1],
  interrupt: [130],
  full: [4],
  ioerr: [4],
  readonly: [4],
  forward: [],
  back: []
}

/** 0 and 2: it came to its end, which a few dead letters do not keep it from. */
const isExpected = (status: number, { deed }: Strike): boolean =>
  status === 0 || status === 2 || endings[deed].includes(status)

/** Events that there are about so many of: most strikes should hit. */
const points: Readonly<Record<Command, ReadonlyArray<readonly [Strike["kind"], number]>>> = {
  ingest: [
    ["journal.commit.before", 12],
    ["journal.commit.after", 12],
    ["journal.statement", 30],
    ["store.commit.before", 4],
    ["store.commit.after", 4],
    ["store.statement", 300],
    ["call.sent", 8],
    ["call.answering", 8],
    ["call.answered", 8]
  ],
  forget: [
    ["journal.commit.before", 1],
    ["journal.commit.after", 1],
    ["journal.statement", 4],
    ["store.commit.before", 2],
    ["store.commit.after", 2],
    ["store.statement", 12],
    ["store.rewrite", 1]
  ],
  compact: [
    ["journal.commit.before", 1],
    ["journal.commit.after", 1],
    ["journal.rewrite", 1]
  ]
}

const strikeBy = (random: Random, command: Command): Strike => {
  const [first = ["journal.rewrite", 1] as const, ...others] = points[command]
  const [kind, about] = random.pick([first, ...others])
  const ordinal = 1 + Math.floor(random.next() ** 2 * about)
  // Death is what most can go wrong after.
  const deed = random.next() < 0.6 ? "kill" : random.pick(deeds)
  const isOfDisk = deed === "full" || deed === "ioerr" || deed === "readonly"
  return { kind, ordinal, deed: isOfDisk && kind.startsWith("call") ? "interrupt" : deed }
}

/** Databases, journals and calls of a directory of documents, whose program is struck again and again. */
export class Life {
  readonly #directory: string
  readonly #url: string
  readonly #random: Random
  readonly #history: Array<string> = []
  #created = 0
  /** Items of calls that were under way when the program was struck: these alone may be asked again. */
  inFlight = 0
  struck = 0

  constructor(directory: string, url: string, seed: number) {
    this.#directory = directory
    this.#url = url
    this.#random = makeRandom(seed)
    mkdirSync(this.#documents)
    for (const { content, uri } of corpus(seed, 6)) writeFileSync(join(this.#documents, uri), content)
  }

  get #documents(): string {
    return join(this.#directory, "docs")
  }

  /** What was done so far, a line each, to find out from why a check failed. */
  get history(): string {
    return this.#history.join("\n")
  }

  ingest(store: string, strike?: Strike, url = this.#url): Promise<Outcome> {
    const more = [`--concurrency=${this.#random.between(1, 8)}`, `--pack=${this.#random.pick(["1", "2", "auto"])}`]
    return this.#program(
      ["ingest", "docs", "--prune", "--progress", "none", "--base-url", url, "--store", store, ...more],
      strike
    )
  }

  #run(command: Command, strike: Strike): Promise<Outcome> {
    if (command === "ingest") {
      this.#change()
      return this.ingest("sqlite:sluice.db", strike)
    }
    if (command === "compact") return this.#program(["journal", "compact"], strike)
    // The file goes as well, or the next ingest would have to pay for it again, and rightly.
    const names = readdirSync(this.#documents).toSorted()
    const name = this.#random.pick(["doc-0.md", ...names])
    if (names.length > 3) rmSync(join(this.#documents, name), { force: true })
    return this.#program(["forget", names.length > 3 ? `docs/${name}` : "docs/none.md"], strike)
  }

  async #program(args: ReadonlyArray<string>, strike?: Strike): Promise<Outcome> {
    const command = `sluice ${args.join(" ")}${strike === undefined ? "" : `, struck by ${toText(strike)}`}`
    const started = child([...args, "--json"], {
      cwd: this.#directory,
      env: strike === undefined ? {} : { NODE_OPTIONS: `--import=${preload}`, [variable]: toText(strike) }
    })
    const outcome = await started.ended.catch((error: unknown) => {
      throw new Error(`${this.history}\n${command}`, { cause: error })
    })
    this.#history.push(`${command}: status ${outcome.status} ${outcome.stderr.trim()}`)
    return outcome
  }

  /** The documents change a little, and the program is struck while it takes it in; or while it takes something out. */
  async strike(): Promise<void> {
    const before = this.#unsettled()
    const command = this.#random.pick<Command>(["ingest", "ingest", "ingest", "ingest", "forget", "compact"])
    const strike = strikeBy(this.#random, command)
    const outcome = await this.#run(command, strike)
    if (outcome.status !== 0 && outcome.status !== 2) this.struck++
    // There may be nothing yet to forget, or to make smaller.
    const isUnknown = command !== "ingest" && outcome.status === 1
    if (!isExpected(outcome.status, strike) && !isUnknown) {
      throw new Error(`an end that nobody expects:\n${this.history}`)
    }
    if (outcome.status === 4 && !/\.db/.test(outcome.stderr)) throw new Error(`no file is named:\n${this.history}`)
    this.inFlight += this.#unsettled() - before
  }

  /** Until nothing is dead any more: what fails by chance is tried again each time. */
  async mend(): Promise<RunReport> {
    for (let attempt = 1; attempt <= 8; attempt++) {
      const outcome = await this.ingest("sqlite:sluice.db")
      if (outcome.status === 0) return reportOf(outcome)
      if (outcome.status !== 2) break
    }
    throw new Error(`it cannot be mended:\n${this.history}`)
  }

  /** Items of calls that were reserved and never settled: sent, or about to be sent, when the program ended. */
  #unsettled(): number {
    let journal: DatabaseSync
    try {
      journal = new DatabaseSync(join(this.#directory, "sluice.journal.db"), { readOnly: true })
    } catch {
      return 0
    }
    try {
      const rows = journal.prepare("SELECT items FROM call WHERE settled_at IS NULL").all()
      return rows.reduce((sum, { items }) => sum + JSON.parse(String(items)).length, 0)
    } catch {
      // Struck before there was a table.
      return 0
    } finally {
      journal.close()
    }
  }

  #change(): void {
    const names = readdirSync(this.#documents).toSorted()
    const name = this.#random.pick(["doc-0.md", ...names])
    const file = join(this.#documents, name)
    const fresh = () => join(this.#documents, `new-${this.#created++}.md`)
    switch (this.#random.pick(["edit", "insert", "add", "copy", "rename", "remove", "none"])) {
      case "edit":
        return writeFileSync(file, `${this.#read(file)}\n\nPriya Nair left Helios Labs in ${this.#random.int(3000)}.\n`)
      case "insert":
        return writeFileSync(
          file,
          `Tom Okafor founded Kestrel Bank number ${this.#random.int(99)}.\n\n${this.#read(file)}`
        )
      case "add":
        return writeFileSync(fresh(), `Marta Kowalska wrote to Li Wei number ${this.#random.int(99)}.\n`)
      case "copy":
        return writeFileSync(fresh(), this.#read(file))
      case "rename":
        return names.includes(name) ? renameSync(file, fresh()) : undefined
      case "remove":
        return names.length > 3 ? rmSync(file, { force: true }) : undefined
      default:
    }
  }

  #read(file: string): string {
    try {
      return readFileSync(file, "utf8")
    } catch {
      return "Jonas Weber advises Blue Fjord AS.\n"
    }
  }
}
