import { hash } from "node:crypto"
import type { ChunkId, DecisionId, DocumentId, EntityId, FactId, Group, RelationId } from "./Ids.ts"
import type { DecisionRecord } from "./Graph.ts"

/**
 * What a store holds, as records: the one form in which graphs are compared and exported. Whatever the engine, a store
 * gives each record of a group once; order does not matter. Embeddings, scores, times, run ids, cost and source names
 * are no part of it.
 */
export type GraphRecord =
  | {
      readonly kind: "document"
      readonly id: DocumentId
      readonly group: Group
      readonly mediaType: string
      readonly title: string
      readonly date?: string
      readonly text: string
      readonly state: "complete" | "partial"
    }
  | {
      readonly kind: "chunk"
      readonly id: ChunkId
      readonly document: DocumentId
      readonly ordinal: number
      readonly start: number
      readonly end: number
      readonly header: string
    }
  | {
      readonly kind: "entity"
      readonly id: EntityId
      readonly type: string
      readonly key: string
      /** How many (chunk, name) rows call it so. */
      readonly weight: number
    }
  | {
      readonly kind: "name"
      readonly chunk: ChunkId
      readonly entity: EntityId
      readonly name: string
      readonly grounded: boolean
    }
  | {
      readonly kind: "mention"
      readonly chunk: ChunkId
      readonly entity: EntityId
      readonly start: number
      readonly end: number
      readonly surface: string
    }
  | {
      readonly kind: "relation"
      readonly id: RelationId
      readonly source: EntityId
      readonly target: EntityId
      readonly type: string
      /** How many (chunk, fact) rows support it. */
      readonly weight: number
    }
  | {
      readonly kind: "fact"
      readonly id: FactId
      readonly relation: RelationId
      readonly text: string
      readonly predicate?: string
      readonly validAt?: string
      readonly invalidAt?: string
    }
  | { readonly kind: "support"; readonly chunk: ChunkId; readonly fact: FactId }
  | {
      readonly kind: "decision"
      readonly id: DecisionId
      readonly document: DocumentId
      readonly from: EntityId
      readonly to: EntityId
      readonly evidence: string
      readonly decidedBy: DecisionRecord["decidedBy"]
    }

/**
 * Fields in the order of their names, NFC strings; a field that is absent, null or undefined is left out, so the three
 * are one.
 */
export const canonical = (record: GraphRecord): string =>
  JSON.stringify(
    Object.entries(record)
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([field, value]) => [field, typeof value === "string" ? value.normalize("NFC") : value])
      .toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1))
  )

const modulus = 1n << 256n

/**
 * The canonical hash of a graph: the sum modulo 2^256 of each record's SHA-256, so it needs no order and constant memory.
 */
export class GraphHash {
  #sum = 0n

  add(record: GraphRecord): void {
    this.#sum = (this.#sum + BigInt(`0x${hash("sha256", canonical(record), "hex")}`)) % modulus
  }

  digest(): string {
    return this.#sum.toString(16).padStart(64, "0")
  }
}

export const graphHash = (records: Iterable<GraphRecord>): string => {
  const sum = new GraphHash()
  for (const record of records) sum.add(record)
  return sum.digest()
}
