import { z } from 'zod'

const MEBIBYTE = 1024 * 1024

/** Options of the store on disk; strict, so that a misspelt one is refused. */
export const sqliteStoreOptionsSchema: z.ZodType<SqliteStoreOptions, SqliteStoreInput> = z.strictObject({
  directory: z.string().min(1).describe('Folder of the store, made with mode 0700 when missing.'),
  lockTimeoutMs: z
    .int()
    .min(0)
    .max(60_000)
    .default(300)
    .describe('Longest wait for another process to let go; bridges the kernel’s clean-up right after `kill -9`.'),
  checkOnOpenBytesMax: z
    .int()
    .min(0)
    .default(64 * MEBIBYTE)
    .describe('A store up to this size is checked page by page when it opens, about a tenth of a second at 64 MiB.'),
  checkpointBytes: z
    .int()
    .min(MEBIBYTE)
    .max(1024 * MEBIBYTE)
    .default(8 * MEBIBYTE)
    .describe('Log size at which it is folded into the main file: rare writes against a quick recovery.'),
  sizeBytesMax: z
    .int()
    .min(MEBIBYTE)
    .optional()
    .describe('Size of the main file at which writes get STORE_FULL; without it only the disk limits.'),
})

/** Parsed options of the store on disk. */
export interface SqliteStoreOptions {
  readonly directory: string
  readonly lockTimeoutMs: number
  readonly checkOnOpenBytesMax: number
  readonly checkpointBytes: number
  readonly sizeBytesMax?: number | undefined
}

/** What a caller may write; defaults are filled in. */
export interface SqliteStoreInput {
  readonly directory: string
  readonly lockTimeoutMs?: number | undefined
  readonly checkOnOpenBytesMax?: number | undefined
  readonly checkpointBytes?: number | undefined
  readonly sizeBytesMax?: number | undefined
}
