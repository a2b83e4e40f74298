import type { Clock, Random, UnixMs } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import type { FrameCipher } from '../crypto/frame-cipher.ts'
import { StorageError } from '../errors.ts'
import { openFrames, sealSegment } from '../segment/segment-frames.ts'
import { FRAME_BYTES, FRAME_PLAIN_BYTES, framesOfRange, sealedBytesOf } from '../segment/segment-layout.ts'
import type { ListedSegment, SegmentStore } from './segment-store.ts'

/** What a {@link MemorySegmentStore} needs. */
export interface MemorySegmentComponents {
  readonly cipher: FrameCipher
  readonly random: Random
  readonly clock: Pick<Clock, 'now'>
}

interface Kept {
  readonly reference: Uint8Array
  readonly sealed: Uint8Array
  readonly plainBytes: number
  readonly keptAt: UnixMs
}

/** Sealed segments in memory: for tests, and for trying out an object store without a network. */
export class MemorySegmentStore implements SegmentStore {
  readonly #components: MemorySegmentComponents
  readonly #referenceBytes: number
  readonly #kept = new Map<string, Kept>()

  /** @param referenceBytes how long references are, 16 .. 4096 */
  constructor(components: MemorySegmentComponents, referenceBytes = 16) {
    this.#components = components
    this.#referenceBytes = referenceBytes
  }

  /** Sealed bytes that are kept. */
  get sealedBytes(): number {
    return [...this.#kept.values()].reduce((sum, { sealed }) => sum + sealed.length, 0)
  }

  /** The sealed bytes of each segment, to look at or to change. */
  *sealed(): Iterable<Uint8Array> {
    for (const { sealed } of this.#kept.values()) yield sealed
  }

  async put(key: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array> {
    const { cipher, random, clock } = this.#components
    const sealed = new Uint8Array(sealedBytesOf(plaintext.length))
    sealSegment(cipher, key, plaintext, sealed)
    const reference = random.bytes(this.#referenceBytes)
    this.#kept.set(bytesToHex(reference), { reference, sealed, plainBytes: plaintext.length, keptAt: clock.now() })
    return Uint8Array.from(reference)
  }

  async read(
    reference: Uint8Array,
    key: Uint8Array,
    { fromByte, toByte }: { readonly fromByte: number; readonly toByte: number },
  ): Promise<Uint8Array> {
    const kept = this.#kept.get(bytesToHex(reference))
    if (kept === undefined) throw new StorageError('STORAGE_SEGMENT_UNKNOWN', 'this segment is not kept')
    const { sealed, plainBytes } = kept
    const { firstFrame, frames } = framesOfRange(plainBytes, fromByte, toByte)
    const bytes = sealed.subarray(firstFrame * FRAME_BYTES, (firstFrame + frames) * FRAME_BYTES)
    const plain = openFrames(this.#components.cipher, key, { firstFrame, bytes, plainBytes })
    const at = fromByte - firstFrame * FRAME_PLAIN_BYTES
    return plain.subarray(at, at + toByte - fromByte)
  }

  async release(reference: Uint8Array): Promise<void> {
    this.#kept.delete(bytesToHex(reference))
  }

  async list(after: Uint8Array | undefined, limit: number): Promise<readonly ListedSegment[]> {
    const from = after === undefined ? '' : bytesToHex(after)
    return [...this.#kept]
      .filter(([name]) => name > from)
      .toSorted(([left], [right]) => (left < right ? -1 : 1))
      .slice(0, limit)
      .map(([, { reference, keptAt }]) => ({ reference: Uint8Array.from(reference), keptAt }))
  }
}
