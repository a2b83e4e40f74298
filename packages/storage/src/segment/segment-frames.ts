import { type FrameCipher, TAG_BYTES } from '../crypto/frame-cipher.ts'
import { StorageError } from '../errors.ts'
import { FRAME_BYTES, FRAME_PLAIN_BYTES, framesOf, sealedBytesOf } from './segment-layout.ts'

const NONCE_BYTES = 12
const NUMBER_AT = 8

/**
 * The nonce of a frame: one byte that says whether it is the last, seven zeros, its number as four bytes, big endian.
 * So frames can neither be moved nor left out at the end (STREAM; Hoang, Reyhanitabar, Rogaway, Vizár 2015). A segment's
 * key is drawn for it alone, so that no nonce comes twice with one key.
 */
function nonceOf(frame: number, isLast: boolean): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES)
  nonce[0] = isLast ? 1 : 0
  new DataView(nonce.buffer).setUint32(NUMBER_AT, frame)
  return nonce
}

/**
 * Seals the frames of a segment into `sealed`, which may be longer; what is behind stays as it is.
 * @param key 32 bytes, drawn for this segment alone
 * @returns bytes written
 */
export function sealSegment(cipher: FrameCipher, key: Uint8Array, plaintext: Uint8Array, sealed: Uint8Array): number {
  const frames = framesOf(plaintext.length)
  for (let frame = 0; frame < frames; frame++) {
    const part = plaintext.subarray(frame * FRAME_PLAIN_BYTES, (frame + 1) * FRAME_PLAIN_BYTES)
    cipher.seal(key, nonceOf(frame, frame === frames - 1), part, sealed.subarray(frame * FRAME_BYTES))
  }
  return sealedBytesOf(plaintext.length)
}

/** Some frames of a segment that lie one after another. */
export interface SealedFrames {
  readonly firstFrame: number
  /** Whole frames; only the last one of a segment may be short. */
  readonly bytes: Uint8Array
  /** What the whole segment holds. */
  readonly plainBytes: number
}

/** The plaintext of frames. @throws StorageError STORAGE_NOT_AUTHENTIC when they are not those that were sealed */
export function openFrames(
  cipher: FrameCipher,
  key: Uint8Array,
  { firstFrame, bytes, plainBytes }: SealedFrames,
): Uint8Array {
  const count = Math.ceil(bytes.length / FRAME_BYTES)
  const lastFrame = framesOf(plainBytes) - 1
  const opened = new Uint8Array(Math.max(0, bytes.length - count * TAG_BYTES))
  for (let index = 0; index < count; index++) {
    const frame = firstFrame + index
    const sealed = bytes.subarray(index * FRAME_BYTES, (index + 1) * FRAME_BYTES)
    if (!cipher.open(key, nonceOf(frame, frame === lastFrame), sealed, opened.subarray(index * FRAME_PLAIN_BYTES)))
      throw new StorageError('STORAGE_NOT_AUTHENTIC', `frame ${frame} of a segment is not what was sealed`, {
        details: { frame },
      })
  }
  return opened
}
