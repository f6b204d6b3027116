import { hash } from "node:crypto"
import { Schema } from "effect"

/**
 * Every id is 128 bits of SHA-256 over what the thing is, in lower-case hex, and begins with the group. So the same
 * input makes the same id in every process and every run, and no two groups can share one.
 */
const Id = Schema.String.check(Schema.isPattern(/^[0-9a-f]{32}$/))

export const DocumentId = Id.pipe(Schema.brand("DocumentId"))
export type DocumentId = typeof DocumentId.Type
export const ChunkId = Id.pipe(Schema.brand("ChunkId"))
export type ChunkId = typeof ChunkId.Type
export const EntityId = Id.pipe(Schema.brand("EntityId"))
export type EntityId = typeof EntityId.Type
export const RelationId = Id.pipe(Schema.brand("RelationId"))
export type RelationId = typeof RelationId.Type
export const FactId = Id.pipe(Schema.brand("FactId"))
export type FactId = typeof FactId.Type
export const DecisionId = Id.pipe(Schema.brand("DecisionId"))
export type DecisionId = typeof DecisionId.Type
/** Names an item's answer in the journal: hash(group, kind, recipe, the item's own header and text). */
export const ItemKey = Id.pipe(Schema.brand("ItemKey"))
export type ItemKey = typeof ItemKey.Type
/**
 * Names a chunk's header and text, whatever document they are in. Its answers, whatever their recipes, are found by it when
 * the last document that has them is forgotten.
 */
export const ChunkKey = Id.pipe(Schema.brand("ChunkKey"))
export type ChunkKey = typeof ChunkKey.Type
/** Names everything that decides an answer besides the item itself. */
export const Recipe = Id.pipe(Schema.brand("Recipe"))
export type Recipe = typeof Recipe.Type
export const RunId = Schema.NonEmptyString.pipe(Schema.brand("RunId"))
export type RunId = typeof RunId.Type
/** Tenant or workspace; part of every id, key and query. */
export const Group = Schema.String.check(Schema.isPattern(/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,63}$/u)).pipe(
  Schema.brand("Group")
)
export type Group = typeof Group.Type

/** Digests are hex of the right length by construction, and ids are made a hundred times a chunk. */
const made = { disableChecks: true }

/** Parts are prefixed by their length, so that no two lists of parts are the same string. */
const digest = (parts: ReadonlyArray<string>): string => {
  let text = ""
  for (const part of parts) text += `${part.length}:${part}`
  return hash("sha256", text, "hex").slice(0, 32)
}

/** `format`: what the document's name decides of how its bytes are read, if anything. */
export const documentId = (group: Group, bytes: Uint8Array, format = ""): DocumentId =>
  DocumentId.make(digest(["document", group, hash("sha256", bytes, "hex"), ...(format === "" ? [] : [format])]), made)

export const chunkId = (document: DocumentId, ordinal: number): ChunkId =>
  ChunkId.make(digest(["chunk", document, String(ordinal)]), made)

export const chunkKey = (group: Group, header: string, text: string): ChunkKey =>
  ChunkKey.make(digest(["chunk key", group, header, text]), made)

/** `key` is the normalised name (see Names.ts). */
export const entityId = (group: Group, type: string, key: string): EntityId =>
  EntityId.make(digest(["entity", group, type, key]), made)

export const relationId = (group: Group, source: EntityId, type: string, target: EntityId): RelationId =>
  RelationId.make(digest(["relation", group, source, type, target]), made)

export const factId = (
  relation: RelationId,
  text: string,
  predicate?: string,
  validAt?: string,
  invalidAt?: string
): FactId => FactId.make(digest(["fact", relation, text, predicate ?? "", validAt ?? "", invalidAt ?? ""]), made)

export const decisionId = (document: DocumentId, from: EntityId, to: EntityId): DecisionId =>
  DecisionId.make(digest(["decision", document, from, to]), made)

/** For stores that cannot index a name of any length. */
export const sourceId = (group: Group, uri: string): string => digest(["source", group, uri])

export const itemKey = (group: Group, kind: string, recipe: Recipe, ...item: ReadonlyArray<string>): ItemKey =>
  ItemKey.make(digest(["item", group, kind, recipe, ...item]), made)

export const recipe = (...parts: ReadonlyArray<string>): Recipe => Recipe.make(digest(["recipe", ...parts]), made)
