import { type Clock, CoreError, type Disk, type DiskFile, type DiskSpace, hasCode } from '@stead/core'
import type { MemoryDisk, SeededRandom } from '@stead/testkit'
import type { Tally } from '../engine/tally.ts'
import type { DiskFaults } from './sim-store.ts'

/** What a simulated disk stands on. */
export interface SimDiskComponents {
  readonly inner: MemoryDisk
  readonly clock: Clock
  readonly random: SeededRandom
  readonly tally: Tally
}

const SYNC_FACTOR = 10
const FAULTS = ['STORE_FAILED', 'STORE_FULL'] as const

/** A folder of files whose disk takes its time and refuses now and then, over one that a crash leaves as real ones are left. */
export class SimDisk implements Disk {
  readonly #components: SimDiskComponents
  readonly #faults: () => DiskFaults

  constructor(components: SimDiskComponents, faults: () => DiskFaults) {
    this.#components = components
    this.#faults = faults
  }

  async open(name: string): Promise<DiskFile> {
    const file = await this.#components.inner.open(name)
    return new SimDiskFile(file, (factor, work) => this.#change(factor, work))
  }

  list(): ReturnType<Disk['list']> {
    return this.#components.inner.list()
  }

  remove(name: string): Promise<void> {
    return this.#change(1, () => this.#components.inner.remove(name))
  }

  space(): Promise<DiskSpace> {
    const { inner } = this.#components
    inner.setFull(this.#faults().isFull)
    return inner.space()
  }

  /** Refused, or done at once and acknowledged later: a crash in between leaves what nobody was told of. */
  async #change(factor: number, work: () => Promise<void>): Promise<void> {
    const { inner, random, clock, tally } = this.#components
    const { writeMsMax, refusedShare, isFull } = this.#faults()
    inner.setFull(isFull)
    const timeMs = writeMsMax * factor * random.fraction()
    try {
      if (refusedShare > 0 && random.fraction() < refusedShare)
        throw new CoreError('STORE_FAILED', 'the simulated disk refused the write')
      await work()
    } catch (error) {
      if (FAULTS.some((code) => hasCode(error, code))) tally.add(`pieces: ${(error as CoreError).code}`)
      throw error
    }
    if (timeMs > 0) await clock.sleep(timeMs)
  }
}

type Change = (factor: number, work: () => Promise<void>) => Promise<void>

class SimDiskFile implements DiskFile {
  readonly name: string
  readonly #file: DiskFile
  readonly #change: Change

  constructor(file: DiskFile, change: Change) {
    this.name = file.name
    this.#file = file
    this.#change = change
  }

  get lengthBytes(): number {
    return this.#file.lengthBytes
  }

  read(atByte: number, lengthBytes: number): Promise<Uint8Array> {
    return this.#file.read(atByte, lengthBytes)
  }

  append(bytes: Uint8Array): Promise<void> {
    return this.#change(1, () => this.#file.append(bytes))
  }

  sync(): Promise<void> {
    return this.#change(SYNC_FACTOR, () => this.#file.sync())
  }

  truncate(lengthBytes: number): Promise<void> {
    return this.#change(1, () => this.#file.truncate(lengthBytes))
  }

  close(): Promise<void> {
    return this.#file.close()
  }
}
