import * as SqliteStore from "../../src/layers/SqliteStore.ts"
import { suite as graphStore } from "../suites/GraphStore.ts"

graphStore("SQLite in memory", SqliteStore.layerMemory)
