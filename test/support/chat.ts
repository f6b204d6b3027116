import { Schema } from "effect"
import { OpenAiStructuredOutput } from "effect/ai"
import type { ChatRequest } from "../../src/services/ChatModel.ts"

/** An extraction's answer as any extractor might ask for it; not the one that the program asks for. */
export const Answer = Schema.Struct({
  chunks: Schema.Array(
    Schema.Struct({
      id: Schema.String,
      entities: Schema.Array(
        Schema.Struct({
          name: Schema.String,
          type: Schema.Literals(["Person", "Organization", "Location"]),
          aliases: Schema.Array(Schema.String)
        })
      ),
      facts: Schema.Array(
        Schema.Struct({
          source: Schema.String,
          target: Schema.String,
          type: Schema.Literals(["KNOWS", "WORKS_FOR"]),
          text: Schema.String,
          validAt: Schema.optionalKey(Schema.String),
          invalidAt: Schema.NullOr(Schema.String),
          confidence: Schema.Int.check(Schema.isBetween({ minimum: 0, maximum: 100 }))
        })
      )
    })
  )
})

const { codec, jsonSchema } = OpenAiStructuredOutput.toCodecOpenAI(Answer)

export const decodeAnswer = Schema.decodeUnknownEffect(Schema.fromJsonString(codec))

/** A request for what stands in the texts, which get the ids c1, c2, … */
export const requestFor = (texts: ReadonlyArray<string>, maxOutputTokens = 4_000): ChatRequest => ({
  model: "test-model",
  messages: [
    { role: "system", content: "Find names and facts." },
    {
      role: "user",
      content: JSON.stringify({
        chunks: texts.map((text, i) => ({ id: `c${i + 1}`, context: "Title › Heading", text }))
      })
    }
  ],
  schema: { name: "answer", schema: jsonSchema },
  maxOutputTokens
})

/** The key of such a text in the provider's ledger. */
export const itemOf = (text: string): string => `Title › Heading\u0000${text}`
