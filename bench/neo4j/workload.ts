import { relationId, chunkId, documentId, entityId, Group } from "../../src/domain/Ids.ts"

/** A generator of its own, so that every run has the same rows (Steele, Lea and Flood 2014: SplitMix). */
export const random = (seed: number) => {
  let state = seed >>> 0
  return (): number => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = state
    mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32
  }
}

/** Ranks from 0, the n-th as likely as 1/(n+1): the hubs of real graphs. */
export const zipf = (count: number, next: () => number) => {
  const sums = new Float64Array(count)
  let sum = 0
  for (let rank = 0; rank < count; rank++) sums[rank] = sum += 1 / (rank + 1)
  return (): number => {
    const at = next() * sum
    let low = 0
    let high = count - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((sums[middle] ?? 0) < at) low = middle + 1
      else high = middle
    }
    return low
  }
}

export interface Entity {
  readonly id: string
  readonly type: string
  readonly key: string
  readonly name: string
}

export interface Mention {
  readonly chunk: string
  readonly entity: string
  readonly start: number
  readonly surface: string
}

export interface Relation {
  readonly id: string
  readonly source: string
  readonly target: string
  readonly type: string
}

/** Rows of one trial, in a group of their own. */
export interface Workload {
  readonly group: Group
  readonly entities: ReadonlyArray<Entity>
  readonly chunks: ReadonlyArray<string>
  readonly mentions: ReadonlyArray<Mention>
  readonly relations: ReadonlyArray<Relation>
}

const entityTypes = 8
const relationTypes = 30
const mentionsPerChunk = 12

/** `rows` of each kind but chunks; entities that mentions and relations speak of follow Zipf, and so do types. */
export const workload = (group: Group, rows: number): Workload => {
  const next = random(7)
  const typeOf = zipf(entityTypes, next)
  const relationTypeOf = zipf(relationTypes, next)
  const entities = Array.from({ length: rows }, (_, index): Entity => {
    const type = `Type${typeOf()}`
    const key = `entity ${index} of the bench`
    return { id: entityId(group, type, key), type, key, name: `Entity ${index} of the Bench` }
  })
  const entityOf = zipf(rows, next)
  const anyEntity = (): Entity => {
    const entity = entities[entityOf()]
    if (entity === undefined) throw new Error("a rank beyond the entities")
    return entity
  }
  const document = documentId(group, new TextEncoder().encode("bench"))
  const chunks = Array.from({ length: Math.ceil(rows / mentionsPerChunk) }, (_, index) => chunkId(document, index))
  const mentions = Array.from({ length: rows }, (_, index): Mention => {
    const entity = anyEntity()
    return {
      chunk: chunks[Math.floor(index / mentionsPerChunk)] ?? "",
      entity: entity.id,
      start: index % mentionsPerChunk,
      surface: entity.name
    }
  })
  const relations = new Map<string, Relation>()
  while (relations.size < rows) {
    const [source, target] = [anyEntity(), anyEntity()]
    const type = `RELATION_${relationTypeOf()}`
    const id = relationId(
      group,
      entityId(group, source.type, source.key),
      type,
      entityId(group, target.type, target.key)
    )
    if (source.id !== target.id) relations.set(id, { id, source: source.id, target: target.id, type })
  }
  return { group, entities, chunks, mentions, relations: [...relations.values()] }
}

export const batches = <A>(rows: ReadonlyArray<A>, size: number): ReadonlyArray<ReadonlyArray<A>> =>
  Array.from({ length: Math.ceil(rows.length / size) }, (_, index) => rows.slice(index * size, (index + 1) * size))
