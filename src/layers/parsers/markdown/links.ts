import type { Block } from "../../../domain/Document.ts"
import type { ExtractedEntity, Statement } from "../../../domain/Extraction.ts"
import { anyEntity } from "../../../domain/Ontology.ts"
import { isName, linked } from "../statements.ts"
import { oneLine } from "../Writer.ts"

const maxLabels = 200

// No class holds what begins a match, and all are bounded, so that no character is looked at more than a few times.
const link = /(!?)\[([^[\]\n]{1,200})\]\((?!#)<?[^\s()<>]/g
const wikiLink = /(!?)\[\[([^[\]|#\n]{1,200})(?:#[^[\]|\n]{0,200})?(?:\|([^[\]\n]{1,200}))?\]\]/g
const marks = /[*`~]+|(?<![\p{L}\p{N}])_+|_+(?![\p{L}\p{N}])/gu

const plain = (label: string): string => oneLine(label.replaceAll(marks, "").replaceAll("\\", ""))

/** What a page is called in a link to it: folders and the extension are no part of its name. */
const pageName = (path: string): string => oneLine(path.slice(path.lastIndexOf("/") + 1).replace(/\.md$/i, ""))

/** Words that a sentence needs (`[[Ada Moreno|her boss]]`) are no name of the page; ones that its name has are. */
const isAlias = (alias: string, name: string): boolean => {
  const words = new Set(name.toLowerCase().split(/[^\p{L}\p{N}]+/u))
  return (
    alias !== name &&
    isName(alias) &&
    alias
      .toLowerCase()
      .split(/[^\p{L}\p{N}]+/u)
      .some((word) => word.length > 2 && words.has(word))
  )
}

/**
 * The links `[label](target)` and `[[Page|label]]` of a text, but for pictures and links within the page: 200 different
 * ones at most, each where the block starts that first holds it. Pages are entities even where the text has no title to
 * link from. Linear.
 */
export const linksOf = (text: string, blocks: ReadonlyArray<Block>, title: string): ReadonlyArray<Statement> => {
  const seen = new Set<string>()
  const found: Array<Statement> = []
  const isNew = (label: string): boolean => {
    if (!isName(label) || seen.has(label) || seen.size >= maxLabels) return false
    seen.add(label)
    return true
  }
  for (const block of blocks) {
    if (seen.size >= maxLabels) break
    if (block.kind === "code") continue
    const source = text.slice(block.start, block.end)
    if (!source.includes("[")) continue
    const labels: Array<string> = []
    const pages: Array<ExtractedEntity> = []
    for (const [, image, label = ""] of source.matchAll(link)) {
      const name = plain(label)
      if (image === "" && isNew(name)) labels.push(name)
    }
    for (const [, image, path = "", label] of source.matchAll(wikiLink)) {
      const name = pageName(path)
      if (image !== "" || !isNew(name)) continue
      labels.push(name)
      const alias = plain(label ?? "")
      pages.push({ name, type: anyEntity, aliases: isAlias(alias, name) ? [alias] : [] })
    }
    const said = linked(title, labels)
    const entities = [...said.entities, ...pages]
    if (entities.length > 0) found.push({ at: block.start, entities, facts: said.facts })
  }
  return found
}
