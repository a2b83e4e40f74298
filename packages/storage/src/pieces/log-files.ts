import { CoreError, type Disk, type DiskFile, type Random } from '@stead/core'
import {
  decodeFileHead,
  encodeFileHead,
  HEAD_BYTES,
  KEY_BYTES,
  type RecordContent,
  type RecordHead,
  recordBytes,
  writeRecord,
} from './piece-record.ts'

/** Files that are open at once, the active one besides. */
const OPEN_MAX = 32
/** A record up to this size is made in memory that is used again: most are a part of a mebibyte. */
const SCRATCH_BYTES = 1024 * 1024 + 64 * 1024
const SUFFIX = '.log'
const DIGITS = 8

interface OpenFile {
  readonly opening: Promise<DiskFile>
  users: number
}

/** The file that grows. */
interface ActiveFile {
  readonly number: number
  readonly file: DiskFile
  readonly key: Uint8Array
}

/** Where a record was appended. */
export interface RecordPlace {
  readonly file: number
  readonly atByte: number
}

/** The numbered files of a log: the last one grows until it is full, then the next one begins. */
export class LogFiles {
  readonly #disk: Disk
  readonly #random: Random
  readonly #fileBytesMax: number
  /** Bytes of the files that this process has appended to. */
  readonly #lengths: Map<number, number> = new Map()
  /** In the order of use. */
  readonly #open: Map<number, OpenFile> = new Map()
  #active: ActiveFile | undefined
  #lastNumber = 0
  /** Files of which a flush failed: of what they have since the last good one nobody may be told. */
  readonly #failed: Set<number> = new Set()
  /** A flush that has not begun; whoever appended until then shares it. */
  #nextFlush: Promise<void> | undefined
  #flushing: Promise<void> = Promise.resolve()
  /** One after another, so that each knows where it begins. Its outcome is its caller's. */
  #appending: Promise<void> = Promise.resolve()
  #scratch: Uint8Array = new Uint8Array(0)

  constructor(components: { readonly disk: Disk; readonly random: Random }, fileBytesMax: number) {
    this.#disk = components.disk
    this.#random = components.random
    this.#fileBytesMax = fileBytesMax
  }

  /** The number of the file that grows; 0 before the first record. */
  get activeNumber(): number {
    return this.#active?.number ?? 0
  }

  /** Files that this process has appended to, and their bytes. */
  get appended(): ReadonlyMap<number, number> {
    return this.#lengths
  }

  /** Whether everything in a file is on the disk. */
  isForced(number: number): boolean {
    return this.#active?.number !== number && !this.#failed.has(number)
  }

  /** All files, oldest first. Others in the folder are left alone. @throws CoreError STORE_FAILED */
  async list(): Promise<readonly { readonly number: number; readonly lengthBytes: number }[]> {
    const files = await this.#disk.list()
    return files.flatMap(({ name, lengthBytes }) => {
      const number = numberOf(name)
      if (number === undefined) return []
      this.#lastNumber = Math.max(this.#lastNumber, number)
      return [{ number, lengthBytes }]
    })
  }

  /** Works with a file that stays open meanwhile. @throws CoreError STORE_FAILED, and whatever `work` throws */
  async use<Result>(number: number, work: (file: DiskFile) => Promise<Result>): Promise<Result> {
    if (this.#active?.number === number) return await work(this.#active.file)
    const open = this.#open.get(number) ?? { opening: this.#disk.open(nameOf(number)), users: 0 }
    this.#open.delete(number)
    this.#open.set(number, open)
    open.users++
    try {
      return await work(await this.#opened(number, open))
    } finally {
      open.users--
      await this.#closeUnused()
    }
  }

  /** Goes on with the last file, when its head is whole. */
  async resume(number: number): Promise<void> {
    const open = this.#open.get(number)
    const file = await (open?.opening ?? this.#disk.open(nameOf(number)))
    const key = decodeFileHead(await file.read(0, HEAD_BYTES))
    if (key === undefined) {
      this.#retire({ number, file })
      return
    }
    this.#open.delete(number)
    this.#active = { number, file, key }
  }

  /** Appends a record, in a new file when the active one is full. @throws CoreError STORE_FULL, STORE_FAILED */
  append(head: RecordHead, content: RecordContent): Promise<RecordPlace> {
    const place = this.#appending.then(async () => {
      const { number, file, key } = await this.#fileFor(recordBytes(head))
      const atByte = file.lengthBytes
      const record = this.#recordOf(recordBytes(head))
      writeRecord(record, key, { head, ...content })
      await file.append(record)
      this.#lengths.set(number, file.lengthBytes)
      return { file: number, atByte }
    })
    this.#appending = place.then(ignored, ignored)
    return place
  }

  /**
   * Forces out what was appended to a file; calls that come together share one flush.
   * @throws CoreError STORE_FAILED, also when an earlier flush of this file failed
   */
  async flush(number: number): Promise<void> {
    if (this.#failed.has(number))
      throw new CoreError('STORE_FAILED', `what was appended to ${nameOf(number)} may not be on the disk`)
    // What is not active any more was forced out before the next file began.
    if (this.#active?.number !== number) return
    this.#nextFlush ??= this.#flushing.then(
      () => this.#flushNow(),
      () => this.#flushNow(),
    )
    await this.#nextFlush
  }

  /** Removes a file that is not the active one. @throws CoreError STORE_FAILED */
  async remove(number: number): Promise<void> {
    const open = this.#open.get(number)
    this.#open.delete(number)
    await (await open?.opening)?.close()
    await this.#disk.remove(nameOf(number))
    this.#lengths.delete(number)
  }

  async close(): Promise<void> {
    const files = await Promise.all(Array.from(this.#open.values(), ({ opening }) => opening))
    this.#open.clear()
    await Promise.all(files.map((file) => file.close()))
    await this.#active?.file.close()
    this.#active = undefined
  }

  /** Memory for one record; records are appended one after another. */
  #recordOf(lengthBytes: number): Uint8Array {
    if (lengthBytes > SCRATCH_BYTES) return new Uint8Array(lengthBytes)
    if (this.#scratch.length < lengthBytes) this.#scratch = new Uint8Array(Math.min(SCRATCH_BYTES, 2 * lengthBytes))
    return this.#scratch.subarray(0, lengthBytes)
  }

  /** One that could not be opened is tried again by the next user. */
  async #opened(number: number, open: OpenFile): Promise<DiskFile> {
    try {
      return await open.opening
    } catch (error) {
      if (this.#open.get(number) === open) this.#open.delete(number)
      throw error
    }
  }

  async #flushNow(): Promise<void> {
    const active = this.#active
    this.#nextFlush = undefined
    const flushing = active?.file.sync() ?? Promise.resolve()
    this.#flushing = flushing
    try {
      await flushing
    } catch (error) {
      // After a flush that failed nobody knows what the disk has, and a second one may lie: this file grows no more.
      if (active !== undefined && this.#active === active) {
        this.#failed.add(active.number)
        this.#retire(active)
        this.#active = undefined
      }
      throw error
    }
  }

  async #fileFor(needBytes: number): Promise<ActiveFile> {
    const active = this.#active
    if (active !== undefined && active.file.lengthBytes + needBytes <= this.#fileBytesMax) return active
    if (active !== undefined) await this.flush(active.number)
    const number = this.#lastNumber + 1
    const file = await this.#disk.open(nameOf(number))
    const key = this.#random.bytes(KEY_BYTES)
    try {
      await file.append(encodeFileHead(key))
    } catch (error) {
      // It stays empty and is begun again by the next record, so that a full disk is not filled with files.
      await file.close()
      throw error
    }
    this.#lastNumber = number
    if (active !== undefined) this.#retire(active)
    this.#active = { number, file, key }
    return this.#active
  }

  /** From now on it is only read. */
  #retire({ number, file }: Pick<ActiveFile, 'number' | 'file'>): void {
    this.#open.set(number, { opening: Promise.resolve(file), users: 0 })
  }

  /** Those that were used longest ago first. */
  async #closeUnused(): Promise<void> {
    for (const [number, { opening, users }] of this.#open) {
      if (this.#open.size <= OPEN_MAX) return
      if (users > 0) continue
      this.#open.delete(number)
      await (await opening).close()
    }
  }
}

function ignored(): void {
  // Whoever began it has its outcome.
}

function nameOf(number: number): string {
  return `${String(number).padStart(DIGITS, '0')}${SUFFIX}`
}

function numberOf(name: string): number | undefined {
  const digits = name.slice(0, -SUFFIX.length)
  return name.endsWith(SUFFIX) && /^\d{8}$/.test(digits) ? Number(digits) : undefined
}
