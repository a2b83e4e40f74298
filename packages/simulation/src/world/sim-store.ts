import {
  type Clock,
  CoreError,
  type Durability,
  type ScanRange,
  type Store,
  type StoreOperation,
  type StoreRow,
} from '@stead/core'
import type { MemoryStore, SeededRandom } from '@stead/testkit'

/** What can be wrong with a disk. */
export interface DiskFaults {
  /** Most that a write takes before it is acknowledged; `power` takes ten times as long. */
  readonly writeMsMax: number
  /** Share of writes that are refused: the disk had an error, and nothing of the batch is there. */
  readonly refusedShare: number
}

const POWER_FACTOR = 10

/** A disk that takes its time and refuses now and then, over one that a crash leaves as real ones are left. */
export class SimStore implements Store {
  readonly #inner: MemoryStore
  readonly #clock: Clock
  readonly #random: SeededRandom
  readonly #faults: () => DiskFaults

  constructor(
    components: { readonly inner: MemoryStore; readonly clock: Clock; readonly random: SeededRandom },
    faults: () => DiskFaults,
  ) {
    this.#inner = components.inner
    this.#clock = components.clock
    this.#random = components.random
    this.#faults = faults
  }

  get(table: string, key: string): Promise<Uint8Array | undefined> {
    return this.#inner.get(table, key)
  }

  scan(table: string, range?: ScanRange): Promise<readonly StoreRow[]> {
    return this.#inner.scan(table, range)
  }

  async write(batch: readonly StoreOperation[], durability: Durability): Promise<void> {
    const { writeMsMax, refusedShare } = this.#faults()
    if (refusedShare > 0 && this.#random.fraction() < refusedShare)
      throw new CoreError('STORE_FAILED', 'the simulated disk refused the write')
    // Applied in the order of the calls, acknowledged later: a crash in between leaves what was applied.
    const applied = this.#inner.write(batch, durability)
    const timeMs = writeMsMax * (durability === 'power' ? POWER_FACTOR : 1) * this.#random.fraction()
    if (timeMs > 0) await this.#clock.sleep(timeMs)
    await applied
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}
