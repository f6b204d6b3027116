import { ParseError } from "../../services/Parser.ts"
import type { Parse } from "./formats.ts"

export const parseOpenDocument: Parse = (uri) => {
  throw new ParseError({ uri, reason: "unsupported", message: `${uri} cannot be read yet` })
}
