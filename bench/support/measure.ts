import { spawn } from "node:child_process"
import { mkdtempSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { fileURLToPath } from "node:url"

/** What a finished process took, by the operating system's own books. */
export interface Measured {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  readonly wallSeconds: number
  readonly cpuSeconds: number
  readonly peakMegabytes: number
}

const probe = fileURLToPath(new URL("./probe.ts", import.meta.url))
const main = fileURLToPath(new URL("../../dist/main.js", import.meta.url))

/** Runs the built program in `cwd`; the probe writes down processor time (all threads) and memory when it exits. */
export const runSluice = (
  args: ReadonlyArray<string>,
  options: {
    readonly cwd: string
    readonly env?: Readonly<Record<string, string>>
    readonly nodeArgs?: ReadonlyArray<string>
    /** Another script than the program. */
    readonly script?: string
  }
): Promise<Measured> =>
  new Promise((resolve, reject) => {
    const directory = mkdtempSync(join(tmpdir(), "sluice-probe-"))
    const file = join(directory, "usage.json")
    const started = performance.now()
    const child = spawn(
      process.execPath,
      [...(options.nodeArgs ?? []), "--import", probe, options.script ?? main, ...args],
      {
        cwd: options.cwd,
        env: { ...process.env, ...options.env, SLUICE_PROBE_FILE: file }
      }
    )
    let stdout = ""
    let stderr = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text))
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text))
    child.once("error", reject)
    child.once("close", (status) => {
      const wallSeconds = (performance.now() - started) / 1000
      const usage: unknown = JSON.parse(readFileSync(file, "utf8"))
      rmSync(directory, { recursive: true })
      if (!isUsage(usage)) return reject(new Error("the probe wrote nothing"))
      resolve({ status, stdout, stderr, wallSeconds, ...usage })
    })
  })

const isUsage = (value: unknown): value is { readonly cpuSeconds: number; readonly peakMegabytes: number } =>
  typeof value === "object" && value !== null && "cpuSeconds" in value && "peakMegabytes" in value

/** Starts a script that prints one line when it is ready, and stops it at the end. */
export const withProcess = async <A>(
  script: URL,
  args: ReadonlyArray<string>,
  use: (firstLine: string) => Promise<A>
): Promise<A> => {
  const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", fileURLToPath(script), ...args], {
    stdio: ["ignore", "pipe", "inherit"]
  })
  try {
    const line = await new Promise<string>((resolve, reject) => {
      let text = ""
      child.stdout.setEncoding("utf8").on("data", (more: string) => {
        text += more
        if (text.includes("\n")) resolve(text.slice(0, text.indexOf("\n")))
      })
      child.once("exit", (code) => reject(new Error(`${script.pathname} ended with ${code}`)))
    })
    return await use(line)
  } finally {
    child.kill("SIGTERM")
  }
}

export const inTemporary = async <A>(use: (directory: string) => Promise<A>): Promise<A> => {
  const directory = mkdtempSync(join(tmpdir(), "sluice-bench-"))
  try {
    return await use(directory)
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}
