import { type Hash, isSteadError } from '@stead/core'
import { addressOfPeerId, peerIdOfPublicKey } from '@stead/protocol'
import { StorageError } from '../errors.ts'
import type { BoughtNode } from './bought-node.ts'
import type { SegmentBooks } from './segment-books.ts'
import { firstNodeOf, pieceNameOf, type SegmentReference } from './segment-reference.ts'
import type { StorageNodes } from './storage-nodes.ts'

/** What {@link unknownSegment} looks at. */
export interface UnknownSegmentParts {
  readonly nodes: Pick<StorageNodes, 'all' | 'of'>
  readonly books: Pick<SegmentBooks, 'isNoted'>
}

/**
 * Why a segment that was kept with this payer's key is not in its books. Something is noted of it there until no agreement
 * has a piece of it: where nothing is, and nodes have agreed on it or on more than was signed here, another machine did.
 */
export async function unknownSegment(
  { nodes, books }: UnknownSegmentParts,
  known: SegmentReference,
): Promise<StorageError> {
  if (!(await books.isNoted(known.segment)) && (await isKeptByAnother(nodes, known))) {
    const { payer } = known
    const message = `another machine keeps files with the key of this one (${payer})`
    return new StorageError('STORAGE_PLACE_TAKEN', message, { details: { payer } })
  }
  return new StorageError('STORAGE_SEGMENT_UNKNOWN', 'the segment is not kept any more', {
    next: 'Read again: the object may have been replaced meanwhile. If it stays, another machine may have taken the place of this one (stead recover): then stop this one for good.',
  })
}

async function isKeptByAnother(nodes: UnknownSegmentParts['nodes'], known: SegmentReference): Promise<boolean> {
  const numbers = Array.from({ length: known.pieces }, (_, number) => number)
  const pieces = numbers.map((number): Hash => pieceNameOf(known.segment, number))
  if (nodes.all().some(({ driver }) => pieces.some((piece) => driver.mayKeep(piece)))) return true
  const asked = numbers.flatMap((number) => firstBought(nodes, known, number) ?? []).map(isAhead)
  const ahead = Promise.withResolvers<boolean>()
  for (const answer of asked) void answer.then((is) => is && ahead.resolve(true))
  // Nodes that are away are waited for only where no other one knows it.
  return await Promise.race([ahead.promise, Promise.all(asked).then((answers) => answers.includes(true))])
}

function firstBought(
  nodes: UnknownSegmentParts['nodes'],
  known: SegmentReference,
  number: number,
): BoughtNode | undefined {
  const key = firstNodeOf(known, number)
  return key === undefined ? undefined : nodes.of(addressOfPeerId(peerIdOfPublicKey(key)))
}

async function isAhead({ driver }: BoughtNode): Promise<boolean> {
  try {
    return await driver.isSignedElsewhere()
  } catch (error) {
    // Away, or it shows what nobody signed: it says nothing.
    if (isSteadError(error)) return false
    throw error
  }
}
