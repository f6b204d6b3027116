import ignore from "ignore"
import type { Ignore } from "ignore"
import { constants } from "node:fs"
import { open } from "node:fs/promises"
import { wrongWith } from "./patterns.ts"
import { readAt } from "./read.ts"
import { isMissing, why } from "./uris.ts"

/** Patterns in the notation of gitignore; each is relative to the root of a walk. */
export interface Selection {
  /** Only files that one of these matches are taken, or that lie in a directory that one matches; empty: all. */
  readonly include: ReadonlyArray<string>
  readonly exclude: ReadonlyArray<string>
}

export const ignoreFile = ".sluiceignore"

/** What is left out of one directory of a walk. */
export interface Rules {
  readonly isLeftOut: (name: string, kind: "file" | "directory" | "unknown") => boolean
  /** The rules of a directory in this one. */
  readonly into: (name: string) => Rules
  /** These rules, and on top of them the lines of an ignore file in this directory. */
  readonly with: (lines: ReadonlyArray<string>) => Rules
}

interface State {
  /** Of this directory, from the root of the walk: empty, or ending in `/`. */
  readonly path: string
  readonly ignored: Ignore | undefined
  readonly exclude: Ignore | undefined
  readonly include: Ignore | undefined
}

/** Each directory has a copy, which shares the rules: it remembers every path that it is asked about. */
const copy = (matcher: Ignore | undefined): Ignore | undefined =>
  matcher === undefined ? undefined : ignore({ ignorecase: false }).add(matcher)

const matcherOf = (patterns: ReadonlyArray<string>): Ignore | undefined =>
  patterns.length === 0
    ? undefined
    : ignore({ ignorecase: false }).add(patterns.map((pattern) => ({ pattern: pattern.normalize("NFC") })))

/**
 * A line of an ignore file in a directory as a line of one at the root, so that a single list, in which the last match
 * counts, holds them all: that is how git lets deeper files override outer ones.
 */
const fromRoot = (line: string, path: string): string => {
  if (path === "" || line.startsWith("#")) return line
  const isNegative = line.startsWith("!")
  const body = isNegative ? line.slice(1) : line
  const isAnchored = /\/./.test(body.trimEnd()) || body.startsWith("/")
  const directory = path.replace(/[\\*?[\]]/g, "\\$&")
  return `${isNegative ? "!" : ""}/${directory}${isAnchored ? body.replace(/^\//, "") : `**/${body}`}`
}

const make = (state: State): Rules => {
  const { exclude, ignored, include, path } = state
  const [ignores, excludes, includes] = [copy(ignored), copy(exclude), copy(include)]
  return {
    isLeftOut: (name, kind) => {
      const full = `${path}${name.normalize("NFC")}`
      const isExcluded = (one: string) => ignores?.ignores(one) === true || excludes?.ignores(one) === true
      if (kind !== "directory" && isExcluded(full)) return true
      if (kind !== "file" && isExcluded(`${full}/`)) return true
      return kind === "file" && includes !== undefined && !includes.ignores(full)
    },
    into: (name) => make({ ...state, path: `${path}${name.normalize("NFC")}/` }),
    with: (lines) => {
      const patterns = lines.filter((line) => line.trim() !== "").map((line) => fromRoot(line.normalize("NFC"), path))
      const added = (copy(ignored) ?? ignore({ ignorecase: false })).add(patterns.map((pattern) => ({ pattern })))
      return make({ ...state, ignored: added })
    }
  }
}

/** The rules at the root of a walk. */
export const makeRules = ({ exclude, include }: Selection): Rules =>
  make({ path: "", ignored: undefined, exclude: matcherOf(exclude), include: matcherOf(include) })

/** What an ignore file comes to. */
export interface IgnoreFile {
  readonly lines: ReadonlyArray<string>
  /** What is wrong with it, as a sentence without a subject. */
  readonly problem?: string
  /** Whether what it says is not known in full, so that anything in its directory may be meant to be left out. */
  readonly isUnknown: boolean
}

const nothing: IgnoreFile = { lines: [], isUnknown: false }
const unknown = (problem: string): IgnoreFile => ({ lines: [], problem, isUnknown: true })

/** Every pattern is tried on every path, so the list has an end. */
const maxBytes = 64 * 1024

const parse = (text: string): IgnoreFile => {
  const lines = text.split(/\r?\n/)
  for (const [index, line] of lines.entries()) {
    const wrong = line.trim() === "" || line.startsWith("#") ? undefined : wrongWith(line)
    if (wrong !== undefined) return unknown(`has a line ${index + 1} that ${wrong}`)
  }
  return { lines, isUnknown: false }
}

/** Never fails; what is not there or no regular file is none, and what holds NUL bytes is no list of patterns. */
export const readIgnoreFile = async (path: string): Promise<IgnoreFile> => {
  try {
    await using file = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0))
    if (!(await file.stat()).isFile()) return nothing
    const bytes = await readAt(file.fd, new Uint8Array(maxBytes + 1), 0)
    if (bytes.includes(0)) return { ...nothing, problem: "is binary, not a list of patterns" }
    return bytes.length > maxBytes ? unknown("is larger than 64 KB") : parse(new TextDecoder().decode(bytes))
  } catch (error) {
    return isMissing(error) ? nothing : unknown(`cannot be read: ${why(error)}`)
  }
}
