import { z } from 'zod'
import { FRAME_PLAIN_BYTES, SEGMENT_PLAIN_BYTES } from './segment/segment-layout.ts'

const KIB = 1024
const MIB = 1024 * KIB
const GIB = 1024 * MIB

/** Parsed options of a {@link PieceLog}. */
export interface PieceLogOptions {
  readonly capacityBytes: number
  readonly keepFreeBytes: number
  readonly fileBytesMax: number
  readonly trashShareMax: number
}

/** What may be written for {@link PieceLogOptions}; defaults are filled in. */
export type PieceLogInput = { readonly [Key in keyof PieceLogOptions]?: PieceLogOptions[Key] | undefined } & {
  readonly capacityBytes: number
}

/** Options of a log of pieces; strict, so that a misspelt one is refused. */
export const pieceLogOptionsSchema: z.ZodType<PieceLogOptions, PieceLogInput> = z.strictObject({
  /** Bytes on disk that the operator shares, pieces and trash together. */
  capacityBytes: z.int().min(0),
  /**
   * Bytes of the disk that are never used, whatever was shared.
   * @default 1 GiB: a disk that is full harms everything else on the machine
   */
  keepFreeBytes: z.int().min(0).default(GIB),
  /**
   * Bytes of one file, 64 KiB .. 1 TiB.
   * @default 256 MiB: copied in a second when it is compacted, a few thousand files for a terabyte
   */
  fileBytesMax: z
    .int()
    .min(64 * KIB)
    .max(1024 * GIB)
    .default(256 * MIB),
  /**
   * Share of a file that may be trash, 0.05 .. 1, before it is compacted.
   * @default 0.5: at most half of the shared room is trash, and each byte is copied once on average
   */
  trashShareMax: z.number().min(0.05).max(1).default(0.5),
})

/** Parsed options of a {@link TreeObjectStore}. */
export interface ObjectStoreOptions {
  readonly segmentBytes: number
  readonly gatherMs: number
  readonly batchWritesMax: number
  readonly cacheBytesMax: number
  readonly graceMs: number
  readonly keepUnfinishedMs: number
}

/** What may be written for {@link ObjectStoreOptions}; defaults are filled in. */
export type ObjectStoreInput = {
  readonly [Key in keyof ObjectStoreOptions]?: ObjectStoreOptions[Key] | undefined
}

/** Options of a store of objects; strict, so that a misspelt one is refused. */
export const objectStoreOptionsSchema: z.ZodType<ObjectStoreOptions, ObjectStoreInput> = z.strictObject({
  /**
   * Bytes of an object that are sealed and coded at once, 64 KiB less a tag .. 16 MiB less its tags.
   * @default the most, 16,773,120: pieces of 1 MiB. Less takes less memory, and more pieces
   */
  segmentBytes: z.int().min(FRAME_PLAIN_BYTES).max(SEGMENT_PLAIN_BYTES).default(SEGMENT_PLAIN_BYTES),
  /**
   * Milliseconds that a write waits for others to be committed with, 0 .. 1000.
   * @default 20: less than a round trip to far nodes, which every commit takes
   */
  gatherMs: z.int().min(0).max(1000).default(20),
  /**
   * Writes in one commit, 1 .. 1000.
   * @default 256: each may change a page of 64 KiB, so that a commit fits into a segment of 16 MiB
   */
  batchWritesMax: z.int().min(1).max(1000).default(256),
  /**
   * Bytes of memory for pages that were read or written of late, from 1 MiB on.
   * @default 32 MiB: the upper pages of a bucket with millions of objects
   */
  cacheBytesMax: z
    .int()
    .min(MIB)
    .default(32 * MIB),
  /**
   * Milliseconds that bytes are kept after their last object was replaced or deleted: what another machine began to read
   * stays readable so long.
   * @default 10 minutes: what a download of a whole segment takes on a slow line
   */
  graceMs: z.int().min(0).default(600_000),
  /**
   * Milliseconds after which segments that no root knows are garbage, and writes that got nowhere are given up, from 1000
   * on; the same for all who use the buckets.
   * @default 7 days: a machine that sleeps over a weekend goes on with its upload
   */
  keepUnfinishedMs: z.int().min(1000).default(604_800_000),
})
