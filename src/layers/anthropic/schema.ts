import { Option, Schema } from "effect"

const asObject = Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Unknown))
const asArray = Schema.decodeUnknownOption(Schema.Array(Schema.Unknown))

const kept = new Set(["$ref", "type", "title", "description", "enum", "const", "required", "pattern"])
const schemaLists = new Set(["anyOf", "oneOf", "allOf"])
const schemaMaps = new Set(["properties", "$defs", "definitions"])
const formats = new Set(["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"])
/** They say nothing of what an answer may be. */
const annotations = new Set([
  "$schema",
  "$id",
  "$comment",
  "default",
  "examples",
  "readOnly",
  "writeOnly",
  "deprecated"
])

const isObjectType = (type: unknown): boolean =>
  type === "object" || (Array.isArray(type) && type.some((one) => one === "object"))

/**
 * The part of a JSON schema that Anthropic's structured output takes: no bounds on numbers, lengths or counts, no
 * `oneOf`, and objects closed (https://docs.claude.com/en/docs/build-with-claude/structured-outputs). What it does not
 * take is told to the model in the description instead; whoever asks checks the answer in any case. Recursive schemas
 * are left as they are, and turned away by the provider. No schema of ours is deeper than a few levels.
 */
export const withoutUnsupported = (schema: unknown): unknown => {
  const from = Option.getOrUndefined(asObject(schema))
  if (from === undefined) return schema
  const to: Record<string, unknown> = {}
  const told: Array<string> = []
  for (const [key, value] of Object.entries(from)) {
    if (kept.has(key)) to[key] = value
    else if (key === "items") to[key] = withoutUnsupported(value)
    else if (schemaLists.has(key)) {
      const members = Option.getOrElse(asArray(value), () => [])
      to[key === "oneOf" ? "anyOf" : key] = members.map(withoutUnsupported)
    } else if (schemaMaps.has(key)) {
      const members = Option.getOrElse(asObject(value), () => ({}))
      to[key] = Object.fromEntries(Object.entries(members).map(([name, member]) => [name, withoutUnsupported(member)]))
    } else if (key === "format" && typeof value === "string" && formats.has(value)) to[key] = value
    else if (key !== "additionalProperties" && !annotations.has(key)) told.push(`${key}: ${JSON.stringify(value)}`)
  }
  if (isObjectType(from["type"]) || from["properties"] !== undefined) to["additionalProperties"] = false
  if (told.length > 0) {
    const description = typeof from["description"] === "string" ? `${from["description"]} ` : ""
    to["description"] = `${description}(${told.join(", ")})`
  }
  return to
}
