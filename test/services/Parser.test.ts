import { layerText } from "../../src/services/Parser.ts"
import { suite } from "../suites/Parser.ts"

suite("text", layerText)
