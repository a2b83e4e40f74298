/**
 * What a write must outlive before its promise resolves: `process` = kill -9 of this process (the operating system
 * has the bytes), `power` = loss of power (the disk has them). Journal money with `power`.
 */
export type Durability = 'process' | 'power'

/**
 * One change; a batch of them is applied whole or not at all, whenever the process or the power goes. After a loss of power
 * there are the first batches in the order of the calls, up to the last acknowledged `power` one at least: no hole, no half.
 */
export type StoreOperation =
  | { readonly kind: 'put'; readonly table: string; readonly key: string; readonly value: Uint8Array }
  | { readonly kind: 'delete'; readonly table: string; readonly key: string }

/** Which rows a scan visits, in ascending order of the keys' UTF-8 bytes. */
export interface ScanRange {
  /** Only keys that begin with this. */
  readonly prefix?: string
  /** Only keys greater than this one; for paging. */
  readonly after?: string
  /** Only keys less than this one; for paging backwards. */
  readonly before?: string
  /** At most so many rows. @default no limit */
  readonly limit?: number
  /** Descending order. @default false */
  readonly reverse?: boolean
}

/** A row that a scan found. */
export interface StoreRow {
  readonly key: string
  readonly value: Uint8Array
}

/**
 * Ordered tables of key to bytes that survive crashes: batches are atomic and are applied in the order of the calls.
 * Table names match `[a-z][a-z0-9-]{0,63}`; a table appears with its first row. Keys are 1 .. 512 bytes of UTF-8,
 * values 0 .. 64 MiB; anything else is a RangeError (store-limits.ts). Values are copied in and out.
 */
export interface Store {
  /** @throws CoreError STORE_FAILED; STORE_CORRUPT with details `table` and `key` for a row whose bytes rotted, never them */
  get(table: string, key: string): Promise<Uint8Array | undefined>
  /** Rows as they were when the scan began. @throws CoreError STORE_FAILED; STORE_CORRUPT when one of them rotted */
  scan(table: string, range?: ScanRange): Promise<readonly StoreRow[]>
  /**
   * Applies a batch; concurrent batches may share one flush. After a rejection nothing of this batch was applied.
   * @throws CoreError STORE_FULL, STORE_FAILED, CORE_STOPPED
   */
  write(batch: readonly StoreOperation[], durability: Durability): Promise<void>
  /** Waits for pending writes, then closes. */
  close(): Promise<void>
}
