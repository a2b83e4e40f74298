import { CoreError, type CoreErrorCode, checkDiskName, type Disk, type DiskFile, type DiskSpace } from '@stead/core'
import type { CrashKind } from '../store/memory-store.ts'

/** Limits of a simulated disk. */
export interface MemoryDiskOptions {
  /** Bytes that all files together may have. @default no limit */
  readonly capacityBytes?: number
}

/** What a step of a disk is, for faults at a certain one. */
export type DiskStep = 'append' | 'sync' | 'truncate' | 'remove'

interface Content {
  bytes: Uint8Array
  /** The part that a loss of power leaves for sure. */
  forcedBytes: number
}

const NO_LIMIT = 2 ** 50

/** A promise for a process that is dead: nobody learns what became of the call. */
function never<Value>(): Promise<Value> {
  return new Promise<Value>(() => undefined)
}

/**
 * The Disk port in memory, with the faults of a real one on demand: a step that fails, a full disk, bits that rot, a
 * crash around any step. After a crash nothing settles any more, as in a killed process; `reopen` gives what the next
 * process finds.
 */
export class MemoryDisk implements Disk {
  readonly #files: Map<string, Content>
  readonly #open: Set<string> = new Set()
  readonly #failures: Map<number, CoreErrorCode> = new Map()
  #capacityBytes: number
  #crashAtStep: { readonly step: number; readonly moment: 'before' | 'within' | 'after' } | undefined
  #steps = 0
  #crashed = false
  readonly #crash: PromiseWithResolvers<void> = Promise.withResolvers<void>()

  constructor(options: MemoryDiskOptions = {}, files: ReadonlyMap<string, Uint8Array> = new Map()) {
    this.#capacityBytes = options.capacityBytes ?? NO_LIMIT
    this.#files = new Map(
      Array.from(files, ([name, bytes]) => [name, { bytes: Uint8Array.from(bytes), forcedBytes: bytes.length }]),
    )
  }

  /** Steps that changed something so far, or tried to; number `stepCount + 1` is the next. */
  get stepCount(): number {
    return this.#steps
  }

  get isCrashed(): boolean {
    return this.#crashed
  }

  /** Resolves at the crash, for a test to wait on. */
  get crashed(): Promise<void> {
    return this.#crash.promise
  }

  /** Another size, as when other programs fill the disk or room is made. */
  setCapacity(capacityBytes: number): void {
    this.#capacityBytes = capacityBytes
  }

  /** Full from now on: nothing is appended any more, until there is room again. */
  setFull(isFull: boolean): void {
    if (!isFull) this.#capacityBytes = NO_LIMIT
    else if (this.#capacityBytes === NO_LIMIT) this.#capacityBytes = this.#usedBytes()
  }

  /** Names of the files, with what each of them has. */
  get files(): ReadonlyMap<string, Uint8Array> {
    return new Map(Array.from(this.#files, ([name, { bytes }]) => [name, bytes]))
  }

  /** Refuses a later step; `nth` counts from now, 1 is the next. */
  failStep(nth: number, code: CoreErrorCode = 'STORE_FAILED'): void {
    this.#failures.set(this.#steps + nth, code)
  }

  /** Crashes around a later step; `within` applies half of what an append brings. `nth` counts from now, 1 is the next. */
  crashAtStep(nth: number, moment: 'before' | 'within' | 'after'): void {
    this.#crashAtStep = { step: this.#steps + nth, moment }
  }

  /** Dies now: nothing settles any more. */
  crash(): void {
    this.#crashed = true
    this.#crash.resolve()
  }

  /** Flips a bit of what is stored. @throws RangeError when there is no such byte */
  rot(name: string, atByte: number): void {
    const content = this.#files.get(name)
    const byte = content?.bytes[atByte]
    if (content === undefined || byte === undefined) throw new RangeError(`${name} has no byte ${atByte}`)
    content.bytes[atByte] = byte ^ 1
  }

  /**
   * What the next process finds. After `power`, of what was not forced out a share of the bytes is left, 0 .. 1, a prefix.
   * @throws TypeError when it did not crash and a file is open: two processes never share one
   */
  reopen(kind: CrashKind = 'kill', survivingShare = 0): MemoryDisk {
    if (!this.#crashed && this.#open.size > 0) throw new TypeError('crash, or close the files, before opening it again')
    const files = new Map<string, Uint8Array>()
    for (const [name, { bytes, forcedBytes }] of this.#files) {
      const loose = kind === 'kill' ? 1 : survivingShare
      const kept = forcedBytes + Math.floor((bytes.length - forcedBytes) * loose)
      files.set(name, bytes.subarray(0, kept))
    }
    return new MemoryDisk({ capacityBytes: this.#capacityBytes }, files)
  }

  async open(name: string): Promise<DiskFile> {
    checkDiskName(name)
    if (this.#crashed) return never()
    if (this.#open.has(name)) throw new TypeError(`${name} is open already`)
    this.#open.add(name)
    const content = this.#files.get(name) ?? { bytes: new Uint8Array(0), forcedBytes: 0 }
    this.#files.set(name, content)
    return new MemoryDiskFile(name, content, {
      isCrashed: () => this.#crashed,
      step: (step, apply) => this.#step(step, apply),
      checkRoom: (moreBytes) => this.#checkRoom(moreBytes),
      onClose: () => this.#open.delete(name),
    })
  }

  async list(): Promise<readonly { readonly name: string; readonly lengthBytes: number }[]> {
    if (this.#crashed) return never()
    return Array.from(this.#files, ([name, { bytes }]) => ({ name, lengthBytes: bytes.length })).sort((left, right) =>
      left.name < right.name ? -1 : 1,
    )
  }

  async remove(name: string): Promise<void> {
    checkDiskName(name)
    if (this.#open.has(name)) throw new TypeError(`${name} is open`)
    await this.#step('remove', () => this.#files.delete(name))
  }

  async space(): Promise<DiskSpace> {
    if (this.#crashed) return never()
    return { totalBytes: this.#capacityBytes, freeBytes: Math.max(0, this.#capacityBytes - this.#usedBytes()) }
  }

  #usedBytes(): number {
    let usedBytes = 0
    for (const { bytes } of this.#files.values()) usedBytes += bytes.length
    return usedBytes
  }

  #checkRoom(moreBytes: number): void {
    const needBytes = this.#usedBytes() + moreBytes
    if (needBytes <= this.#capacityBytes) return
    throw new CoreError('STORE_FULL', `the disk is full: need ${needBytes} bytes, have ${this.#capacityBytes}`, {
      details: { needBytes, haveBytes: this.#capacityBytes },
    })
  }

  async #step(step: DiskStep, apply: (share: number) => void): Promise<void> {
    if (this.#crashed) return never()
    this.#steps++
    const crash = this.#crashAtStep?.step === this.#steps ? this.#crashAtStep.moment : undefined
    if (crash === 'before') {
      this.crash()
      return never()
    }
    const failure = this.#failures.get(this.#steps)
    if (failure !== undefined) throw new CoreError(failure, `the simulated disk refused step ${this.#steps}, ${step}`)
    apply(crash === 'within' ? 0.5 : 1)
    if (crash !== undefined) this.crash()
    await Promise.resolve()
    if (this.#crashed) return never()
  }
}

interface DiskOfFile {
  isCrashed(): boolean
  step(step: DiskStep, apply: (share: number) => void): Promise<void>
  checkRoom(moreBytes: number): void
  onClose(): void
}

class MemoryDiskFile implements DiskFile {
  readonly name: string
  readonly #content: Content
  readonly #disk: DiskOfFile
  #isClosed = false

  constructor(name: string, content: Content, disk: DiskOfFile) {
    this.name = name
    this.#content = content
    this.#disk = disk
  }

  get lengthBytes(): number {
    return this.#content.bytes.length
  }

  async read(atByte: number, lengthBytes: number): Promise<Uint8Array> {
    this.#checkOpen()
    await Promise.resolve()
    if (this.#disk.isCrashed()) return never()
    return this.#content.bytes.slice(atByte, atByte + lengthBytes)
  }

  async append(bytes: Uint8Array): Promise<void> {
    this.#checkOpen()
    const added = Uint8Array.from(bytes)
    await this.#disk.step('append', (share) => {
      this.#disk.checkRoom(added.length)
      const kept = added.subarray(0, Math.floor(added.length * share))
      const longer = new Uint8Array(this.#content.bytes.length + kept.length)
      longer.set(this.#content.bytes)
      longer.set(kept, this.#content.bytes.length)
      this.#content.bytes = longer
    })
  }

  async sync(): Promise<void> {
    this.#checkOpen()
    await this.#disk.step('sync', (share) => {
      if (share === 1) this.#content.forcedBytes = this.#content.bytes.length
    })
  }

  async truncate(lengthBytes: number): Promise<void> {
    this.#checkOpen()
    await this.#disk.step('truncate', () => {
      this.#content.bytes = this.#content.bytes.slice(0, lengthBytes)
      this.#content.forcedBytes = Math.min(this.#content.forcedBytes, this.#content.bytes.length)
    })
  }

  async close(): Promise<void> {
    if (this.#disk.isCrashed()) return never()
    if (this.#isClosed) return
    this.#isClosed = true
    this.#disk.onClose()
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new CoreError('CORE_STOPPED', `${this.name} was closed`)
  }
}
