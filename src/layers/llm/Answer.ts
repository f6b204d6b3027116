import { Option, Schema } from "effect"
// Not by way of "effect/ai", which loads also what serves tools and talks to models.
import * as OpenAiStructuredOutput from "effect/ai/OpenAiStructuredOutput"
import type { DeadLetterCause } from "../../domain/DeadLetter.ts"
import type { Extraction } from "../../domain/Extraction.ts"
import { isGrounded } from "../../domain/Grounding.ts"
import { anyEntity, anyRelation } from "../../domain/Ontology.ts"
import type { Ontology } from "../../domain/Ontology.ts"
import type { ChatResponse } from "../../services/ChatModel.ts"
import type { PromptItem } from "./Prompt.ts"

/** The strict schema that the provider is asked to follow. */
export const jsonSchema = (ontology: Ontology): object => {
  const oneOf = (types: ReadonlyArray<string>) => (ontology.open ? Schema.String : Schema.Literals([...new Set(types)]))
  const Item = Schema.Struct({
    id: Schema.String,
    entities: Schema.Array(
      Schema.Struct({
        name: Schema.String,
        type: oneOf([...Object.keys(ontology.entities), anyEntity]),
        aliases: Schema.Array(Schema.String)
      })
    ),
    facts: Schema.Array(
      Schema.Struct({
        source: Schema.String,
        target: Schema.String,
        type: oneOf([...Object.keys(ontology.relations), anyRelation]),
        text: Schema.String,
        validAt: Schema.NullOr(Schema.String),
        invalidAt: Schema.NullOr(Schema.String),
        confidence: Schema.Finite
      })
    )
  })
  return OpenAiStructuredOutput.toCodecOpenAI(Schema.Struct({ chunks: Schema.Array(Item) })).jsonSchema
}

/**
 * What is taken from an answer. Looser than what was asked for, because servers that only claim to enforce a schema
 * leave out what is empty; but a name that is missing is never made up.
 */
const Name = Schema.String.check(Schema.isPattern(/\S/), Schema.isMaxLength(300))
const AnsweredItem = Schema.Struct({
  entities: Schema.Array(
    Schema.Struct({
      name: Name,
      type: Schema.optional(Schema.NullOr(Schema.String)),
      aliases: Schema.optional(Schema.NullOr(Schema.Array(Schema.String)))
    })
  ),
  facts: Schema.optional(
    Schema.NullOr(
      Schema.Array(
        Schema.Struct({
          source: Name,
          target: Name,
          type: Schema.optional(Schema.NullOr(Schema.String)),
          text: Schema.optional(Schema.NullOr(Schema.String)),
          validAt: Schema.optional(Schema.NullOr(Schema.String)),
          invalidAt: Schema.optional(Schema.NullOr(Schema.String)),
          confidence: Schema.optional(Schema.NullOr(Schema.Finite))
        })
      )
    )
  )
})

const decodeItem = Schema.decodeUnknownOption(AnsweredItem)
const decodeAnswer = Schema.decodeUnknownOption(
  Schema.fromJsonString(Schema.Struct({ chunks: Schema.Array(Schema.Unknown) }))
)
const decodeLabel = Schema.decodeUnknownOption(Schema.Struct({ id: Schema.String }))

const isoDate = /^\d{4}(-\d{2}(-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?$/

const clean = (text: string): string =>
  text
    .toWellFormed()
    .replace(/[\u0000-\u001f\u007f-\u009f]+/g, " ")
    .trim()

const date = (text: string | null | undefined): string | undefined =>
  typeof text === "string" && isoDate.test(text.trim()) ? text.trim() : undefined

const toExtraction = (item: typeof AnsweredItem.Type): Extraction => ({
  entities: item.entities.map(({ aliases, name, type }) => ({
    name: clean(name),
    type: clean(type ?? anyEntity),
    aliases: [...new Set((aliases ?? []).map(clean))].filter((alias) => alias !== "" && alias.length <= 300)
  })),
  facts: (item.facts ?? []).map((fact) => {
    const validAt = date(fact.validAt)
    const invalidAt = date(fact.invalidAt)
    return {
      source: clean(fact.source),
      target: clean(fact.target),
      type: clean(fact.type ?? anyRelation),
      text: clean(fact.text ?? "")
        .slice(0, 1000)
        .toWellFormed(),
      ...(validAt === undefined ? {} : { validAt }),
      ...(invalidAt === undefined ? {} : { invalidAt }),
      ...(typeof fact.confidence === "number"
        ? { confidence: Math.round(Math.min(1, Math.max(0, fact.confidence)) * 100) }
        : {})
    }
  })
})

const namesIn = (extraction: Extraction): ReadonlySet<string> =>
  new Set([
    ...extraction.entities.flatMap(({ aliases, name }) => [name, ...aliases]),
    ...extraction.facts.flatMap(({ source, target }) => [source, target])
  ])

/** A name that stands in a pack-mate's text, and not in the item's own, has leaked from there. */
const leak = (extraction: Extraction, item: PromptItem, mates: ReadonlyArray<PromptItem>): string | undefined => {
  if (mates.length === 0) return undefined
  for (const name of namesIn(extraction)) {
    if (isGrounded(item.text, name) || isGrounded(item.header, name)) continue
    if (mates.some((mate) => isGrounded(mate.text, name))) return name
  }
  return undefined
}

export interface Fault {
  readonly cause: DeadLetterCause
  readonly message: string
}

/** What an answer is worth: as a whole nothing, or something for each item. */
export type Judgement =
  | { readonly _tag: "unusable"; readonly fault: Fault }
  | {
      readonly _tag: "items"
      /** Without those that a cut answer did not get to. */
      readonly items: ReadonlyMap<string, Extraction | Fault>
    }

export const isFault = (one: Extraction | Fault): one is Fault => "cause" in one

const unusable = (cause: DeadLetterCause, message: string): Judgement => ({
  _tag: "unusable",
  fault: { cause, message }
})

/** Models that were not made to answer in JSON wrap it in a fence, or talk before and after it. */
const withoutTalk = (content: string): string => {
  const start = content.indexOf("{")
  const end = content.lastIndexOf("}")
  return start < end ? content.slice(start, end + 1) : content
}

const invalid = (message: string): Fault => ({ cause: "invalid-answer", message })

const decodeElement = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Unknown))

/** The elements of the list in an answer that breaks off, as far as they are complete. */
const completeElements = (content: string): ReadonlyArray<unknown> => {
  const list = /^[^[{]*\{\s*"chunks"\s*:\s*\[/.exec(content)
  if (list === null) return []
  const found: Array<unknown> = []
  let depth = 0
  let start = 0
  let isText = false
  for (let index = list[0].length; index < content.length; index++) {
    const character = content[index]
    if (isText) {
      if (character === "\\") index++
      else if (character === '"') isText = false
    } else if (character === '"') isText = true
    else if (character === "{" || character === "[") {
      if (depth++ === 0) start = index
    } else if (character === "}" || character === "]") {
      if (--depth < 0) break
      if (depth > 0) continue
      const element = Option.getOrUndefined(decodeElement(content.slice(start, index + 1)))
      if (element === undefined) break
      found.push(element)
    }
  }
  return found
}

export const judge = (response: ChatResponse, asked: ReadonlyArray<PromptItem>): Judgement => {
  if (response.finish === "refusal") return unusable("refused", "The model refused to answer.")
  const isCut = response.finish === "length"
  const complete = isCut ? completeElements(response.content) : []
  if (isCut && complete.length === 0) return unusable("truncated", "The answer was cut off at its length limit.")
  const answer = isCut ? Option.some({ chunks: complete }) : decodeAnswer(withoutTalk(response.content))
  if (Option.isNone(answer)) {
    return unusable(
      "invalid-answer",
      response.content.trim() === "" ? "The answer is empty." : "The answer is not the JSON that was asked for."
    )
  }
  const byLabel = Map.groupBy(answer.value.chunks, (chunk) => Option.getOrUndefined(decodeLabel(chunk))?.id)
  const judgeItem = (item: PromptItem): Extraction | Fault => {
    const [given, ...more] = byLabel.get(item.id) ?? []
    if (given === undefined) return invalid("The answer leaves this chunk out.")
    if (more.length > 0) return invalid("The answer names this chunk more than once.")
    const decoded = decodeItem(given)
    if (Option.isNone(decoded)) return invalid("What the answer says of this chunk does not follow the schema.")
    const extraction = toExtraction(decoded.value)
    const leaked = leak(
      extraction,
      item,
      asked.filter((mate) => mate !== item)
    )
    return leaked === undefined ? extraction : invalid(`The answer gives it the name "${leaked}" of another chunk.`)
  }
  const told = isCut ? asked.filter(({ id }) => byLabel.has(id)) : asked
  return { _tag: "items", items: new Map(told.map((item) => [item.id, judgeItem(item)])) }
}
