import { mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { afterEach, assert, beforeEach, describe, it } from "@effect/vitest"
import { Database } from "../../../src/layers/sqlite/Database.ts"
import type { Schema } from "../../../src/layers/sqlite/Database.ts"
import { Fault } from "../../../src/layers/sqlite/Fault.ts"

const first: Schema = {
  noun: "store",
  applicationId: 1,
  migrations: ["CREATE TABLE kept (value TEXT)"],
  synchronous: "NORMAL",
  checkpoint: 1000,
  isTruth: false
}
const second: Schema = {
  ...first,
  migrations: [...first.migrations, "ALTER TABLE kept ADD COLUMN more TEXT DEFAULT 'new'"]
}

const faultOf = (run: () => unknown): Fault => {
  try {
    run()
  } catch (error) {
    if (error instanceof Fault) return error
    throw error
  }
  return assert.fail("nothing was thrown")
}

describe("Database", () => {
  let directory = ""
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "sluice-database-"))
  })
  afterEach(() => rmSync(directory, { recursive: true, force: true }))

  const open = (schema: Schema, readOnly = false) =>
    new Database({ file: join(directory, "x.db"), readOnly, busyTimeout: 10 }, schema)

  it("an older file is brought up to date, and keeps what it has", () => {
    const old = open(first)
    old.write(() => old.prepare("INSERT INTO kept VALUES ('old')").run())
    old.close()
    const fault = faultOf(() => open(second, true))
    assert.strictEqual(fault.reason, "version")
    assert.include(fault.message, "older")
    for (let times = 0; times < 2; times++) {
      const db = open(second)
      assert.deepStrictEqual({ ...db.prepare("SELECT * FROM kept").get() }, { value: "old", more: "new" })
      db.close()
    }
    assert.strictEqual(faultOf(() => open(first)).reason, "version")
  })

  it("a migration that fails leaves the file as it was", () => {
    open(first).close()
    assert.throws(
      () => open({ ...second, migrations: [...second.migrations, "CREATE TABLE kept (twice)"] }),
      /already exists/
    )
    const db = open(first)
    assert.strictEqual(db.prepare("SELECT count(*) AS n FROM pragma_table_info('kept')").get()?.["n"], 1)
    db.close()
  })

  it("a transaction whose body throws is undone, and the next one goes through", () => {
    const db = open(first)
    assert.throws(
      () =>
        db.write(() => {
          db.prepare("INSERT INTO kept VALUES ('half')").run()
          throw new Error("stop")
        }),
      /stop/
    )
    db.write(() => db.prepare("INSERT INTO kept VALUES ('whole')").run())
    assert.deepStrictEqual(
      db.read(() => db.prepare("SELECT value FROM kept").all()).map(({ value }) => value),
      ["whole"]
    )
    db.close()
  })
})
