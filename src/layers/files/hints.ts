import { watch } from "node:fs"
import type { FSWatcher } from "node:fs"

/**
 * Directories that the operating system is asked to tell of. What it tells is a hint, never the truth: it forgets, it
 * tells of one change many times, and of a network drive it may know nothing. One watcher a directory, since Node's own
 * recursion on Linux takes one for every file besides.
 */
export class Hints {
  readonly #watchers = new Map<string, FSWatcher>()
  readonly #onHint: () => void
  #kept = new Set<string>()
  /** The system has no more watchers to give. */
  #isFull = false

  constructor(onHint: () => void) {
    this.#onHint = onHint
  }

  /** Before a directory is listed, so that nothing in it changes unseen between the two. */
  keep(directory: string): void {
    this.#kept.add(directory)
    if (this.#isFull || this.#watchers.has(directory)) return
    try {
      const watcher = watch(directory, this.#onHint)
      const drop = () => {
        watcher.close()
        if (this.#watchers.get(directory) === watcher) this.#watchers.delete(directory)
      }
      watcher.on("error", () => {
        drop()
        this.#onHint()
      })
      this.#watchers.set(directory, watcher)
    } catch (error) {
      const code = error instanceof Error && "code" in error ? error.code : undefined
      this.#isFull = code === "ENOSPC" || code === "EMFILE"
    }
  }

  /** Lets go of directories that were not kept since the last time. */
  sweep(): void {
    for (const [directory, watcher] of this.#watchers) {
      if (this.#kept.has(directory)) continue
      watcher.close()
      this.#watchers.delete(directory)
      this.#isFull = false
    }
    this.#kept = new Set()
  }

  close(): void {
    for (const watcher of this.#watchers.values()) watcher.close()
    this.#watchers.clear()
  }
}
