import type { UnixMs } from '@stead/core'

/** A segment that is kept, as listings show it. */
export interface ListedSegment {
  readonly reference: Uint8Array
  readonly keptAt: UnixMs
}

/**
 * Keeps segments: seals and codes them here, and gives the pieces to nodes. All methods throw typed errors of the way
 * there; what they throw besides is said.
 */
export interface SegmentStore {
  /**
   * Seals and keeps a segment. The plaintext may be used again when the promise settles. After a rejection nobody knows
   * whether it is kept: `list` shows it, if so.
   * @param key 32 bytes, drawn for this segment alone
   * @param plaintext 1 .. SEGMENT_PLAIN_BYTES bytes, taken before this returns: their memory may be used again at once
   * @returns what it is found by, 1 .. 4,096 bytes, good until it is released whatever nodes come and go
   */
  put(key: Uint8Array, plaintext: Uint8Array): Promise<Uint8Array>
  /**
   * Bytes of the plaintext, checked.
   * @param signal nobody wants them any more: what is not asked for yet need not be
   * @throws StorageError STORAGE_NOT_AUTHENTIC, STORAGE_TOO_FEW_PIECES, STORAGE_SEGMENT_UNKNOWN; RangeError
   */
  read(
    reference: Uint8Array,
    key: Uint8Array,
    range: { readonly fromByte: number; readonly toByte: number },
    signal?: AbortSignal,
  ): Promise<Uint8Array>
  /** Keeps it no longer; no error for one that is not there. */
  release(reference: Uint8Array): Promise<void>
  /** What is kept, each once, in any order that stays; a page of it. @param after the last reference of the page before */
  list(after: Uint8Array | undefined, limit: number): Promise<readonly ListedSegment[]>
}
