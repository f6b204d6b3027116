/** `node test/support/copyChild.ts JSON`: copies a group between two files, and kills itself around a commit. */
import { NodeRuntime } from "@effect/platform-node"
import { Context, Effect, Layer, Schema } from "effect"
import { Group } from "../../src/domain/Ids.ts"
import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { copyGroup } from "../../src/pipeline/Copy.ts"
import { GraphStore } from "../../src/services/GraphStore.ts"
import { Ledger } from "../../src/services/Ledger.ts"

const Options = Schema.Struct({
  from: Schema.String,
  to: Schema.String,
  group: Group,
  /** Which commit, from 1. */
  ordinal: Schema.Int,
  moment: Schema.Literals(["before", "after"])
})

const die = Effect.suspend(() => {
  process.kill(process.pid, "SIGKILL")
  return Effect.never
})

const copyUntil = Effect.fnUntraced(function* ({ from, group, moment, ordinal, to }: typeof Options.Type) {
  const placeOf = (context: Context.Context<GraphStore | Ledger>) => ({
    store: Context.get(context, GraphStore),
    ledger: Context.get(context, Ledger)
  })
  const source = placeOf(yield* Layer.build(SqliteStore.layerReadOnly({ file: from })))
  const target = placeOf(yield* Layer.build(SqliteStore.layer({ file: to })))
  let commits = 0
  const store: GraphStore["Service"] = {
    ...target.store,
    commit: (...args) => {
      const isLast = ++commits === ordinal
      const commit = target.store.commit(...args)
      if (!isLast) return commit
      return moment === "before" ? die : Effect.andThen(commit, die)
    }
  }
  return yield* copyGroup(source, { store, ledger: target.ledger }, group)
}, Effect.scoped)

Schema.decodeUnknownEffect(Schema.fromJsonString(Options))(process.argv[2]).pipe(
  Effect.flatMap(copyUntil),
  NodeRuntime.runMain
)
