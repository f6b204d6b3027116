import { Predicate } from "effect"
import { hash32 } from "../../domain/Hashing.ts"
import { isIdField } from "./Items.ts"
import type { Item, Reading } from "./Items.ts"

export type Json = null | boolean | number | string | ReadonlyArray<Json> | { readonly [name: string]: Json }

/** An item, as the model sees it: its own reading, and what faults put in. */
export interface View {
  readonly item: Item
  readonly reading: Reading
  /** Names of the item and those that faults added. */
  readonly names: ReadonlyArray<string>
  /** What the type of a name is chosen by. */
  readonly typeKey: (name: string) => string
  /** The id that the answer gives it. */
  readonly id: string | number | undefined
}

interface Pair {
  readonly source: string
  readonly target: string
  readonly sentence: string
}

interface Scope {
  readonly root: unknown
  /** Those that an array may still range over; empty inside an item. */
  readonly views: ReadonlyArray<View>
  readonly view: View
  readonly name?: string
  readonly pair?: Pair
  /** What values without a source in the text are chosen by. */
  readonly key: string
  readonly depth: number
  /** What each schema node comes down to: the same nodes are filled for every name and fact. */
  readonly shapes: Map<unknown, Shape>
}

interface Shape {
  readonly options: ReadonlyArray<Node>
  readonly nullable: boolean
}

type Node = Readonly<Record<string, unknown>>

/** A recursive schema is cut here. */
const deepest = 12

const isName = /^(?:name|entity|surface|mention|canonical_?name)$/i
const isSource = /^(?:source|subject|head|from)(?:$|[_A-Z])/
const isTarget = /^(?:target|object|tail|to)(?:$|[_A-Z])/
const isType = /type|kind|category|class|relation|predicate/i
const isDate = /date|valid|year|since|until|when|^(?:start|end|began|begin)/i
const isNames = /^(?:names|entities|mentions|people)$/i

const follow = (root: unknown, schema: unknown): Node => {
  let at = schema
  for (let hops = 0; hops < deepest && Predicate.isObject(at) && typeof at["$ref"] === "string"; hops++) {
    let target: unknown = root
    for (const step of at["$ref"]
      .replace(/^#\/?/, "")
      .split("/")
      .filter((part) => part !== "")) {
      target = Predicate.isObject(target) ? target[step.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined
    }
    at = target
  }
  return Predicate.isObject(at) ? at : {}
}

const list = (value: unknown): ReadonlyArray<unknown> => (Array.isArray(value) ? value : [])

const propertiesOf = (node: Node): Node => (Predicate.isObject(node["properties"]) ? node["properties"] : {})

/** The branches of a schema that are not null, and whether null is one. */
const branches = (root: unknown, node: Node): Shape => {
  const union = [...list(node["anyOf"]), ...list(node["oneOf"])].map((branch) => follow(root, branch))
  if (union.length > 0) {
    const options = union.filter((branch) => branch["type"] !== "null" && branch["const"] !== null)
    return { options, nullable: options.length < union.length }
  }
  const types = list(node["type"])
  if (types.length === 0) return { options: node["type"] === "null" ? [] : [node], nullable: node["type"] === "null" }
  const options = types.filter((type) => type !== "null").map((type) => ({ ...node, type }))
  return { options, nullable: types.includes("null") }
}

const shapeOf = (schema: unknown, { root, shapes }: Scope): Shape => {
  const known = shapes.get(schema)
  if (known !== undefined) return known
  const shape = branches(root, follow(root, schema))
  shapes.set(schema, shape)
  return shape
}

const pick = <A>(options: ReadonlyArray<A>, key: string): A | undefined => options[hash32(key) % options.length]

const pairsOf = (view: View): ReadonlyArray<Pair> => {
  const pairs = new Map<string, Pair>()
  const add = (source: string | undefined, target: string | undefined, sentence: string | undefined) => {
    if (source === undefined || target === undefined || sentence === undefined || source === target) return
    pairs.set(`${source}\u0000${target}\u0000${sentence}`, { source, target, sentence })
  }
  for (const { names, text } of view.reading.sentences) {
    for (let i = 1; i < names.length; i++) add(names[i - 1], names[i], text)
  }
  // A name that a fault put in comes with a fact, as a confused model's would.
  add(view.reading.names[0], view.names[view.reading.names.length], view.reading.sentences[0]?.text)
  return [...pairs.values()]
}

const words = ["alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta"]

const yearsIn = (text: string): ReadonlyArray<string> => text.match(/(?<!\d)(?:1[0-9]|20)\d\d(?!\d)/g) ?? []

const dated = (year: string, format: unknown): string =>
  format === "date-time" ? `${year}-01-01T00:00:00Z` : format === "date" ? `${year}-01-01` : year

const sentenceOf = (scope: Scope): string =>
  scope.pair?.sentence ?? scope.view.reading.sentences[0]?.text ?? scope.view.item.text

/** @param nth which of the object's date fields it is: the first gets the sentence's first year */
const stringFor = (node: Node, field: string, scope: Scope, nth: number): string | undefined => {
  if (scope.pair !== undefined) {
    if (isSource.test(field)) return scope.pair.source
    if (isTarget.test(field)) return scope.pair.target
  }
  if (scope.name !== undefined && isName.test(field)) return scope.name
  if (scope.name === undefined && scope.pair === undefined && isIdField(field) && scope.view.id !== undefined) {
    return String(scope.view.id)
  }
  if (isDate.test(field) || node["format"] === "date" || node["format"] === "date-time") {
    const year = yearsIn(sentenceOf(scope))[nth]
    return year === undefined ? undefined : dated(year, node["format"])
  }
  if (isType.test(field)) return pick(words, `${scope.key}/${field}`)
  return scope.name ?? sentenceOf(scope)
}

const numberFor = (node: Node, field: string, scope: Scope): number => {
  const names = scope.view.names
  const offset = typeof node["minimum"] === "number" ? node["minimum"] : 0
  if (scope.pair !== undefined && isSource.test(field)) return names.indexOf(scope.pair.source) + offset
  if (scope.pair !== undefined && isTarget.test(field)) return names.indexOf(scope.pair.target) + offset
  if (isIdField(field)) {
    if (scope.name !== undefined) return names.indexOf(scope.name) + offset
    if (typeof scope.view.id === "number") return scope.view.id
  }
  const bound = (name: string, otherwise: number) => (typeof node[name] === "number" ? node[name] : otherwise)
  const low = bound("minimum", bound("exclusiveMinimum", -1) + 1)
  const high = Math.max(low, bound("maximum", bound("exclusiveMaximum", Math.ceil(low) + 101) - 1))
  if (node["type"] !== "integer") return low + ((hash32(`${scope.key}/${field}`) % 1_001) / 1_000) * (high - low)
  return Math.ceil(low) + (hash32(`${scope.key}/${field}`) % (Math.floor(high) - Math.ceil(low) + 1))
}

const arrayFor = (node: Node, field: string, scope: Scope): ReadonlyArray<Json> => {
  const element = follow(scope.root, node["items"])
  const inner = { ...scope, depth: scope.depth + 1 }
  const inside = scope.name !== undefined || scope.pair !== undefined
  if (element["type"] === "string") {
    return !inside && isNames.test(field) && element["enum"] === undefined ? [...scope.view.names] : []
  }
  const fields = Object.entries(propertiesOf(element))
  const has = (test: (name: string) => boolean) => fields.some(([name]) => test(name))
  const hasName = has((name) => isName.test(name))
  const nests = fields.some(([, schema]) => follow(scope.root, schema)["type"] === "array")
  if (scope.views.length > 0 && !inside && (has(isIdField) ? !hasName || nests : nests && !hasName)) {
    return scope.views.map((view) =>
      fill(element, field, { ...inner, views: [], view, key: String(view.item.hash) }, 0)
    )
  }
  if (inside) return []
  if (has((name) => isSource.test(name)) && has((name) => isTarget.test(name))) {
    return pairsOf(scope.view).map((pair) =>
      fill(element, field, { ...inner, pair, key: `${pair.source}\u0000${pair.target}` }, 0)
    )
  }
  if (!hasName) return []
  return scope.view.names.map((name) => fill(element, field, { ...inner, name, key: scope.view.typeKey(name) }, 0))
}

const fill = (schema: unknown, field: string, scope: Scope, nth: number): Json => {
  const { nullable, options } = shapeOf(schema, scope)
  const node = options[0]
  if (node === undefined || scope.depth > deepest) return null
  const known = node["enum"] ?? (node["const"] === undefined ? undefined : [node["const"]])
  if (Array.isArray(known)) {
    const value: unknown = nullable ? null : pick(known, `${scope.key}/${field}`)
    return typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null
  }
  if (node["anyOf"] !== undefined || node["oneOf"] !== undefined)
    return fill(node, field, { ...scope, depth: scope.depth + 1 }, nth)
  if (node["type"] === "array") return take(arrayFor(node, field, scope), node["maxItems"])
  if (node["type"] === "object" || node["properties"] !== undefined) {
    let dates = 0
    const inner = { ...scope, depth: scope.depth + 1 }
    const filled: Record<string, Json> = {}
    for (const [name, property] of Object.entries(propertiesOf(node))) {
      filled[name] = fill(property, name, inner, isDate.test(name) ? dates++ : 0)
    }
    return filled
  }
  if (node["type"] === "string") {
    const value = stringFor(node, field, scope, nth)
    // Of what may be null, only what the text says is told.
    if (nullable && (value === undefined || !isDate.test(field))) return null
    return take(value ?? dated("2000", node["format"]), node["maxLength"])
  }
  if (nullable || node["type"] === undefined) return null
  return node["type"] === "boolean" ? false : numberFor(node, field, scope)
}

const take = <A extends string | ReadonlyArray<Json>>(value: A, most: unknown): string | ReadonlyArray<Json> =>
  typeof most === "number" ? value.slice(0, most) : value

/**
 * A value for a JSON schema, from the items alone: an array whose elements have an id gets one element per item; inside
 * it, objects with a `name` are the names that stand in the item's text, objects with a `source` and a `target` are
 * neighbours in one of its sentences. Enumerations and numbers are chosen by a hash, what may be null is null, and
 * booleans are false. `views` must not be empty.
 */
export const answer = (schema: unknown, views: ReadonlyArray<View>): Json => {
  const first = views[0]
  if (first === undefined) return null
  const names = [...new Set(views.flatMap((view) => view.names))]
  const all: View =
    views.length === 1
      ? first
      : {
          ...first,
          reading: { names, sentences: views.flatMap((view) => view.reading.sentences) },
          names,
          item: { ...first.item, text: views.map((view) => view.item.text).join("\n") }
        }
  return fill(
    schema,
    "",
    { root: schema, views, view: all, key: String(all.item.hash), depth: 0, shapes: new Map() },
    0
  )
}
