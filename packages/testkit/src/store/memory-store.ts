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

/** Bytes that a batch adds to what there is; less than none when it takes away. */
function growthOf(tables: Tables, operations: readonly StoreOperation[]): number {
  const sizes = new Map<string, number>()
  let growth = 0
  for (const operation of operations) {
    const place = placeName(operation)
    const value = tables.get(operation.table)?.get(operation.key)
    const before = sizes.get(place) ?? (value === undefined ? 0 : operation.key.length + value.length)
    const after = operation.kind === 'put' ? operation.key.length + operation.value.length : 0
    sizes.set(place, after)
    growth += after - before
  }
  return growth
}

/** Where a row is. */
export interface RowPlace {
  readonly table: string
  readonly key: string
}

const placeName = ({ table, key }: RowPlace): string => `${table} ${key}`

/** A promise for a process that is dead: nobody learns what became of the call. */
function never<Value>(): Promise<Value> {
  return new Promise<Value>(() => undefined)
}

/**
 * The Store port in memory, with the faults of a real disk on demand: a refused write, a full disk, a rotten row, a crash
 * around any write. After a crash nothing settles any more, as in a killed process; `reopen` gives what the next process
 * finds. Batches are never torn and never overtake each other, as the port promises: what a loss of power takes is an end
 * of the row of batches that no acknowledged `power` write forced out.
 */
export class MemoryStore implements Store {
  readonly #tables: Tables
  #capacityBytes: number
  /** Rows whose bytes do not fit their checksum any more. */
  readonly #rotten: Set<string>
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
    rotten: ReadonlySet<string> = new Set(),
  ) {
    this.#rotten = new Set(rotten)
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

  /** Full from now on: nothing that needs more room is written, until there is room again. */
  setFull(isFull: boolean): void {
    if (!isFull) this.#capacityBytes = Number.POSITIVE_INFINITY
    else if (this.#capacityBytes === Number.POSITIVE_INFINITY) this.#capacityBytes = bytesOf(this.#tables)
  }

  /**
   * The bytes of one row rot: reading it is refused with STORE_CORRUPT, alone or in a scan; other rows are as before. Who
   * writes it anew or deletes it is rid of it.
   * @param fraction Chooses a table, then one of its rows, 0 .. 1
   * @returns undefined while there is no row
   */
  rot(fraction: () => number): RowPlace | undefined {
    const tables = [...this.#tables].filter(([, rows]) => rows.size > 0)
    const [table, rows] = tables[Math.floor(fraction() * tables.length)] ?? []
    if (table === undefined || rows === undefined) return undefined
    const place = { table, key: [...rows.keys()][Math.floor(fraction() * rows.size)] ?? '' }
    this.#rotten.add(placeName(place))
    return place
  }

  /** True while some row is rotten. */
  get isRotten(): boolean {
    return this.#rotten.size > 0
  }

  /** All rows are as they were written, as from a backup that has every row. */
  repair(): void {
    this.#rotten.clear()
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
    if (kind === 'kill') return new MemoryStore(options, this.#tables, this.#rotten)
    const tables = copyOf(this.#forced)
    for (const batch of this.#unforced.slice(0, unforcedSurvivors)) applyTo(tables, batch.operations)
    return new MemoryStore(options, tables, this.#rotten)
  }

  async get(table: string, key: string): Promise<Uint8Array | undefined> {
    checkStoreTable(table)
    checkStoreKey(key)
    if (this.#crashed) return never()
    this.#checkOpen()
    this.#checkSound({ table, key })
    const value = this.#tables.get(table)?.get(key)
    return value === undefined ? undefined : new Uint8Array(value)
  }

  async scan(table: string, range: ScanRange = {}): Promise<readonly StoreRow[]> {
    checkStoreTable(table)
    checkScanRange(range)
    if (this.#crashed) return never()
    this.#checkOpen()
    const { prefix = '', after = '', before } = range
    const rows = this.#tables.get(table)
    if (rows === undefined) return []
    const keys: string[] = []
    // Most scans want a few rows of a large table.
    for (const key of rows.keys()) {
      if (!key.startsWith(prefix) || (after !== '' && compareKeys(key, after) <= 0)) continue
      if (before === undefined || compareKeys(key, before) < 0) keys.push(key)
    }
    keys.sort(compareKeys)
    if (range.reverse === true) keys.reverse()
    return keys.slice(0, range.limit).map((key) => {
      this.#checkSound({ table, key })
      return { key, value: new Uint8Array(rows.get(key) ?? []) }
    })
  }

  /**
   * As the port, with a disk that takes its time.
   * @param disk Resolves when the disk has the batch; until then a loss of power may take it, whatever was asked for
   */
  async write(
    batch: readonly StoreOperation[],
    durability: Durability,
    disk: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> {
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
    const applied = this.#apply(batch)
    if (moment === 'after') this.crash()
    // A crash in the same turn comes before the acknowledgement, as it may with a real disk.
    await disk()
    if (this.#crashed) return never()
    if (durability === 'power') this.#force(applied)
  }

  async close(): Promise<void> {
    if (this.#crashed) return never()
    this.#closed = true
  }

  #checkOpen(): void {
    if (this.#closed) throw new CoreError('CORE_STOPPED', 'the store was closed')
  }

  #checkSound(place: RowPlace): void {
    if (this.#rotten.size === 0 || !this.#rotten.has(placeName(place))) return
    throw new CoreError('STORE_CORRUPT', `a row of the simulated disk is damaged: ${placeName(place)}`, {
      details: { ...place },
    })
  }

  #apply(batch: readonly StoreOperation[]): AppliedBatch {
    const operations = batch.map((operation) =>
      operation.kind === 'put' ? { ...operation, value: new Uint8Array(operation.value) } : { ...operation },
    )
    if (this.#capacityBytes !== Number.POSITIVE_INFINITY) {
      const growth = growthOf(this.#tables, operations)
      const needBytes = bytesOf(this.#tables) + growth
      if (needBytes > this.#capacityBytes && growth > 0)
        throw new CoreError('STORE_FULL', `the disk is full: need ${needBytes} bytes, have ${this.#capacityBytes}`, {
          details: { needBytes, haveBytes: this.#capacityBytes },
        })
    }
    applyTo(this.#tables, operations)
    if (this.#rotten.size > 0) for (const operation of operations) this.#rotten.delete(placeName(operation))
    const applied = { operations }
    this.#unforced.push(applied)
    return applied
  }

  /** The disk has this batch and all before it. */
  #force(applied: AppliedBatch): void {
    const count = this.#unforced.indexOf(applied) + 1
    for (const earlier of this.#unforced.splice(0, count)) applyTo(this.#forced, earlier.operations)
  }
}
