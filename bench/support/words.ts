const words = (text: string): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const [word] of text.toLowerCase().matchAll(/[\p{L}\p{N}]+/gu)) counts.set(word, (counts.get(word) ?? 0) + 1)
  return counts
}

/** The share of a reference's words that a text has, each as often as the reference has it at most. */
export const recall = (reference: string, text: string): number => {
  const wanted = words(reference)
  const found = words(text)
  let total = 0
  let there = 0
  for (const [word, count] of wanted) {
    total += count
    there += Math.min(count, found.get(word) ?? 0)
  }
  return total === 0 ? 1 : there / total
}
