import { spawn } from "node:child_process"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { fileURLToPath } from "node:url"
import { Effect } from "effect"

const script = fileURLToPath(new URL("../../scripts/servers", import.meta.url))

/** A machine that has other things to do takes a minute for the import, and another one for the start. */
const deadline = 240_000

/** `scripts/servers`, whose own processes end with it; a server that it has started does not. */
const servers = (action: "up" | "down", env: Readonly<Record<string, string>>): Promise<string> =>
  new Promise((resolve, reject) => {
    const child = spawn(script, ["neo4j", action], {
      detached: true,
      env: { ...process.env, ...env },
      stdio: ["ignore", "ignore", "pipe"]
    })
    let said = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text))
    const timer = setTimeout(() => {
      if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
    }, deadline)
    child.once("error", reject)
    child.once("close", (code) => {
      clearTimeout(timer)
      if (code === 0) resolve(said)
      else reject(new Error(`scripts/servers neo4j ${action}: ${code ?? "killed after its deadline"}. ${said}`))
    })
  })

/** A Neo4j server of its own that begins with what was exported; it ends with the scope. */
export const importedServer = (directory: string, exported: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      await servers("up", { SERVERS_DIR: directory, NEO4J_IMPORT: exported })
      const env = readFileSync(join(directory, "env"), "utf8")
      const valueOf = (name: string): string => new RegExp(`^export ${name}=(\\S+)`, "m").exec(env)?.[1] ?? ""
      return {
        uri: valueOf("NEO4J_URI"),
        env: { NEO4J_USERNAME: valueOf("NEO4J_USERNAME"), NEO4J_PASSWORD: valueOf("NEO4J_PASSWORD") }
      }
    }),
    () => Effect.promise(() => servers("down", { SERVERS_DIR: directory }))
  )
