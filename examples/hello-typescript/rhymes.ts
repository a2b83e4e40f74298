/** Words by their last letter. */
export function rhymesOf(words: readonly string[]): ReadonlyMap<string, readonly string[]> {
  return Map.groupBy(words, (word) => word.slice(-1))
}
