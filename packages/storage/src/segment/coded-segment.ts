import type { FrameCipher } from '../crypto/frame-cipher.ts'
import type { ErasureCode } from '../erasure/erasure-code.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'
import { ProofTree } from '../proof/proof-tree.ts'
import type { PieceMemory } from './piece-memory.ts'
import { sealSegment } from './segment-frames.ts'
import { pieceBytesOf } from './segment-layout.ts'

/** One piece as it goes to a node. */
export interface CodedPiece {
  readonly number: number
  readonly bytes: Uint8Array
  readonly tree: ProofTree
}

/** A segment, sealed and coded. */
export interface CodedSegment {
  readonly plainBytes: number
  readonly pieceBytes: number
  readonly pieces: readonly CodedPiece[]
  /** Gives the memory of the pieces back, once, for the next segment: nobody may read them any more. */
  free(): void
}

/** What codes segments. */
export interface SegmentCoderComponents {
  readonly cipher: FrameCipher
  readonly hasher: PairHasher
  readonly code: ErasureCode
  readonly memory: PieceMemory
}

/**
 * Seals, codes and hashes a segment. Takes as much memory as its pieces, all of it at once: such a block is the operating
 * system's again as soon as it is free, while some of many smaller ones stay.
 * @param key 32 bytes, drawn for this segment alone
 */
export function codeSegment(
  { cipher, hasher, code, memory }: SegmentCoderComponents,
  key: Uint8Array,
  plaintext: Uint8Array,
): CodedSegment {
  const { dataPieces, pieces: count } = code.profile
  const pieceBytes = pieceBytesOf(plaintext.length, dataPieces)
  const coded = memory.take(pieceBytes * count)
  const sealedBytes = sealSegment(cipher, key, plaintext, coded)
  // The end of the last piece with data: a segment before had something else there.
  coded.fill(0, sealedBytes, pieceBytes * dataPieces)
  const all = Array.from({ length: count }, (_, number) =>
    coded.subarray(number * pieceBytes, (number + 1) * pieceBytes),
  )
  code.encode(all.slice(0, dataPieces), all.slice(dataPieces))
  const pieces = all.map((bytes, number) => ({ number, bytes, tree: ProofTree.of(hasher, bytes) }))
  return { plainBytes: plaintext.length, pieceBytes, pieces, free: () => memory.give(coded) }
}
