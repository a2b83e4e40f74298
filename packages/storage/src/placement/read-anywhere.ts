import { hasCode } from '@stead/core'
import type { ReadablePiece, SegmentRead } from './read-segment.ts'
import type { SegmentReference } from './segment-reference.ts'

/** Where others say that they keep pieces of a segment, one list for each of them; empty when nobody does. */
export type Elsewhere = (known: SegmentReference) => Promise<readonly (readonly ReadablePiece[])[]>

/**
 * Reads where pieces are known to be, and then where others say that there are some. Each is checked against its root
 * wherever it comes from; who tells false places costs time: what is known is tried with and without each one's word.
 * @throws StorageError STORAGE_TOO_FEW_PIECES of the first attempt; whatever else the work throws
 */
export async function readAnywhere<Result>(
  known: SegmentReference,
  { read, elsewhere }: { readonly read: SegmentRead; readonly elsewhere: Elsewhere | undefined },
  work: (read: SegmentRead) => Promise<Result>,
): Promise<Result> {
  try {
    return await work(read)
  } catch (error) {
    if (elsewhere === undefined || !hasCode(error, 'STORAGE_TOO_FEW_PIECES')) throw error
    for (const others of await elsewhere(known)) {
      for (const pieces of [merged(read.pieces, others), merged(others, read.pieces)]) {
        try {
          return await work({ ...read, pieces })
        } catch (again) {
          if (!hasCode(again, 'STORAGE_TOO_FEW_PIECES')) throw again
        }
      }
    }
    throw error
  }
}

/** Each number once, where the first ones have it if they do, in the order of numbers. */
function merged(first: readonly ReadablePiece[], second: readonly ReadablePiece[]): readonly ReadablePiece[] {
  const have = new Set(first.map(({ number }) => number))
  const more = second.filter(({ number }) => !have.has(number))
  return [...first, ...more].sort((left, right) => left.number - right.number)
}
