/**
 * Loaded into the program with `NODE_OPTIONS=--import`, in its main thread and in those that write the databases: counts
 * events of one kind, and strikes at the n-th. The program itself knows nothing of it.
 */
import { channel } from "node:diagnostics_channel"
import { DatabaseSync, StatementSync } from "node:sqlite"
import { isMainThread, workerData } from "node:worker_threads"
import { fromText, variable } from "./events.ts"

const strike = fromText(process.env[variable])

let seen = 0

/** SQLite's own codes. */
const codes = { full: 13, ioerr: 10, readonly: 8 } as const
const texts = {
  full: "database or disk is full",
  ioerr: "disk I/O error",
  readonly: "attempt to write a readonly database"
} as const

const jump = (millis: number): void => {
  const now = Date.now
  Date.now = () => now() + millis
}

const event = (kind: string): void => {
  if (strike === undefined || strike.kind !== kind || ++seen !== strike.ordinal) return
  switch (strike.deed) {
    case "kill":
      process.kill(process.pid, "SIGKILL")
      // The signal may take a moment to arrive, and nothing must happen meanwhile.
      for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    case "interrupt":
      process.kill(process.pid, "SIGINT")
      return
    case "full":
    case "ioerr":
    case "readonly":
      throw Object.assign(new Error(texts[strike.deed]), {
        code: "ERR_SQLITE_ERROR",
        errcode: codes[strike.deed],
        errstr: texts[strike.deed]
      })
    case "forward":
      return jump(3_600_000)
    case "back":
      return jump(-3_600_000)
  }
}

const watchDatabase = (storage: string): void => {
  let isWriting = false
  const { exec } = DatabaseSync.prototype
  const { run } = StatementSync.prototype
  DatabaseSync.prototype.exec = function (sql) {
    const isCommit = isWriting && sql === "COMMIT"
    if (isCommit) event(`${storage}.commit.before`)
    if (sql.startsWith("VACUUM")) event(`${storage}.rewrite`)
    exec.call(this, sql)
    if (sql === "BEGIN IMMEDIATE") isWriting = true
    else if (sql === "COMMIT" || sql === "ROLLBACK") isWriting = false
    if (isCommit) event(`${storage}.commit.after`)
  }
  StatementSync.prototype.run = new Proxy(run, {
    apply: (target, self, values) => {
      if (isWriting) event(`${storage}.statement`)
      return Reflect.apply(target, self, values)
    }
  })
}

if (strike !== undefined) {
  if (isMainThread) {
    channel("undici:client:sendHeaders").subscribe(() => event("call.sent"))
    channel("undici:request:headers").subscribe(() => event("call.answering"))
    channel("undici:request:trailers").subscribe(() => event("call.answered"))
  } else if (typeof workerData === "object" && workerData !== null && "storage" in workerData) {
    watchDatabase(String(workerData.storage))
  }
}
