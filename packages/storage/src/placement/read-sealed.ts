import { freeMessage } from '../consumer/free-message.ts'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import { BLOCKS_PER_READ_MAX } from '../messages.ts'
import { openFrames } from '../segment/segment-frames.ts'
import { FRAME_BYTES, FRAME_PLAIN_BYTES, framesOfRange, sealedBytesOf } from '../segment/segment-layout.ts'
import { readPieces, readsOf, type SegmentRead, type SegmentReaderComponents } from './read-segment.ts'

/** Which bytes of a segment. */
export interface SegmentRange {
  /** Of the whole segment. */
  readonly plainBytes: number
  readonly key: Uint8Array
  readonly fromByte: number
  readonly toByte: number
}

/**
 * Bytes of a segment's plaintext, by the frames that hold them.
 * @throws StorageError STORAGE_NOT_AUTHENTIC, STORAGE_TOO_FEW_PIECES; RangeError
 */
export async function readSealed(
  components: SegmentReaderComponents & { readonly cipher: FrameCipher },
  read: SegmentRead,
  { plainBytes, key, fromByte, toByte }: SegmentRange,
): Promise<Uint8Array> {
  const { firstFrame, frames } = framesOfRange(plainBytes, fromByte, toByte)
  const from = firstFrame * FRAME_BYTES
  const to = Math.min(from + frames * FRAME_BYTES, sealedBytesOf(plainBytes))
  const sealed = await sealedBytes(components, read, { from, to })
  const opened = openFrames(components.cipher, key, { firstFrame, bytes: sealed, plainBytes })
  freeMessage(sealed)
  const start = firstFrame * FRAME_PLAIN_BYTES
  return opened.subarray(fromByte - start, toByte - start)
}

/** Sealed bytes from one place to another, by the blocks of the data pieces that hold them. */
async function sealedBytes(
  components: SegmentReaderComponents,
  read: SegmentRead,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Uint8Array> {
  const { pieceBytes } = read
  const [firstPiece, lastPiece] = [Math.floor(from / pieceBytes), Math.floor((to - 1) / pieceBytes)]
  const whole = await bytesOfOneRead(components, read, { from, to })
  if (whole !== undefined) return whole
  const sealed = new Uint8Array(to - from)
  // Runs of blocks at one place of their pieces are read together, so that what is missing is computed from the same ones.
  const jobs = readsOf(pieceBytes).map(async ({ firstBlock, blocks }) => {
    const [start, end] = [firstBlock * FRAME_BYTES, Math.min((firstBlock + blocks) * FRAME_BYTES, pieceBytes)]
    const numbers: number[] = []
    let [low, high] = [end, start]
    for (let number = firstPiece; number <= lastPiece; number++) {
      const [begin, stop] = [Math.max(start, from - number * pieceBytes), Math.min(end, to - number * pieceBytes)]
      if (begin >= stop) continue
      numbers.push(number)
      ;[low, high] = [Math.min(low, begin), Math.max(high, stop)]
    }
    if (numbers.length === 0) return
    const first = Math.floor(low / FRAME_BYTES)
    const count = Math.ceil(high / FRAME_BYTES) - first
    const parts = await readPieces(components, read, { numbers, firstBlock: first, blocks: count })
    for (const [place, number] of numbers.entries())
      copyPart(sealed, from, {
        bytes: parts[place] ?? new Uint8Array(0),
        at: number * pieceBytes + first * FRAME_BYTES,
      })
    for (const part of parts) freeMessage(part)
  })
  await Promise.all(jobs)
  return sealed
}

/** Where a range is whole blocks of one piece, and one read of it: nothing needs to be put together. */
async function bytesOfOneRead(
  components: SegmentReaderComponents,
  read: SegmentRead,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<Uint8Array | undefined> {
  const { pieceBytes } = read
  const number = Math.floor(from / pieceBytes)
  const [start, end] = [from - number * pieceBytes, to - number * pieceBytes]
  const firstBlock = start / FRAME_BYTES
  const blocks = Math.ceil(end / FRAME_BYTES) - firstBlock
  const isWhole = Number.isInteger(firstBlock) && Math.min((firstBlock + blocks) * FRAME_BYTES, pieceBytes) === end
  if (!isWhole || end > pieceBytes || blocks > BLOCKS_PER_READ_MAX) return undefined
  const [bytes] = await readPieces(components, read, { numbers: [number], firstBlock, blocks })
  return bytes
}

/** Copies what falls into a run of bytes that begins at `from`. */
function copyPart(
  target: Uint8Array,
  from: number,
  { bytes, at }: { readonly bytes: Uint8Array; readonly at: number },
): void {
  const [begin, end] = [Math.max(from, at), Math.min(from + target.length, at + bytes.length)]
  if (begin < end) target.set(bytes.subarray(begin - at, end - at), begin - from)
}
