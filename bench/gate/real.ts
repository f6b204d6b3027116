import { Duration, Effect, Layer, Logger, Redacted, Schema } from "effect"
import { join } from "node:path"
import * as OpenAiChat from "../../src/layers/OpenAiChat.ts"
import { LedgerSnapshot } from "../../src/layers/simulated/Ledger.ts"
import type { SimulatedOptions } from "../../src/layers/simulated/Options.ts"
import { writeCorpus } from "../calls.ts"
import { inTemporary, runSluice, withProcess } from "../support/measure.ts"
import type { Client } from "./clients.ts"
import { timeout } from "./scenarios.ts"
import type { Job, Scenario } from "./scenarios.ts"
import type { Outcome } from "./virtual.ts"

const script = new URL("../../test/support/provider.ts", import.meta.url)

const decode = Schema.decodeUnknownSync(LedgerSnapshot)

const ledgerAt = async (url: string): Promise<Outcome["ledger"]> => {
  const response = await fetch(new URL("/ledger", url))
  return decode(await response.json()).chat
}

/** A client's work in real time, over HTTP, against a provider in a process of its own. */
export const runReally = (client: Client, scenario: Scenario, jobs: ReadonlyArray<Job>): Promise<Outcome> =>
  withProcess(script, [JSON.stringify(scenario.provider)], async (url) => {
    const before = process.cpuUsage()
    await Effect.runPromise(
      client(scenario, jobs).pipe(
        Effect.provide(
          Layer.mergeAll(
            OpenAiChat.layer({ apiKey: Redacted.make(""), baseURL: url, timeout: Duration.millis(timeout) }),
            Logger.layer([])
          )
        )
      )
    )
    const { system, user } = process.cpuUsage(before)
    return { finished: true, ledger: await ledgerAt(url), cpuSeconds: (system + user) / 1e6 }
  })

export interface Ingested {
  readonly ledger: Outcome["ledger"]
  readonly status: number | null
  readonly dead: number
  readonly cpuSeconds: number
}

interface Report {
  readonly chunks: { readonly dead: number }
}

const parseReport = (stdout: string): Report => JSON.parse(stdout.trim().split("\n").at(-1) ?? "")

/** The built program with no flag but the base URL and the model, in real time. */
export const ingestReally = (provider: SimulatedOptions, chunks: number): Promise<Ingested> =>
  inTemporary((directory) =>
    withProcess(script, [JSON.stringify(provider)], async (url) => {
      const corpus = writeCorpus(directory, chunks)
      const args = ["ingest", corpus, "--json", "--progress", "none", "--model", "simulated", "--base-url", url]
      const measured = await runSluice([...args, `--store=sqlite:${join(directory, "graph.db")}`], { cwd: directory })
      const { dead } = parseReport(measured.stdout).chunks
      return {
        ledger: await ledgerAt(url),
        status: measured.status,
        dead,
        cpuSeconds: measured.cpuSeconds
      }
    })
  )
