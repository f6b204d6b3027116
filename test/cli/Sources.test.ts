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
})
