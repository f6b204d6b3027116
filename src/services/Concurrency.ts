import { Context, Layer, Semaphore } from "effect"

/** How many documents are read and parsed at once. */
export class ParseConcurrency extends Context.Service<ParseConcurrency, Semaphore.Semaphore>()(
  "sluice/services/ParseConcurrency"
) {}

/** How many documents are embedded, or wait for the store, at once: enough to fill a commit while another is written. */
export class WriteConcurrency extends Context.Service<WriteConcurrency, Semaphore.Semaphore>()(
  "sluice/services/WriteConcurrency"
) {}

/** The most that a local phase ever works on at once; its semaphore says how many of them may do so now. */
export const ceilings = { parse: 16, write: 256 } as const

/** The limits of the local phases: semaphores that can be resized while the run goes on. */
export const layer = (
  limits: { readonly parse: number; readonly write: number } = { parse: 8, write: ceilings.write }
): Layer.Layer<ParseConcurrency | WriteConcurrency> =>
  Layer.merge(
    Layer.effect(ParseConcurrency, Semaphore.make(limits.parse)),
    Layer.effect(WriteConcurrency, Semaphore.make(limits.write))
  )
