import type { Chunk } from "../../src/domain/Chunk.ts"
import type { Extraction } from "../../src/domain/Extraction.ts"
import { hashedVector } from "../../src/domain/Hashing.ts"
import { chunkId, documentId, recipe } from "../../src/domain/Ids.ts"
import type { Group } from "../../src/domain/Ids.ts"
import { defaultOntology } from "../../src/domain/Ontology.ts"
import { projectDocument } from "../../src/domain/Projection.ts"
import type { Write } from "../../src/services/GraphStore.ts"

/** Of the embeddings. */
export const dimensions = 256

/** A document of one chunk, as it comes to the store. Types stay as they are: a closed ontology would make them all one. */
export const documentOf = (
  group: Group,
  index: number,
  { text, title, ...extraction }: { readonly text: string; readonly title: string } & Extraction
): Write => {
  const id = documentId(group, new TextEncoder().encode(text))
  const chunk: Chunk = {
    id: chunkId(id, 0),
    document: id,
    ordinal: 0,
    start: 0,
    end: text.length,
    text,
    header: "",
    tokens: Math.ceil(text.length / 4)
  }
  const extractions = new Map([[0, extraction]])
  const ontology = { ...defaultOntology, open: true }
  return {
    _tag: "document",
    sources: [`${index}.txt`],
    resolved: {
      document: { id, group, mediaType: "text/plain", title, text, blocks: [] },
      recipe: recipe("bench"),
      chunks: [chunk],
      extractions,
      graph: projectDocument({ group, document: id, ontology, chunks: [chunk], extractions })
    },
    deadLetters: [],
    embeddings: [{ chunk: chunk.id, vector: hashedVector(text, dimensions) }]
  }
}
