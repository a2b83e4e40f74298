import type { FrameCipher } from '../crypto/frame-cipher.ts'
import type { ErasureCode } from '../erasure/erasure-code.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'
import { ProofTree } from '../proof/proof-tree.ts'
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
}

/** What codes segments. */
export interface SegmentCoderComponents {
  readonly cipher: FrameCipher
  readonly hasher: PairHasher
  readonly code: ErasureCode
}

/**
 * Seals, codes and hashes a segment. Takes as much memory as its pieces, and twice the plaintext.
 * @param key 32 bytes, drawn for this segment alone
 */
export function codeSegment(
  { cipher, hasher, code }: SegmentCoderComponents,
  key: Uint8Array,
  plaintext: Uint8Array,
): CodedSegment {
  const { dataPieces } = code.profile
  const pieceBytes = pieceBytesOf(plaintext.length, dataPieces)
  const sealed = new Uint8Array(pieceBytes * dataPieces)
  sealSegment(cipher, key, plaintext, sealed)
  const data = Array.from({ length: dataPieces }, (_, number) =>
    sealed.subarray(number * pieceBytes, (number + 1) * pieceBytes),
  )
  const pieces = [...data, ...code.encode(data)].map((bytes, number) => ({
    number,
    bytes,
    tree: ProofTree.of(hasher, bytes),
  }))
  return { plainBytes: plaintext.length, pieceBytes, pieces }
}
