import {
  CoreError,
  checkScanRange,
  checkStoreBatch,
  checkStoreKey,
  checkStoreTable,
  type Durability,
  type Histogram,
  type Logger,
  type Metrics,
  messageOf,
  type ScanRange,
  type Store,
  type StoreOperation,
  type StoreRow,
} from '@stead/core'
import { checkPages, closeDatabase, diskBytes, type OpenDatabase, openDatabase, PAGE_BYTES } from './database.ts'
import { type SqliteStoreInput, type SqliteStoreOptions, sqliteStoreOptionsSchema } from './options.ts'
import { storeError } from './store-error.ts'
import { type SyncFile, syncFile } from './store-files.ts'
import { createTable, Table, tableNames } from './table.ts'

/** One transaction takes at most so many bytes of values, so that a flood does not hold up the event loop. */
const TRANSACTION_BYTES_MAX = 4 * 1024 * 1024
/** One transaction takes at most so many batches, for the same reason. */
const TRANSACTION_BATCHES_MAX = 1024
const SYNC_SECONDS_BUCKETS = [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1]

/** What the store needs from its surroundings. */
export interface SqliteStoreComponents {
  readonly logger: Logger
  readonly metrics: Metrics
  /** Waits for the disk; tests put a failing or recording one here. @default fdatasync */
  readonly syncFile?: SyncFile
}

/** What a full check of a store counted. */
export interface StoreSummary {
  readonly tables: number
  readonly rows: number
  /** Sum of the values' lengths. */
  readonly valueBytes: number
  /** Size of the files. */
  readonly diskBytes: number
}

/** A batch on its way: queued, then committed, then (for `power`) waiting for the disk. */
interface PendingBatch {
  readonly operations: readonly StoreOperation[]
  readonly bytes: number
  readonly durability: Durability
  readonly resolve: () => void
  readonly reject: (error: CoreError) => void
}

/** Takes the values as they are now: the caller may reuse its buffers as soon as `write` has returned. */
function copyOf(batch: readonly StoreOperation[]): readonly StoreOperation[] {
  return batch.map((operation) =>
    operation.kind === 'put' ? { ...operation, value: new Uint8Array(operation.value) } : { ...operation },
  )
}

/**
 * The Store port over node:sqlite, in a folder that this process alone may use.
 *
 * All batches of one turn of the event loop share a transaction, which hands them to the operating system within
 * microseconds; that is all that `process` asks for. Batches with `power` then wait for a sync of the log in the
 * thread pool, and those that arrive during one sync share the next. Folding the log into the main file syncs in the
 * thread pool as well, so a slow disk delays writes but never the event loop.
 */
export class SqliteStore implements Store {
  readonly #open: OpenDatabase
  readonly #options: SqliteStoreOptions
  readonly #logger: Logger
  readonly #sync: SyncFile
  readonly #syncSeconds: Histogram
  readonly #tables: Map<string, Table> = new Map()
  #queue: PendingBatch[] = []
  #drainScheduled = false
  /** Committed batches that wait for the next sync of the log. */
  #unsynced: PendingBatch[] = []
  #syncing: Promise<void> | undefined
  #folding: Promise<void> | undefined
  /** Estimate of what the log has gained since it was folded. */
  #logBytes = 0
  #failure: CoreError | undefined
  #closing: Promise<void> | undefined

  private constructor(components: SqliteStoreComponents, options: SqliteStoreOptions, open: OpenDatabase) {
    this.#open = open
    this.#options = options
    this.#logger = components.logger
    this.#sync = components.syncFile ?? syncFile
    this.#syncSeconds = components.metrics.histogram(
      'stead_store_sync_seconds',
      'Time that the disk took to confirm writes',
      SYNC_SECONDS_BUCKETS,
    )
    for (const name of tableNames(open.database)) this.#tables.set(name, new Table(open.database, name))
  }

  /**
   * Opens or creates a store, takes its lock and recovers what a killed process left.
   * @throws CoreError STORE_LOCKED, STORE_CORRUPT, STORE_FULL, STORE_FAILED; ZodError for wrong options
   */
  static async open(components: SqliteStoreComponents, input: SqliteStoreInput): Promise<SqliteStore> {
    const options = sqliteStoreOptionsSchema.parse(input)
    return new SqliteStore(components, options, await openDatabase(options))
  }

  async get(table: string, key: string): Promise<Uint8Array | undefined> {
    checkStoreTable(table)
    checkStoreKey(key)
    this.#checkUsable()
    return this.#attempt(() => this.#tables.get(table)?.get(key))
  }

  async scan(table: string, range: ScanRange = {}): Promise<readonly StoreRow[]> {
    checkStoreTable(table)
    checkScanRange(range)
    this.#checkUsable()
    return this.#attempt(() => this.#tables.get(table)?.scan(range) ?? [])
  }

  async write(batch: readonly StoreOperation[], durability: Durability): Promise<void> {
    checkStoreBatch(batch)
    this.#checkUsable()
    const operations = copyOf(batch)
    const bytes = operations.reduce(
      (sum, operation) => sum + operation.key.length + (operation.kind === 'put' ? operation.value.length : 0),
      0,
    )
    await new Promise<void>((resolve, reject) => {
      this.#queue.push({ operations, bytes, durability, resolve, reject })
      this.#scheduleDrain()
    })
  }

  /** Reads every page and row; for `stead doctor`. @throws CoreError STORE_CORRUPT, STORE_FAILED, CORE_STOPPED */
  async verify(): Promise<StoreSummary> {
    this.#checkUsable()
    return this.#attempt(() => {
      checkPages(this.#open.database, this.#open.path)
      const counts = Array.from(this.#tables.values(), (table) => table.verify())
      return {
        tables: counts.length,
        rows: counts.reduce((sum, count) => sum + count.rows, 0),
        valueBytes: counts.reduce((sum, count) => sum + count.bytes, 0),
        diskBytes: diskBytes(this.#open.path),
      }
    })
  }

  /** Waits for pending writes, folds the log, lets go of the lock. May be called twice. */
  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  async #finish(): Promise<void> {
    // Pending writes may start syncs, and those may start others; each round leaves fewer.
    for (;;) {
      if (this.#folding === undefined) this.#drain()
      const busy = this.#folding ?? this.#syncing
      if (busy === undefined) break
      await busy
    }
    try {
      closeDatabase(this.#open)
    } catch (error) {
      throw storeError(error, this.#open.path)
    }
  }

  #checkUsable(): void {
    if (this.#closing !== undefined)
      throw new CoreError('CORE_STOPPED', `the store was closed: ${this.#open.path}`, {
        details: { path: this.#open.path },
      })
    if (this.#failure !== undefined) throw this.#failure
  }

  #attempt<Value>(read: () => Value): Value {
    try {
      return read()
    } catch (error) {
      throw storeError(error, this.#open.path)
    }
  }

  #scheduleDrain(): void {
    if (this.#drainScheduled) return
    this.#drainScheduled = true
    // After all microtasks of this turn, so that what they write goes along, and after what was sent meanwhile has left.
    process.nextTick(() => {
      this.#drainScheduled = false
      if (this.#folding === undefined) this.#drain()
    })
  }

  /** Commits what is queued, in the order of the calls. */
  #drain(): void {
    while (this.#queue.length > 0) {
      const group = this.#takeGroup()
      if (this.#failure !== undefined) {
        for (const batch of group) batch.reject(this.#failure)
        continue
      }
      this.#commitGroup(group)
      if (this.#logBytes >= this.#options.checkpointBytes) {
        this.#folding ??= this.#fold()
        return
      }
    }
  }

  #takeGroup(): PendingBatch[] {
    let bytes = 0
    let count = 0
    for (const batch of this.#queue) {
      bytes += batch.bytes
      if (count > 0 && bytes > TRANSACTION_BYTES_MAX) break
      count++
      if (count === TRANSACTION_BATCHES_MAX) break
    }
    return this.#queue.splice(0, count)
  }

  #commitGroup(group: readonly PendingBatch[]): void {
    try {
      this.#transact(group)
      for (const batch of group) this.#committed(batch)
    } catch (error) {
      if (group.length > 1) {
        // One batch that does not fit must not take the others with it.
        for (const batch of group) this.#commitGroup([batch])
        return
      }
      this.#commitAfterFailure(group, storeError(error, this.#open.path))
    }
  }

  /** The second and last try of one batch: a full disk may have room again once the log is folded. */
  #commitAfterFailure(group: readonly PendingBatch[], error: CoreError): void {
    let outcome = error
    if (error.code === 'STORE_FULL') {
      try {
        this.#open.database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
        this.#logBytes = 0
        this.#transact(group)
        for (const batch of group) this.#committed(batch)
        return
      } catch (second) {
        outcome = storeError(second, this.#open.path)
      }
    }
    this.#logger.warn('store write refused', { code: outcome.code, error: outcome.message })
    for (const batch of group) batch.reject(outcome)
  }

  #committed(batch: PendingBatch): void {
    if (batch.durability === 'process') {
      batch.resolve()
      return
    }
    this.#unsynced.push(batch)
    this.#syncing ??= this.#syncLog()
  }

  /** One transaction, whole or not at all. @throws what SQLite throws */
  #transact(group: readonly PendingBatch[]): void {
    const database = this.#open.database
    const created: string[] = []
    let pages = 1
    database.exec('BEGIN IMMEDIATE')
    try {
      for (const batch of group)
        for (const operation of batch.operations) {
          this.#apply(operation, created)
          pages += 1 + (operation.kind === 'put' ? Math.ceil(operation.value.length / PAGE_BYTES) : 0)
        }
      database.exec('COMMIT')
      this.#logBytes += pages * PAGE_BYTES
    } catch (error) {
      for (const name of created) this.#tables.delete(name)
      if (database.isTransaction) database.exec('ROLLBACK')
      throw error
    }
  }

  #apply(operation: StoreOperation, created: string[]): void {
    const table = this.#tables.get(operation.table)
    if (operation.kind === 'delete') {
      table?.delete(operation.key)
      return
    }
    if (table !== undefined) {
      table.put(operation.key, operation.value)
      return
    }
    createTable(this.#open.database, operation.table)
    const made = new Table(this.#open.database, operation.table)
    this.#tables.set(operation.table, made)
    created.push(operation.table)
    made.put(operation.key, operation.value)
  }

  /** Syncs the log until nobody waits; batches that arrive during one sync share the next. */
  async #syncLog(): Promise<void> {
    while (this.#unsynced.length > 0) {
      const waiting = this.#unsynced
      this.#unsynced = []
      try {
        await this.#timedSync(this.#open.logFile)
        for (const batch of waiting) batch.resolve()
      } catch (error) {
        const failure = this.#fail(error)
        for (const batch of waiting) batch.reject(failure)
      }
    }
    this.#syncing = undefined
  }

  /**
   * Folds the log into the main file while writes wait in the queue. SQLite copies the pages without syncing; both
   * syncs are ours and asynchronous. The order is what makes it safe: the log is on disk before the first page of the
   * main file changes, and the main file is on disk before the first write that may overwrite the log.
   */
  async #fold(): Promise<void> {
    const { database, logFile, mainFile } = this.#open
    try {
      await this.#timedSync(logFile)
      try {
        database.exec('PRAGMA synchronous = OFF')
        database.exec('PRAGMA wal_checkpoint(PASSIVE)')
      } catch (error) {
        // The log still has everything; without room in the main file it just grows until the next attempt.
        this.#logger.warn('store log not folded', { error: messageOf(error) })
      } finally {
        database.exec('PRAGMA synchronous = NORMAL')
      }
      await this.#timedSync(mainFile)
      this.#logBytes = 0
    } catch (error) {
      this.#fail(error)
    }
    this.#folding = undefined
    this.#drain()
  }

  /**
   * After a failed sync nobody knows what the disk has: the kernel may have dropped the bytes. The store refuses
   * everything until it is opened again, which reads what is really there.
   */
  #fail(error: unknown): CoreError {
    this.#failure ??= storeError(error, this.#open.path)
    this.#logger.error('store sync failed', { error: this.#failure.message })
    return this.#failure
  }

  async #timedSync(descriptor: number): Promise<void> {
    const startedMs = performance.now()
    await this.#sync(descriptor)
    this.#syncSeconds.observe((performance.now() - startedMs) / 1000)
  }
}
