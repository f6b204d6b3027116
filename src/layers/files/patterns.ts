/**
 * A pattern in the notation of gitignore (https://git-scm.com/docs/gitignore), as a flag or a line of a file gives it:
 * what is wrong with it, or nothing. Its regular expression may look at a path once for each way to place `**` between
 * two slashes, so two of those are the most; `*` costs nothing of the kind.
 */
export const wrongWith = (pattern: string): string | undefined => {
  if (pattern.trim() === "") return "is empty"
  if (pattern.length > 1024) return "has more than 1,024 characters"
  return pattern
    .split("/")
    .slice(1, -1)
    .filter((segment) => /^\*\*+$/.test(segment)).length > 2
    ? "has more than two ** between slashes"
    : undefined
}
