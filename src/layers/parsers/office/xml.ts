import { Parser } from "htmlparser2"
import { ParseError } from "../../../domain/ParseError.ts"
import { utf16Mark, utf16OfMarkup } from "../decode.ts"

/** As written, with prefixes; read them with `attribute`. */
export type Attributes = Readonly<Record<string, string>>

/** Events of an element tree; names come without their prefix, and every element that is opened is closed. */
export interface XmlReader {
  readonly open: (name: string, attributes: Attributes) => void
  readonly close?: (name: string) => void
  readonly text?: (text: string) => void
}

/** Elements within each other. Office documents stay below 100; the tokenizer's work grows with the depth. */
const maxDepth = 256

const local = (name: string): string => name.slice(name.indexOf(":") + 1)

/** The value of an attribute whose name without prefix is `name`. */
export const attribute = (attributes: Attributes, name: string): string | undefined => {
  if (Object.hasOwn(attributes, name)) return attributes[name]
  for (const key of Object.keys(attributes)) if (local(key) === name) return attributes[key]
  return undefined
}

/** As `attribute`, but only with a prefix: `r:id` beside `id`. */
export const prefixed = (attributes: Attributes, name: string): string | undefined => {
  for (const key of Object.keys(attributes)) if (key.length > name.length && local(key) === name) return attributes[key]
  return undefined
}

/** An attribute that is on when it stands without a value (ECMA-376-1, 22.9.2.7). */
export const isOn = (attributes: Attributes): boolean =>
  !["0", "false", "off", "none"].includes(attribute(attributes, "val") ?? "")

/**
 * Reads XML piece by piece, and a broken one as far as it goes. Document types are passed over: what they declare is
 * never expanded or fetched.
 */
export const readXml = async (uri: string, bytes: AsyncIterable<Uint8Array>, reader: XmlReader): Promise<void> => {
  let depth = 0
  const parser = new Parser(
    {
      onopentag: (name, attributes) => {
        depth++
        if (depth > maxDepth) {
          const message = `${uri} nests its elements more than ${maxDepth} deep, as no document does: get another copy`
          throw new ParseError({ uri, reason: "malformed", message })
        }
        reader.open(local(name), attributes)
      },
      onclosetag: (name) => {
        depth--
        reader.close?.(local(name))
      },
      ontext: (text) => reader.text?.(text)
    },
    { xmlMode: true }
  )
  let decoder: InstanceType<typeof TextDecoder> | undefined
  for await (const piece of bytes) {
    decoder ??= new TextDecoder(utf16Mark(piece) ?? utf16OfMarkup(piece) ?? "utf-8")
    parser.write(decoder.decode(piece, { stream: true }))
  }
  parser.end(decoder?.decode())
}
