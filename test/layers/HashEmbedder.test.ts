import { layer } from "../../src/layers/HashEmbedder.ts"
import { suite } from "../suites/Embedder.ts"

suite("HashEmbedder", layer)
