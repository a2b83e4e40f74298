import {
  CoreError,
  type CoreErrorCode,
  checkScanRange,
  checkStoreBatch,
  checkStoreKey,
  checkStoreTable,
  type Durability,
  type ScanRange,
  type Store,
  type StoreOperation,
  type StoreRow,
} from '@stead/core'
import { compareKeys } from './key-order.ts'

/** What goes away in a crash: `kill` ends the process only; `power` also loses what no `power` write has forced out. */
export type CrashKind = 'kill' | 'power'

/** Whether the process dies just before a batch is applied, or after it but before anybody learns of it. */
export type CrashMoment = 'before' | 'after'

/** Limits of a simulated disk. */
export interface MemoryStoreOptions {
  /** Bytes of keys and values that fit; a batch that would exceed them gets STORE_FULL. @default no limit */
  readonly capacityBytes?: number
}

type Tables = Map<string, Map<string, Uint8Array>>

interface AppliedBatch {
  readonly operations: readonly StoreOperation[]
  readonly durability: Durability
}

function applyTo(tables: Tables, operations: readonly StoreOperation[]): void {
  for (const operation of operations) {
    if (operation.kind === 'delete') {
      tables.get(operation.table)?.delete(operation.key)
      continue
    }
    const rows = tables.get(operation.table) ?? new Map<string, Uint8Array>()
    tables.set(operation.table, rows)
    rows.set(operation.key, operation.value)
  }
}

function copyOf(tables: Tables): Tables {
  return new Map(Array.from(tables, ([name, rows]) => [name, new Map(rows)]))
}

function bytesOf(tables: Tables): number {
  let bytes = 0
  for (const rows of tables.values()) for (const [key, value] of rows) bytes += key.length + value.length
  return bytes
}

/** A promise for a process that is dead: nobody learns what became of the call. */
function never<Value>(): Promise<Value> {
  return new Promise<Value>(() => undefined)
}

/**
 * The Store port in memory, with the faults of a real disk on demand: a refused write, a full disk, a crash around
 * any write. After a crash nothing settles any more, as in a killed process; `reopen` gives what the next process finds.
 */
export class MemoryStore implements Store {
  readonly #capacityBytes: number
  readonly #tables: Tables
  /** What survives a loss of power for sure, and the batches since then in their order. */
  #forced: Tables
  #unforced: AppliedBatch[] = []
  readonly #refusals: Map<number, CoreErrorCode> = new Map()
  readonly #crashes: Map<number, CrashMoment> = new Map()
  #writeCount = 0
  #closed = false
  #crashed = false
  readonly #crash: PromiseWithResolvers<void> = Promise.withResolvers<void>()

  constructor(
    options: MemoryStoreOptions = {},
    tables: ReadonlyMap<string, ReadonlyMap<string, Uint8Array>> = new Map(),
  ) {
    this.#capacityBytes = options.capacityBytes ?? Number.POSITIVE_INFINITY
    this.#tables = new Map(Array.from(tables, ([name, rows]) => [name, new Map(rows)]))
    this.#forced = copyOf(this.#tables)
  }

  /** Batches that were offered so far, refused ones included; number `writeCount + 1` is the next. */
  get writeCount(): number {
    return this.#writeCount
  }

  /** Rows in all tables: what must not grow without end. */
  get rowCount(): number {
    let rows = 0
    for (const table of this.#tables.values()) rows += table.size
    return rows
  }

  /** True after a crash. */
  get isCrashed(): boolean {
    return this.#crashed
  }

  /** Resolves at the crash, for a test to wait on. */
  get crashed(): Promise<void> {
    return this.#crash.promise
  }

  /** Refuses one later write; `nth` counts from now, 1 is the next. Nothing of that batch is applied. */
  failWrite(nth: number, code: CoreErrorCode = 'STORE_FAILED'): void {
    this.#refusals.set(this.#writeCount + nth, code)
  }

  /** Crashes around one later write; `nth` counts from now, 1 is the next. */
  crashAtWrite(nth: number, moment: CrashMoment): void {
    this.#crashes.set(this.#writeCount + nth, moment)
  }

  /** Dies now: nothing settles any more. */
  crash(): void {
    this.#crashed = true
    this.#crash.resolve()
  }

  /**
   * What the next process finds. After `power`, of the batches that nothing forced out only the first
   * `unforcedSurvivors` are left: a disk keeps some prefix of what it was given.
   * @throws TypeError when the store neither crashed nor was closed: two processes never share one
   */
  reopen(kind: CrashKind = 'kill', unforcedSurvivors = 0): MemoryStore {
    if (!this.#crashed && !this.#closed) throw new TypeError('crash or close the store before opening it again')
    const options = { capacityBytes: this.#capacityBytes }
    if (kind === 'kill') return new MemoryStore(options, this.#tables)
    const tables = copyOf(this.#forced)
    for (const batch of this.#unforced.slice(0, unforcedSurvivors)) applyTo(tables, batch.operations)
    return new MemoryStore(options, tables)
  }

  async get(table: string, key: string): Promise<Uint8Array | undefined> {
    checkStoreTable(table)
    checkStoreKey(key)
    if (this.#crashed) return never()
    this.#checkOpen()
    const value = this.#tables.get(table)?.get(key)
    return value === undefined ? undefined : new Uint8Array(value)
  }

  async scan(table: string, range: ScanRange = {}): Promise<readonly StoreRow[]> {
    checkStoreTable(table)
    checkScanRange(range)
    if (this.#crashed) return never()
    this.#checkOpen()
    const { prefix = '', after = '', before } = range
    const keys = Array.from(this.#tables.get(table)?.keys() ?? [])
      .filter((key) => key.startsWith(prefix) && compareKeys(key, after) > 0)
      .filter((key) => before === undefined || compareKeys(key, before) < 0)
      .sort(compareKeys)
    if (range.reverse === true) keys.reverse()
    return keys.slice(0, range.limit).map((key) => ({
      key,
      value: new Uint8Array(this.#tables.get(table)?.get(key) ?? []),
    }))
  }

  async write(batch: readonly StoreOperation[], durability: Durability): Promise<void> {
    checkStoreBatch(batch)
    if (this.#crashed) return never()
    this.#checkOpen()
    this.#writeCount++
    const moment = this.#crashes.get(this.#writeCount)
    if (moment === 'before') {
      this.crash()
      return never()
    }
    const refusal = this.#refusals.get(this.#writeCount)
    if (refusal !== undefined) throw new CoreError(refusal, `the simulated disk refused write ${this.#writeCount}`)
    this.#apply(batch, durability)
    if (moment === 'after') this.crash()
    // A crash in the same turn comes before the acknowledgement, as it may with a real disk.
    await Promise.resolve()
    if (this.#crashed) return never()
  }

  async close(): Promise<void> {
    if (this.#crashed) return never()
    this.#closed = true
  }

  #checkOpen(): void {
    if (this.#closed) throw new CoreError('CORE_STOPPED', 'the store was closed')
  }

  #apply(batch: readonly StoreOperation[], durability: Durability): void {
    const operations = batch.map((operation) =>
      operation.kind === 'put' ? { ...operation, value: new Uint8Array(operation.value) } : { ...operation },
    )
    if (this.#capacityBytes !== Number.POSITIVE_INFINITY) {
      const next = copyOf(this.#tables)
      applyTo(next, operations)
      const needBytes = bytesOf(next)
      if (needBytes > this.#capacityBytes && needBytes > bytesOf(this.#tables))
        throw new CoreError('STORE_FULL', `the disk is full: need ${needBytes} bytes, have ${this.#capacityBytes}`, {
          details: { needBytes, haveBytes: this.#capacityBytes },
        })
    }
    applyTo(this.#tables, operations)
    this.#unforced.push({ operations, durability })
    if (durability !== 'power') return
    for (const earlier of this.#unforced) applyTo(this.#forced, earlier.operations)
    this.#unforced = []
  }
}
