import { DateTime } from "effect"
import type { RunReport } from "../domain/RunReport.ts"
import type { Overview } from "../services/GraphStore.ts"
import { column, count, counted, duration, fit, wrap } from "./Print.ts"

/** Columns of what is printed for people, on any screen. */
export const width = 80

export const money = (usd: number): string =>
  usd === 0 ? "nothing" : usd < 0.01 ? `$${usd.toFixed(4)}` : `$${usd.toFixed(2)}`

/** Without a zone: people are told that it is UTC. */
export const time = (millis: number): string =>
  DateTime.formatIso(DateTime.makeUnsafe(millis)).slice(0, 19).replace("T", " ")

const row = (label: string, parts: ReadonlyArray<string>): ReadonlyArray<string> => {
  const shown = parts.filter((part) => part !== "")
  return shown.length === 0 ? [] : [`  ${label.padEnd(11)}${shown.join(" · ")}`]
}

const some = (value: number, what: string): string => (value === 0 ? "" : `${count(value)} ${what}`)

/** What a run did, in a few lines; `isSimulated`: what would be in the graph, and how long it would take, is not known. */
export const reportLines = (report: RunReport, isSimulated = false): ReadonlyArray<string> => {
  const { calls, chunks, cost, documents, graph, tokens } = report
  const asked = calls.model + calls.embedding
  return [
    ...(report.resumes === undefined
      ? []
      : row("Goes on", [
          `with run ${report.resumes}`,
          calls.journal === 0 ? "" : `${counted(calls.journal, "answer")} not paid for again`
        ])),
    ...row("Documents", [
      `${count(documents.seen)} seen`,
      some(documents.ingested, "ingested"),
      some(documents.unchanged, "unchanged"),
      some(documents.partial, "in part"),
      some(documents.failed, "failed"),
      some(documents.removed, "removed"),
      some(documents.gone ?? 0, "gone")
    ]),
    ...row("Chunks", [
      `${count(chunks.total)} in all`,
      some(chunks.extracted, "extracted"),
      some(chunks.reused, "reused"),
      some(chunks.dead, "dead")
    ]),
    ...(isSimulated
      ? []
      : row("Graph", [
          counted(graph.entities, "entity", "entities"),
          counted(graph.relations, "relation"),
          counted(graph.mentions, "mention")
        ])),
    ...row("Calls", [
      asked + calls.journal === 0 ? "none" : "",
      some(calls.model, "to the model"),
      some(calls.embedding, "for embeddings"),
      some(calls.failed, "failed"),
      calls.journal === 0 ? "" : `${counted(calls.journal, "answer")} from the journal`
    ]),
    ...row("Tokens", [
      some(tokens.input, "in"),
      some(tokens.cached, "of them cached"),
      some(tokens.output, "out"),
      tokens.input + tokens.output === 0 ? "" : `cost: ${money(cost.usd)}`
    ]),
    ...(isSimulated ? [] : row("Time", [duration(report.seconds * 1000)]))
  ]
}

/** What the graph holds, for a first look: names and texts of documents, so cleaned and cut to fit. */
export const overviewLines = (overview: Overview): ReadonlyArray<string> => {
  const entities = overview.entities.flatMap(({ aliases, mentions, name, relations, type }) => [
    `  ${column(name, 30)} ${column(type, 13)} ${column(counted(relations, "relation"), 14)} ${fit(counted(mentions, "mention"), 16)}`.trimEnd(),
    ...(aliases.length === 0 ? [] : [`    also ${fit(aliases.join(", "), width - 10)}`])
  ])
  const facts = overview.facts.flatMap(({ document, evidence, predicate, source, target, text, type }) => [
    `  ${fit(source, 28)} ─${fit(predicate ?? type, 22)}→ ${fit(target, 26)}`,
    ...wrap(`“${text}”`, width - 4, 3).map((line) => `    ${line}`),
    `    ${fit(document, width - 24)}${evidence > 1 ? `, ${count(evidence)} places` : ""}`
  ])
  return [
    ...(entities.length === 0 ? [] : ["", "Best connected", ...entities]),
    ...(facts.length === 0 ? [] : ["", "Some facts, and where they are said", ...facts])
  ]
}
