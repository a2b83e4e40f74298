import { TAG_BYTES } from '../crypto/frame-cipher.ts'
import { BLOCK_BYTES } from '../proof/proof-tree.ts'

/** A sealed frame with its tag: as long as a block of the proof tree, so that one can be proven and opened alone. */
export const FRAME_BYTES: number = BLOCK_BYTES
/** What a whole frame holds. */
export const FRAME_PLAIN_BYTES: number = FRAME_BYTES - TAG_BYTES
/** Frames of a whole segment. */
const SEGMENT_FRAMES = 256
/** A whole segment as it is stored, 16 MiB: sixteen pieces of a mebibyte. */
export const SEGMENT_BYTES: number = SEGMENT_FRAMES * FRAME_BYTES
/** What a whole segment holds: 16,773,120 bytes. */
export const SEGMENT_PLAIN_BYTES: number = SEGMENT_FRAMES * FRAME_PLAIN_BYTES
/** Pieces are whole leaves of the proof tree. */
const PIECE_UNIT_BYTES = 32

/** Frames that so much plaintext takes; an empty segment has one. */
export function framesOf(plainBytes: number): number {
  return Math.max(1, Math.ceil(plainBytes / FRAME_PLAIN_BYTES))
}

/** Bytes of a segment as it is stored, tags included. @throws RangeError beyond a whole segment */
export function sealedBytesOf(plainBytes: number): number {
  if (!Number.isInteger(plainBytes) || plainBytes < 0 || plainBytes > SEGMENT_PLAIN_BYTES)
    throw new RangeError(`a segment holds 0 to ${SEGMENT_PLAIN_BYTES} bytes, not ${plainBytes}`)
  return plainBytes + framesOf(plainBytes) * TAG_BYTES
}

/** Bytes of each piece of a segment: the data pieces hold it one after another, the last one filled up with zeros. */
export function pieceBytesOf(plainBytes: number, dataPieces: number): number {
  return Math.ceil(sealedBytesOf(plainBytes) / dataPieces / PIECE_UNIT_BYTES) * PIECE_UNIT_BYTES
}

/** Which frames hold a range of plaintext. @throws RangeError for a range that the segment does not have */
export function framesOfRange(
  plainBytes: number,
  from: number,
  to: number,
): { readonly firstFrame: number; readonly frames: number } {
  if (!Number.isInteger(from) || !Number.isInteger(to) || from < 0 || to < from || to > plainBytes)
    throw new RangeError(`there are no bytes ${from} to ${to} in a segment of ${plainBytes}`)
  const firstFrame = Math.min(Math.floor(from / FRAME_PLAIN_BYTES), framesOf(plainBytes) - 1)
  const lastFrame = Math.max(firstFrame, Math.ceil(to / FRAME_PLAIN_BYTES) - 1)
  return { firstFrame, frames: lastFrame - firstFrame + 1 }
}
