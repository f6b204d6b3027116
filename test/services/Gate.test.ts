import * as Gate from "../../src/services/Gate.ts"
import { suite } from "../suites/Gate.ts"

suite("one process", (ceiling) => Gate.layer({ ceiling, adaptive: false }))
