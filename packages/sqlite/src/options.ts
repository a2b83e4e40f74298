import { z } from 'zod'

const MEBIBYTE = 1024 * 1024

/** Options of the store on disk; strict, so that a misspelt one is refused. */
export const sqliteStoreOptionsSchema: z.ZodType<SqliteStoreOptions, SqliteStoreInput> = z.strictObject({
  /** Folder of the store, made with mode 0700 when missing. */
  directory: z.string().min(1),
  /**
   * How long opening waits for another process to let go, 0 .. 60000 ms.
   * @default 300, so that a restart right after `kill -9` does not race with the kernel's clean-up
   */
  lockTimeoutMs: z.int().min(0).max(60_000).default(300),
  /**
   * A store up to this size is checked page by page when it opens, in bytes.
   * @default 64 MiB, which takes about a tenth of a second; rows carry checksums, so larger ones are checked as read
   */
  checkOnOpenBytesMax: z
    .int()
    .min(0)
    .default(64 * MEBIBYTE),
  /**
   * Log size at which it is folded into the main file, 1 MiB .. 1 GiB.
   * @default 8 MiB: rare enough to write each hot page once, small enough to recover in milliseconds
   */
  checkpointBytes: z
    .int()
    .min(MEBIBYTE)
    .max(1024 * MEBIBYTE)
    .default(8 * MEBIBYTE),
  /**
   * Size that the main file may reach before writes get STORE_FULL, at least 1 MiB.
   * @default no limit but the disk's, because a journal that stops costs more than its bytes
   */
  sizeBytesMax: z.int().min(MEBIBYTE).optional(),
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
