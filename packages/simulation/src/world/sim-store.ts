import {
  type Clock,
  CoreError,
  type Durability,
  hasCode,
  type ScanRange,
  type Store,
  type StoreOperation,
  type StoreRow,
} from '@stead/core'
import type { MemoryStore, SeededRandom } from '@stead/testkit'
import type { Tally } from '../engine/tally.ts'

/** What can be wrong with a disk. */
export interface DiskFaults {
  /** Most that a write takes before it is acknowledged; `power` takes ten times as long. */
  readonly writeMsMax: number
  /** Share of writes that are refused: the disk had an error, and nothing of the batch is there. */
  readonly refusedShare: number
  /** There is no more room. */
  readonly isFull: boolean
}

const POWER_FACTOR = 10
const FAULTS = ['STORE_FAILED', 'STORE_FULL', 'STORE_CORRUPT'] as const

/** A disk that takes its time and refuses now and then, over one that a crash leaves as real ones are left. */
export class SimStore implements Store {
  readonly #inner: MemoryStore
  readonly #clock: Clock
  readonly #random: SeededRandom
  readonly #tally: Tally
  readonly #faults: () => DiskFaults

  constructor(
    components: {
      readonly inner: MemoryStore
      readonly clock: Clock
      readonly random: SeededRandom
      readonly tally: Tally
    },
    faults: () => DiskFaults,
  ) {
    this.#inner = components.inner
    this.#clock = components.clock
    this.#random = components.random
    this.#tally = components.tally
    this.#faults = faults
  }

  get(table: string, key: string): Promise<Uint8Array | undefined> {
    return this.#counted(this.#inner.get(table, key))
  }

  scan(table: string, range?: ScanRange): Promise<readonly StoreRow[]> {
    return this.#counted(this.#inner.scan(table, range))
  }

  async write(batch: readonly StoreOperation[], durability: Durability): Promise<void> {
    const { writeMsMax, refusedShare, isFull } = this.#faults()
    this.#inner.setFull(isFull)
    if (refusedShare > 0 && this.#random.fraction() < refusedShare)
      return this.#counted(Promise.reject(new CoreError('STORE_FAILED', 'the simulated disk refused the write')))
    const timeMs = writeMsMax * (durability === 'power' ? POWER_FACTOR : 1) * this.#random.fraction()
    // Applied in the order of the calls, acknowledged later: a crash in between leaves what was applied, a loss of power
    // may not.
    const disk = (): Promise<void> => (timeMs > 0 ? this.#clock.sleep(timeMs) : Promise.resolve())
    await this.#counted(this.#inner.write(batch, durability, disk))
  }

  async #counted<Value>(answer: Promise<Value>): Promise<Value> {
    try {
      return await answer
    } catch (error) {
      if (FAULTS.some((code) => hasCode(error, code))) this.#tally.add((error as CoreError).code)
      throw error
    }
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}
