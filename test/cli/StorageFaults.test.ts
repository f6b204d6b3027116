import { execFile, spawnSync } from "node:child_process"
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs"
import { join } from "node:path"
import { DatabaseSync } from "node:sqlite"
import { fileURLToPath } from "node:url"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { RunReport } from "../../src/domain/RunReport.ts"
import * as SimulatedServer from "../../src/layers/SimulatedServer.ts"
import { corpus } from "../fixtures/corpus.ts"
import { compileCache, run } from "../support/cli.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(RunReport))
const reportOf = (stdout: string) => decodeReport(stdout.trimEnd().split("\n").at(-1))

const documents = (directory: string, from: number, to: number) =>
  Object.fromEntries(
    corpus(3, to)
      .slice(from)
      .map(({ content, uri }, n) => [`${directory}/${from + n}-${uri.replaceAll(/[^a-z0-9.]/gi, "-")}`, content])
  )

const provider = SimulatedServer.start({ seed: 4, latency: { median: 2, sigma: 0.1 } })

/** A file system of a size of one's own, in a name space of one's own: for root, and where users may have theirs. */
const canMount = spawnSync("unshare", ["-Urm", "mount", "-t", "tmpfs", "none", "/mnt"]).status === 0

describe("store and journal", () => {
  it.live("a store that has lost its last moments is brought up to date from the journal for nothing", () =>
    Effect.gen(function* () {
      const path = yield* temporaryDirectory({ ...documents("docs", 0, 4) })
      const { ledger, url } = yield* provider
      const store = join(path, "g.db")
      const ingest = Effect.map(
        run(["ingest", join(path, "docs"), "--store", `sqlite:${store}`, "--base-url", url, "--json"]),
        ({ stderr, stdout }) => (stdout === "" ? assert.fail(stderr) : reportOf(stdout))
      )
      yield* ingest
      copyFileSync(store, join(path, "earlier.db"))
      for (const [name, content] of Object.entries(documents("docs", 4, 8))) writeFileSync(join(path, name), content)
      const { graph } = yield* ingest
      const asked = (yield* ledger).chat.requests
      copyFileSync(join(path, "earlier.db"), store)
      const report = yield* ingest
      assert.strictEqual(report.graph.hash, graph.hash)
      assert.isAbove(report.documents.ingested, 0)
      assert.strictEqual(report.chunks.extracted, 0)
      assert.strictEqual((yield* ledger).chat.requests, asked)
    }).pipe(Effect.scoped)
  )

  it.live.skipIf(!canMount)("a full disk ends the run with 4; with room, the same command goes on where it was", () =>
    Effect.gen(function* () {
      const path = yield* temporaryDirectory(documents("docs", 0, 12))
      const { url } = yield* provider
      const elsewhere = join(path, "undisturbed.db")
      const undisturbed = yield* run(
        `ingest ${join(path, "docs")} --store sqlite:${elsewhere} --base-url ${url} --pack 1 --json`.split(" ")
      )
      const { ledger, url: other } = yield* provider
      const disk = join(path, "disk")
      mkdirSync(disk)
      const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url))
      const script = `
        mount -t tmpfs -o size=$1 none ${disk} || exit 9
        sluice() { '${process.execPath}' '${main}' ingest '${path}/docs' --store 'sqlite:${disk}/g.db' --base-url '${other}' --pack 1 --json; }
        sluice 2> ${path}/first.txt; echo "status $?"
        cp ${disk}/* ${path}/; mount -o remount,size=50m ${disk}
        sluice; echo "status $?"`
      const output = yield* Effect.promise(
        () =>
          new Promise<string>((resolve) =>
            execFile(
              "unshare",
              ["-Urm", "sh", "-c", script, "sh", "600k"],
              { timeout: 60_000, env: { PATH: process.env["PATH"] ?? "", ...compileCache() } },
              (_, stdout, stderr) => resolve(stdout + stderr)
            )
          )
      )
      const lines = output.split("\n")
      assert.strictEqual(lines[0], "status 4", output)
      const first = spawnSync("cat", [join(path, "first.txt")]).stdout.toString()
      assert.match(first, /The disk is full: .*\.db cannot grow/, first)
      assert.include(output, "status 0")
      const report = decodeReport(lines.find((line) => line.startsWith("{")))
      assert.strictEqual(report.graph.hash, reportOf(undisturbed.stdout).graph.hash)
      const journal = new DatabaseSync(join(path, "sluice.journal.db"))
      const inFlight = journal.prepare("SELECT 1 FROM call WHERE coalesce(outcome, 'lost') = 'lost'").all()
      journal.close()
      assert.isAtMost((yield* ledger).chat.items.askedAgain, inFlight.length)
    }).pipe(Effect.scoped)
  )
})
