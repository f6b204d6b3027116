import { Context } from "effect"
import type { Effect } from "effect"
import type { ModelError } from "./ChatModel.ts"

/**
 * Texts to vectors. `embed` answers in the order of the texts; vectors are of length 1 and of one width.
 * Like a `ChatModel`: one request, one attempt. At most `maxBatch` texts a request.
 */
export class Embedder extends Context.Service<
  Embedder,
  {
    readonly embed: (texts: ReadonlyArray<string>) => Effect.Effect<
      {
        readonly vectors: ReadonlyArray<Float32Array>
        readonly tokens: number
        /** Response headers in lower case, for the gate. */
        readonly headers?: Readonly<Record<string, string>>
      },
      ModelError
    >
    /** Part of an embedding's key. */
    readonly model: string
    readonly maxBatch: number
    /** Whether calls cost money, so that they go through gate and journal; offline embedders are asked directly. */
    readonly remote: boolean
    readonly endpoint: string
  }
>()("sluice/services/Embedder") {}
