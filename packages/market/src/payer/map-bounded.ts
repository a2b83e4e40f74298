/** Works on many things, at most `atOnceMax` at a time; results in the order of the items. Rejects with the first failure. */
export async function mapBounded<Item, Result>(
  items: readonly Item[],
  atOnceMax: number,
  work: (item: Item) => Promise<Result>,
): Promise<Result[]> {
  const results: Result[] = new Array(items.length)
  let next = 0
  const lane = async (): Promise<void> => {
    while (next < items.length) {
      const position = next
      next += 1
      results[position] = await work(items[position] as Item)
    }
  }
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, lane))
  return results
}
