import { concatBytes, hexToBytes, uintToBytes } from '@stead/protocol'
import type { SetProof } from './piece-set.ts'

/** Bytes of the numbers in an answer. */
const WIDTH = { lengthBytes: 4, index: 4, slot: 3, leaves: 5 } as const

/**
 * The leaves of a proof as the possession adjudicator on chain reads them, packed because calldata is what costs. Each:
 * piece (32) ‖ leaf (32) ‖ the piece's bytes (4) ‖ index (4) ‖ slot (3) ‖ hashes up the piece (32 each)
 * ‖ hash and leaves up the set (32 + 5 each); numbers are big-endian. Roots of pieces follow from the rest.
 */
export function encodePossessionAnswer(leaves: readonly SetProof[]): Uint8Array {
  return concatBytes(...leaves.map(encodeLeaf))
}

function encodeLeaf({ slot, piece, siblings, leaf }: SetProof): Uint8Array {
  return concatBytes(
    hexToBytes(piece.piece),
    leaf.leaf,
    uintToBytes(BigInt(piece.lengthBytes), WIDTH.lengthBytes),
    uintToBytes(BigInt(leaf.index), WIDTH.index),
    uintToBytes(BigInt(slot), WIDTH.slot),
    ...leaf.siblings,
    ...siblings.flatMap(({ hash, leaves }) => [hash, uintToBytes(BigInt(leaves), WIDTH.leaves)]),
  )
}
