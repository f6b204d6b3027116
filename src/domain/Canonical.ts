import { hash } from "node:crypto"
import type { ChunkId, DecisionId, DocumentId, EntityId, FactId, Group, RelationId } from "./Ids.ts"
import type { DecisionRecord, DocumentState } from "./Graph.ts"

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
      readonly state: DocumentState
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

/** Every field of every kind of record: one that is left out here does not compile. */
const shapes: {
  readonly [Kind in GraphRecord["kind"]]: {
    readonly [Field in keyof Extract<GraphRecord, { readonly kind: Kind }>]-?: 1
  }
} = {
  document: { kind: 1, id: 1, group: 1, mediaType: 1, title: 1, date: 1, text: 1, state: 1 },
  chunk: { kind: 1, id: 1, document: 1, ordinal: 1, start: 1, end: 1, header: 1 },
  entity: { kind: 1, id: 1, type: 1, key: 1, weight: 1 },
  name: { kind: 1, chunk: 1, entity: 1, name: 1, grounded: 1 },
  mention: { kind: 1, chunk: 1, entity: 1, start: 1, end: 1, surface: 1 },
  relation: { kind: 1, id: 1, source: 1, target: 1, type: 1, weight: 1 },
  fact: { kind: 1, id: 1, relation: 1, text: 1, predicate: 1, validAt: 1, invalidAt: 1 },
  support: { kind: 1, chunk: 1, fact: 1 },
  decision: { kind: 1, id: 1, document: 1, from: 1, to: 1, evidence: 1, decidedBy: 1 }
}

/** Each kind's fields in the order of their names. */
const fields: ReadonlyMap<string, ReadonlyArray<string>> = new Map(
  Object.entries(shapes).map(([kind, shape]) => [kind, Object.keys(shape).toSorted()])
)

/**
 * A JSON list of [field, value] in the order of the fields' names, NFC strings; a field that is absent, null or undefined
 * is left out, so the three are one.
 */
export const canonical = (record: GraphRecord): string => {
  const values: { readonly [field: string]: string | number | boolean | null | undefined } = record
  let text = ""
  for (const field of fields.get(record.kind) ?? []) {
    const value = values[field]
    if (value === undefined || value === null) continue
    text += `${text === "" ? "" : ","}["${field}",${JSON.stringify(typeof value === "string" ? value.normalize("NFC") : value)}]`
  }
  return `[${text}]`
}

const limbs = 8
/** Sums of 32-bit numbers stay exact in doubles for two million of them; carries are passed on well before. */
const addsBetweenCarries = 1 << 20

/**
 * The canonical hash of a graph: the sum modulo 2^256 of each record's SHA-256, so it needs no order and constant memory.
 * The sum is kept as eight numbers of 32 bits, the highest first, since big integers would cost more than the hashing.
 */
export class GraphHash {
  readonly #sum = new Float64Array(limbs)
  #adds = 0

  add(record: GraphRecord): void {
    const bytes = hash("sha256", canonical(record), "buffer")
    for (let limb = 0; limb < limbs; limb++) this.#sum[limb] = (this.#sum[limb] ?? 0) + bytes.readUInt32BE(limb * 4)
    if (++this.#adds % addsBetweenCarries === 0) this.#carry()
  }

  digest(): string {
    this.#carry()
    return [...this.#sum].map((limb) => limb.toString(16).padStart(8, "0")).join("")
  }

  #carry(): void {
    let carry = 0
    for (let limb = limbs - 1; limb >= 0; limb--) {
      const sum = (this.#sum[limb] ?? 0) + carry
      carry = Math.floor(sum / 2 ** 32)
      this.#sum[limb] = sum - carry * 2 ** 32
    }
  }
}

export const graphHash = (records: Iterable<GraphRecord>): string => {
  const sum = new GraphHash()
  for (const record of records) sum.add(record)
  return sum.digest()
}
