import { isAbsolute, relative, resolve, sep } from "node:path"

export interface Uris {
  /** The absolute path that a path given means. */
  readonly resolve: (path: string) => string
  /**
   * The name of a file as a source: relative to the working directory if it lies in it, else absolute; with `/`, in
   * Unicode's form NFC, for file systems differ in the form that they keep. `exact` leaves the form alone.
   */
  readonly of: (path: string, exact?: boolean) => string
}

export const makeUris = (cwd: string): Uris => {
  const base = resolve(cwd)
  return {
    resolve: (path) => resolve(base, path),
    of: (path, exact = false) => {
      const inside = relative(base, path)
      const outside = inside === ".." || inside.startsWith(`..${sep}`) || isAbsolute(inside)
      // `-` alone is standard input.
      const short = inside === "" ? "." : inside === "-" ? "./-" : inside
      const name = (outside ? path : short).replaceAll(sep, "/").toWellFormed()
      return exact ? name : name.normalize("NFC")
    }
  }
}

/** Whether an operation on a file failed because there is none. */
export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "ENOTDIR")

/** Why an operation on a file failed, in words. */
export const why = (error: unknown): string => {
  const code = error instanceof Error && "code" in error ? String(error.code) : "unknown"
  switch (code) {
    case "ENOENT":
      return "it is not there any more"
    case "EACCES":
    case "EPERM":
      return "permission is denied; check its owner and mode"
    case "ELOOP":
      return "its links lead in a circle"
    case "EMFILE":
    case "ENFILE":
      return "too many files are open; lower the concurrency or raise the limit (ulimit -n)"
    case "EISDIR":
      return "it is a directory"
    case "ENAMETOOLONG":
      return "its path is too long"
    default:
      return `the file system answers ${code}`
  }
}
