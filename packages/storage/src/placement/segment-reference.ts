import type { Address, Hash } from '@stead/core'
import {
  addressField,
  bytesField,
  concatBytes,
  defineSchema,
  fixedBytesField,
  hashFromBytes,
  type Schema,
  sha256,
  uintField,
  uintToBytes,
  versionField,
} from '@stead/protocol'
import type { ErasureProfile } from '../erasure/erasure-code.ts'
import { StorageError } from '../errors.ts'
import { SEGMENT_PLAIN_BYTES } from '../segment/segment-layout.ts'

const ROOT_BYTES = 32
const KEY_BYTES = 33
const PIECES_MAX = 60

/** What a segment is found by, whatever nodes come and go. */
export interface SegmentReference extends ErasureProfile {
  readonly version: 1
  /** 16 random bytes: the names of its pieces follow from it. */
  readonly segment: Uint8Array
  readonly plainBytes: number
  /** Who has the agreements with the nodes. */
  readonly payer: Address
  /** Roots of the pieces in their order, 32 bytes each. */
  readonly roots: Uint8Array
  /** Public keys of the nodes that had the pieces first, 33 bytes each: where somebody looks who knows nothing else. */
  readonly nodes: Uint8Array
}

const referenceSchema: Schema<SegmentReference> = defineSchema<SegmentReference>('SegmentReference', 4096, {
  version: [1, versionField(1)],
  segment: [2, fixedBytesField(16)],
  plainBytes: [3, uintField(SEGMENT_PLAIN_BYTES)],
  dataPieces: [4, uintField(PIECES_MAX)],
  pieces: [5, uintField(PIECES_MAX)],
  roots: [6, bytesField(PIECES_MAX * ROOT_BYTES)],
  nodes: [7, bytesField(PIECES_MAX * KEY_BYTES)],
  payer: [8, addressField],
})

export function encodeReference(reference: SegmentReference): Uint8Array {
  return referenceSchema.encodeMessage(reference)
}

/** @throws StorageError STORAGE_SEGMENT_UNKNOWN for bytes that are no reference */
export function decodeReference(bytes: Uint8Array): SegmentReference {
  try {
    const reference = referenceSchema.decodeMessage(bytes)
    const { dataPieces, pieces, roots, nodes } = reference
    const isWhole = dataPieces >= 1 && pieces >= dataPieces
    if (isWhole && roots.length === pieces * ROOT_BYTES && nodes.length === pieces * KEY_BYTES) return reference
  } catch (cause) {
    throw new StorageError('STORAGE_SEGMENT_UNKNOWN', 'these bytes name no segment', { cause })
  }
  throw new StorageError('STORAGE_SEGMENT_UNKNOWN', 'these bytes name no segment')
}

/** The root of a piece. */
export function rootOfPiece({ roots }: SegmentReference, number: number): Uint8Array {
  return roots.slice(number * ROOT_BYTES, (number + 1) * ROOT_BYTES)
}

/** The key of the node that had a piece first; undefined where there was none. */
export function firstNodeOf({ nodes }: SegmentReference, number: number): Uint8Array | undefined {
  const key = nodes.slice(number * KEY_BYTES, (number + 1) * KEY_BYTES)
  return key[0] === 0 ? undefined : key
}

/** The name of a piece: only who knows the segment can ask for it. */
export function pieceNameOf(segment: Uint8Array, number: number): Hash {
  return hashFromBytes(sha256(concatBytes(segment, uintToBytes(BigInt(number), 2))))
}
