import { Clock, Context, Effect, Layer, Option, Schedule, Schema } from "effect"
import type { Scope } from "effect"
import { Learned } from "./gate/Learned.ts"
import { Gate } from "./Gate.ts"
import { Journal } from "./Journal.ts"

/** What an earlier process knew, and how many milliseconds ago. */
export interface Remembered<A> {
  readonly value: A
  readonly age: number
}

/**
 * What is found out in a run is where the next one begins. By default nothing is kept.
 */
export const WarmStart = Context.Reference<{
  /**
   * @param name of what is learned: endpoint, model, and whatever else it depends on; no secret
   * @param current asked from time to time and when the scope closes; undefined: nothing was learned yet
   */
  readonly keep: <A>(
    name: string,
    schema: Schema.Codec<A>,
    current: () => A | undefined
  ) => Effect.Effect<Option.Option<Remembered<A>>, never, Scope.Scope>
}>("sluice/services/WarmStart", { defaultValue: () => ({ keep: () => Effect.succeedNone }) })

/** Of one name: a row of another version, or that cannot be read, counts as none. */
const Row = <A>(value: Schema.Codec<A>) =>
  Schema.fromJsonString(
    Schema.Struct({
      version: Schema.Literal(1),
      /** Milliseconds since the epoch, when it was last so. */
      at: Schema.Finite,
      value
    })
  )

const pools = "limits "

/** What the journal has learned of pools' limits, by the pool's name. */
export const limitsIn = (
  rows: ReadonlyMap<string, string>
): ReadonlyMap<string, { readonly at: number; readonly value: Learned }> => {
  const decode = Schema.decodeUnknownOption(Row(Learned))
  return new Map(
    [...rows].flatMap(([name, text]) =>
      name.startsWith(pools) ? Option.toArray(decode(text)).map((row) => [name.slice(pools.length), row] as const) : []
    )
  )
}

/** Between looks at whether anything was learned. */
const interval = "5 seconds"

const make = Effect.gen(function* () {
  const gate = yield* Gate
  const journal = yield* Journal
  const said = (what: string) =>
    Effect.catch((error: { readonly message: string }) => Effect.logWarning(`${what}: ${error.message}`))
  const rows = yield* journal.learned.pipe(
    Effect.tapError((error) => Effect.logWarning(`What earlier runs learned is not used: ${error.message}`)),
    Effect.orElseSucceed(() => new Map<string, string>())
  )
  const started = yield* Clock.currentTimeMillis
  for (const [pool, { at, value }] of limitsIn(rows)) yield* gate.restore(pool, value, Math.max(0, started - at))

  const saved = new Map<string, string>()
  const save = Effect.fnUntraced(function* <A>(name: string, schema: Schema.Codec<A>, value: A) {
    const encoded = yield* Schema.encodeEffect(Schema.fromJsonString(schema))(value)
    if (saved.get(name) === encoded) return
    const at = Math.round(yield* Clock.currentTimeMillis)
    yield* journal.learn(name, yield* Schema.encodeEffect(Row(schema))({ version: 1, at, value }))
    saved.set(name, encoded)
  }, said("What was learned of the provider is not kept"))

  /** Now, then now and again, and at the end, however it comes. */
  const regularly = (one: Effect.Effect<void>) =>
    Effect.andThen(
      Effect.addFinalizer(() => one),
      Effect.forkScoped(Effect.delay(Effect.repeat(one, Schedule.spaced(interval)), interval))
    )

  yield* regularly(
    Effect.flatMap(gate.learned, (known) =>
      Effect.forEach(known, ([pool, learned]) => save(`${pools}${pool}`, Learned, learned), { discard: true })
    )
  )

  return {
    keep: Effect.fnUntraced(function* <A>(name: string, schema: Schema.Codec<A>, current: () => A | undefined) {
      yield* regularly(
        Effect.suspend(() => {
          const value = current()
          return value === undefined ? Effect.void : save(name, schema, value)
        })
      )
      return Option.map(
        Option.flatMap(Option.fromUndefinedOr(rows.get(name)), Schema.decodeUnknownOption(Row(schema))),
        ({ at, value }) => ({ value, age: Math.max(0, started - at) })
      )
    })
  }
})

/** Kept in the journal: when it has changed, a few seconds later; and at the end of a run or when it stops. */
export const layer: Layer.Layer<never, never, Gate | Journal> = Layer.effect(WarmStart, make)
