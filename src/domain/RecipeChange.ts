/** What decides what a document becomes, part by part: `model`, `prompt`, `ontology`, `chunker` and so on, each with its value. */
export type RecipeParts = Readonly<Record<string, string>>

/** Parts on which a model's answers depend; of these alone a change costs money, where a model extracts. */
const extraction = ["extractor", "model", "prompt", "ontology"]

/** Whose values tell people something; of the others it is enough that they changed. */
const telling = ["extractor", "model", "embedding"]

const names: Readonly<Record<string, string>> = {
  extractor: "the extractor",
  model: "the model",
  prompt: "the prompt",
  ontology: "the ontology",
  parser: "the way files are read",
  chunker: "the way documents are cut",
  embedding: "the embedding model",
  projection: "the way extractions become a graph"
}

/** Parts that differ. One that only one of them has belongs to the extractor, whose own change says more. */
const changed = (before: RecipeParts, after: RecipeParts): ReadonlyArray<string> =>
  Object.keys(names).filter((part) => part in before && part in after && before[part] !== after[part])

export const isSame = (before: RecipeParts, after: RecipeParts): boolean => changed(before, after).length === 0

/** Whether the same answers would be asked for of the same texts. */
export const asksTheSame = (before: RecipeParts, after: RecipeParts): boolean =>
  extraction.every((part) => before[part] === after[part])

/** What a change of recipe touches, and what that came to and would come to. */
export interface Affected {
  /** Made by another recipe than the one that is now; of the whole group. */
  readonly documents: number
  readonly chunks: number
  /** Whether a run of the group has had the same questions before. */
  readonly isKnown: boolean
  /** Of extracting as many chunks: what it cost, and what it will; without `usd` where the model's price is not known. */
  readonly before?: { readonly usd: number }
  readonly now?: { readonly usd?: number; readonly input: number; readonly output: number }
}

const number = new Intl.NumberFormat("en-US")
const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 1 })

const counted = (value: number, what: string): string => `${number.format(value)} ${what}${value === 1 ? "" : "s"}`

const money = (usd: number): string => `$${usd < 0.01 ? usd.toFixed(4) : usd.toFixed(2)}`

const costs = ({ before, isKnown, now }: Affected): string => {
  if (isKnown) return "what was answered to the same questions before comes from the journal and costs nothing"
  if (now === undefined) return "`--dry-run` counts what that costs"
  const last = before === undefined || before.usd === 0 ? "" : ` (last time ${money(before.usd)})`
  return now.usd === undefined
    ? `about ${compact.format(now.input)} tokens in and ${compact.format(now.output)} out${last}`
    : `about ${money(now.usd)}${last}`
}

const sentence = (text: string): string => `${text.charAt(0).toUpperCase()}${text.slice(1)}.`

/**
 * What has changed between two recipes, and what that means for the documents that are read, in two lines for people; none
 * if nothing has, or no document is made otherwise.
 */
export const explain = (before: RecipeParts, after: RecipeParts, affected: Affected): ReadonlyArray<string> => {
  const parts = changed(before, after)
  if (parts.length === 0 || affected.documents === 0) return []
  const what = parts.map((part) =>
    telling.includes(part)
      ? `${names[part]} was ${before[part]} and is ${after[part]}`
      : `${names[part]} ${part === "model" ? "is another" : "has changed"}`
  )
  const documents = `${counted(affected.documents, "document")} with ${counted(affected.chunks, "chunk")}`
  const isModel = after["extractor"] === "llm"
  const asks = !asksTheSame(before, after)
  const becomes =
    isModel && asks
      ? `will be extracted again as they are read: ${costs(affected)}`
      : isModel
        ? `will be made again as they are read: chunks whose text stays the same are not paid for again${
            parts.includes("embedding") ? ", but for their embeddings" : ""
          }`
        : "will be made again as they are read, offline and free"
  return [sentence(what.join(", ")), `${documents} ${becomes}.`]
}
