import { dropGarbage, type GarbageTerms } from './holdings.ts'
import { pageSegmentSchema, type RootRecord } from './root-record.ts'
import { pageSegmentKey, tableRange } from './row-keys.ts'
import type { Transaction } from './transaction.ts'

/** What a commit does besides what it was asked. */
export interface HouseKeeping {
  /** Segments of pages that no root from this one on reaches. */
  readonly deadPages: readonly Uint8Array[]
  /** Bytes of segments of pages that are rows of the tree now. */
  readonly windowBytes: number
  /** Pages in segments below this number are written again. */
  readonly rewriteBelow: number
}

const KIB = 1024
const MIB = 1024 * KIB
/** Pages may lie in segments twice as large as they are, and in some more: a small tree needs no cleaning. */
const [WINDOW_FACTOR, WINDOW_SLACK_BYTES] = [2, 4 * MIB]
/** The oldest segments are cleaned faster than new ones come, but no commit waits long for it. */
const [CLEAN_FACTOR, CLEAN_BYTES_MIN, CLEAN_BYTES_MAX] = [4, 512 * KIB, 8 * MIB]

/**
 * Notes the segments that the last commit wrote, forgets those whose pages are all replaced, lets garbage go, and says
 * which pages are to be written again: always those of the oldest segments, so that whatever is older than the oldest
 * page is dead, and nothing must be counted page by page.
 */
export async function keepHouse(rows: Transaction, record: RootRecord, terms: GarbageTerms): Promise<HouseKeeping> {
  let { windowBytes } = record
  for (const segment of record.written) {
    rows.put(pageSegmentKey(segment.number), pageSegmentSchema.encodeMessage(segment))
    windowBytes += segment.lengthBytes
  }
  const oldest = record.root?.oldest ?? Number.POSITIVE_INFINITY
  const deadPages: Uint8Array[] = []
  const { from, before } = tableRange('pages')
  for (let entry = await rows.first(from, before); entry !== undefined; entry = await rows.first(from, before)) {
    const { number, reference, lengthBytes } = pageSegmentSchema.decodeMessage(entry.value)
    if (number >= oldest) break
    rows.delete(entry.key)
    deadPages.push(Uint8Array.from(reference))
    windowBytes -= lengthBytes
  }
  await dropGarbage(rows, terms)
  const isCrowded = windowBytes > WINDOW_FACTOR * record.liveBytes + WINDOW_SLACK_BYTES
  return { deadPages, windowBytes, rewriteBelow: isCrowded ? await oldestSegments(rows, record) : 0 }
}

/** The number behind the oldest segments that are cleaned in one commit. */
async function oldestSegments(rows: Transaction, { written }: RootRecord): Promise<number> {
  const newBytes = written.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
  let budgetBytes = Math.min(CLEAN_BYTES_MAX, Math.max(CLEAN_BYTES_MIN, CLEAN_FACTOR * newBytes))
  let { from, before } = tableRange('pages')
  let below = 0
  while (budgetBytes > 0) {
    const entry = await rows.first(from, before)
    if (entry === undefined) break
    const { number, lengthBytes } = pageSegmentSchema.decodeMessage(entry.value)
    budgetBytes -= lengthBytes
    below = number + 1
    from = `${entry.key}\u0000`
  }
  return below
}
