import type { ReadablePiece } from './read-segment.ts'
import type { SegmentReference } from './segment-reference.ts'

/** Where others say that they keep pieces of a segment, one list for each of them; empty when nobody does. */
export type Elsewhere = (known: SegmentReference) => Promise<readonly (readonly ReadablePiece[])[]>

/** All of these lists as one, for a read: whoever asks meanwhile, or after something was found, is told the same. */
export function piecesElsewhere(
  known: SegmentReference,
  elsewhere: Elsewhere | undefined,
): (() => Promise<readonly ReadablePiece[]>) | undefined {
  if (elsewhere === undefined) return undefined
  return askedOnce(async () => (await elsewhere(known)).flat())
}

/** A question that is asked again only where the last answer was nothing. */
export function askedOnce<Item>(ask: () => Promise<readonly Item[]>): () => Promise<readonly Item[]> {
  let asking: Promise<readonly Item[]> | undefined
  return async () => {
    asking ??= ask()
    const answer = await asking
    if (answer.length === 0) asking = undefined
    return answer
  }
}
