import { z } from 'zod'

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
