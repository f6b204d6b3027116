import { Context } from "effect"
import type { Effect, Option, Stream } from "effect"
import type { DeadLetter } from "../domain/DeadLetter.ts"
import type { DocumentState } from "../domain/Graph.ts"
import type { DocumentId, Group, Recipe, RunId } from "../domain/Ids.ts"
import type { RunReport } from "../domain/RunReport.ts"
import type { StorageError } from "./StorageError.ts"

export interface RunEntry {
  readonly id: RunId
  readonly group: Group
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Absent: the run is under way, or was killed. */
  readonly finishedAt?: number
  /** The run that this one goes on with, or the first of several: a budget holds for all of them together. */
  readonly root?: RunId
  /** What decides what a document becomes, part by part, for people who ask what has changed. */
  readonly recipe?: Readonly<Record<string, string>>
  readonly status: "running" | "complete" | "with-dead-letters" | "stopped" | "failed" | "interrupted"
  readonly report?: RunReport
}

export interface KnownDocument {
  readonly recipe: Recipe
  readonly state: DocumentState
  /** The one that wrote it. */
  readonly run: RunId
  readonly isPointedAt: boolean
  /** Whether the source as a whole has a dead letter, from a time when it could not be read. */
  readonly hasLetter: boolean
}

export interface KnownSource {
  readonly source: string
  readonly document?: DocumentId
}

/**
 * What happened: runs, sources, documents, dead letters. It lives in the store's database and its entries about
 * documents are written by `GraphStore.commit`, in the transaction that writes the graph.
 */
export class Ledger extends Context.Service<
  Ledger,
  {
    readonly startRun: (run: RunEntry) => Effect.Effect<void, StorageError>
    readonly finishRun: (run: RunEntry) => Effect.Effect<void, StorageError>
    /** Newest first; all of them without a limit. */
    readonly runs: (group: Group, limit?: number) => Effect.Effect<ReadonlyArray<RunEntry>, StorageError>
    /** What is known of each document, and whether `source` points at it, in the order asked. */
    readonly documents: (
      group: Group,
      asked: ReadonlyArray<{ readonly id: DocumentId; readonly source: string }>
    ) => Effect.Effect<ReadonlyArray<Option.Option<KnownDocument>>, StorageError>
    /** How many documents of the group were made by another recipe, and their chunks. */
    readonly outdated: (
      group: Group,
      recipe: Recipe
    ) => Effect.Effect<{ readonly documents: number; readonly chunks: number }, StorageError>
    /** Whether each source as a whole has a dead letter, in the order asked. */
    readonly hasLetters: (
      group: Group,
      sources: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<boolean>, StorageError>
    /**
     * Every source name of the group that begins with the prefix, in an order that keeps those together which begin with
     * the same; without a document: there is only a dead letter. Sources may be removed while it is read.
     */
    readonly sources: (group: Group, prefix?: string) => Stream.Stream<KnownSource, StorageError>
    /** Whether the group has sources that lie in each of these, which are named `SOURCE#…`; in the order asked. */
    readonly hasMembers: (
      group: Group,
      sources: ReadonlyArray<string>
    ) => Effect.Effect<ReadonlyArray<boolean>, StorageError>
    /** In the order of source and ordinal. */
    readonly deadLetters: (group: Group) => Effect.Effect<ReadonlyArray<DeadLetter>, StorageError>
  }
>()("sluice/services/Ledger") {}
