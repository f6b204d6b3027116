import { readFileSync } from "node:fs"
import { join } from "node:path"
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schema } from "effect"
import { RunReport } from "../../src/domain/RunReport.ts"
import { run } from "../support/cli.ts"
import { serve } from "../support/http.ts"
import { temporaryDirectory } from "../support/temporaryDirectory.ts"

const decodeReport = Schema.decodeUnknownSync(Schema.fromJsonString(RunReport))

describe("ingest", () => {
  it.effect("takes files and addresses together, without what is excluded and without its own files", () =>
    Effect.gen(function* () {
      const agents: Array<string | undefined> = []
      const url = yield* serve((request, response) => {
        agents.push(request.headers["user-agent"])
        const isThere = request.headers.authorization === `Basic ${btoa("me:hunter2")}` && request.url === "/v1/note"
        response.writeHead(isThere ? 200 : 404).end("Ada Moreno joined Helios Labs in Graz.")
      })
      const path = yield* temporaryDirectory({
        "drafts/x.txt": "Not yet.",
        "log.txt": "Nothing to see.",
        "notes/a.txt": "Ben Okafor lives in Galway.",
        "notes/b.csv": "a,b"
      })
      const flags = ["--store", `sqlite:${join(path, "store.txt")}`, "--log-file", join(path, "log.txt"), "--json"]
      const selection = ["--include", "*.txt", "--exclude", "/drafts/", "--log-level", "debug", "--extractor", "rules"]
      const secret = url.replace("//", "//me:hunter2@")
      const both = ["ingest", path, `${secret}/note`, `${url}/note`, `${secret}/none`, ...flags, ...selection]
      for (const expected of [
        { seen: 3, ingested: 2, unchanged: 0, failed: 1, partial: 0, removed: 0 },
        { seen: 3, ingested: 0, unchanged: 2, failed: 1, partial: 0, removed: 0 }
      ]) {
        const { status, stderr, stdout } = yield* run(both)
        assert.strictEqual(status, 2, stderr)
        assert.deepStrictEqual({ ...decodeReport(stdout.trim().split("\n").at(-1) ?? "").documents }, expected)
        assert.notInclude(stderr + stdout, "hunter2")
      }
      const failures = yield* run(["failures", ...flags.slice(0, 2)])
      assert.match(failures.stdout, /answers 404\s+\(Not Found\)/)
      assert.notInclude(failures.stdout, "hunter2")
      for (const file of ["store.txt", "log.txt", "sluice.journal.db"]) {
        assert.notInclude(readFileSync(join(path, file), "latin1"), "hunter2", file)
      }
      assert.match(agents[0] ?? "", /^sluice\/\d+\.\d+\.\d+/)
    }).pipe(Effect.scoped)
  )

  it.effect("turns an address down before anything is done that it cannot fetch", () =>
    Effect.gen(function* () {
      const path = yield* temporaryDirectory({ "a.txt": "Ben Okafor lives in Galway." })
      const store = `sqlite:${join(path, "s.db")}`
      const { status, stderr } = yield* run(["ingest", path, "ftp://me:hunter2@host/x", "--store", store])
      assert.strictEqual(status, 1)
      assert.include(stderr, "ftp://host/x is neither an http nor an https address")
    }).pipe(Effect.scoped)
  )

  it.effect(
    "keeps what an address once gave when it answers that it is gone, though pruned, until it is forgotten",
    () =>
      Effect.gen(function* () {
        let status = 200
        const url = yield* serve((_, response) => {
          response.writeHead(status).end(status === 200 ? "Ada Moreno joined Helios Labs in Graz." : "")
        })
        const store = ["--store", `sqlite:${join(yield* temporaryDirectory(), "s.db")}`]
        const ingest = run(["ingest", `${url}/note`, "--extractor", "rules", "--prune", "--json", ...store])
        yield* ingest
        status = 410
        const again = yield* ingest
        assert.strictEqual(again.status, 2, again.stderr)
        const { documents } = decodeReport(again.stdout.trim().split("\n").at(-1) ?? "")
        assert.deepInclude(documents, { seen: 1, failed: 1, removed: 0 })
        assert.include((yield* run(["export", ...store])).stdout, "Ada Moreno")
        const failures = yield* run(["failures", ...store])
        assert.match(failures.stdout.replace(/\s+/g, " "), /answers 410 .*take it out with `sluice forget`/)
        assert.strictEqual((yield* run(["forget", `${url}/note`, ...store])).status, 0)
        assert.notInclude((yield* run(["export", ...store])).stdout, "Ada Moreno")
      }).pipe(Effect.scoped)
  )
})
