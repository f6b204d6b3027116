import { Duration } from "effect"
import type { Write } from "../services/GraphStore.ts"
import type * as GroupCommit from "../services/GroupCommit.ts"

/** Documents that one group commit takes at most. */
export const maxCommit = 128

/**
 * Turns that other fibers get before a commit. Documents of one corpus speak of the same things: the more of them share
 * a commit, the fewer pages are written twice.
 */
const patience = 16

/** Rows of a document in the graph, about. */
export const rowsOf = (write: Write): number => {
  if (write._tag !== "document") return 1
  const { facts, mentions, names, relations, supports } = write.resolved.graph
  return names.length + mentions.length + relations.length + facts.length + supports.length
}

/**
 * How writes to a store are gathered. Of a store that takes several commits at once: a server's statements cost the same
 * however few rows they have, so a further commit waits for many, though not for long.
 */
export const gathering = (writers = 1): GroupCommit.Options<Write> => ({
  maxBatch: maxCommit,
  patience,
  ...(writers === 1 ? {} : { several: { atOnce: writers, weigh: rowsOf, enough: 4000, within: Duration.millis(200) } })
})
