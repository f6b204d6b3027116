import { layerMemory } from "../../src/services/DocumentSource.ts"
import { suite } from "../suites/DocumentSource.ts"

const documents = [
  { uri: "b.txt", content: "two" },
  { uri: "a.txt", content: "öne" }
]

suite("memory", layerMemory(documents), documents)
