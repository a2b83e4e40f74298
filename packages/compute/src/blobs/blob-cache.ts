import type { Clock, ContentId, Size, Store, StoreOperation } from '@stead/core'
import { type ContentCodec, contentIdOf } from '@stead/protocol'

/** Table of the blobs' bytes by content id. */
const BYTES_TABLE = 'compute-blobs'
/** Table of the blobs' sizes and times by content id, so that a start need not read the bytes. */
const INDEX_TABLE = 'compute-blob-index'
/** Size and time of storing as two big-endian doubles. */
const INDEX_ROW_BYTES = 16
/** Entries that one call looks at for something to drop; what is pinned goes to the back, so that later calls get on. */
const EVICTION_LOOKS_MAX = 64
/**
 * Blobs on disk, and blobs in memory, what is pinned aside: however small they are, each costs memory for its place. Two
 * for each task of the largest job are fewer.
 */
const ENTRIES_MAX = 262_144

/** What a blob cache needs. */
export interface BlobCacheComponents {
  readonly store: Store
  readonly clock: Clock
}

/** How much a blob cache holds. */
export interface BlobCacheOptions {
  /** Bytes in memory; also the most that one blob may have. */
  readonly memoryBytesMax: number
  /** Bytes on disk, what is pinned aside. */
  readonly diskBytesMax: number
}

/** A blob made ready for a batch that its caller writes. */
export interface PreparedBlob {
  readonly id: ContentId
  readonly operations: readonly StoreOperation[]
}

/**
 * Content-addressed bytes: an index and the most recent blobs in memory, the others on disk. The least recently used
 * go first when a limit is reached; pinned ones stay.
 */
export class BlobCache {
  readonly #store: Store
  readonly #clock: Clock
  readonly #options: BlobCacheOptions
  /** In order of use, the most recent last. */
  readonly #memory: Map<ContentId, Uint8Array> = new Map()
  #memoryBytes = 0
  /** Sizes of what is on disk, in order of use, the most recent last. */
  readonly #disk: Map<ContentId, number> = new Map()
  #diskBytes = 0
  readonly #pins: Map<ContentId, number> = new Map()
  readonly #reads: Map<ContentId, Promise<Uint8Array | undefined>> = new Map()

  constructor(components: BlobCacheComponents, options: BlobCacheOptions) {
    this.#store = components.store
    this.#clock = components.clock
    this.#options = options
  }

  /** Reads the index. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    const rows = (await this.#store.scan(INDEX_TABLE)).flatMap(({ key, value }) => {
      if (value.length !== INDEX_ROW_BYTES) return []
      const view = new DataView(value.buffer, value.byteOffset, value.byteLength)
      return [{ id: key as ContentId, bytes: view.getFloat64(0), storedAt: view.getFloat64(8) }]
    })
    rows.sort((left, right) => left.storedAt - right.storedAt)
    for (const { id, bytes } of rows) {
      this.#disk.set(id, bytes)
      this.#diskBytes += bytes
    }
  }

  /** Bytes held in memory and on disk now. */
  get heldBytes(): { readonly memory: number; readonly disk: number } {
    return { memory: this.#memoryBytes, disk: this.#diskBytes }
  }

  /** What this cache holds, with the most that it may; pinned blobs may exceed it. */
  sizes(): readonly Size[] {
    return [
      { what: 'blobs on disk', have: this.#disk.size, max: ENTRIES_MAX + this.#pins.size },
      { what: 'blobs in memory', have: this.#memory.size, max: ENTRIES_MAX + this.#pins.size },
    ]
  }

  /** True when the blob is in memory or on disk. */
  has(id: ContentId): boolean {
    return this.#memory.has(id) || this.#disk.has(id)
  }

  /** True when the blob is on disk and so outlives the process. */
  isStored(id: ContentId): boolean {
    return this.#disk.has(id)
  }

  /** The size of a blob in bytes; undefined when it is not here. */
  sizeOf(id: ContentId): number | undefined {
    return this.#memory.get(id)?.length ?? this.#disk.get(id)
  }

  /** The blob when it is in memory; never reads the disk. Callers must not change the bytes. */
  peek(id: ContentId): Uint8Array | undefined {
    const bytes = this.#memory.get(id)
    if (bytes === undefined) return undefined
    this.#memory.delete(id)
    this.#memory.set(id, bytes)
    return bytes
  }

  /** The blob from memory or disk; callers must not change the bytes. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async get(id: ContentId): Promise<Uint8Array | undefined> {
    const held = this.peek(id)
    if (held !== undefined) return held
    const size = this.#disk.get(id)
    if (size === undefined) return undefined
    this.#disk.delete(id)
    this.#disk.set(id, size)
    const running = this.#reads.get(id)
    if (running !== undefined) return running
    const read = this.#read(id).finally(() => this.#reads.delete(id))
    this.#reads.set(id, read)
    return read
  }

  /**
   * Keeps a blob on disk as well as in memory, and outlives a kill once the promise resolves.
   * @throws RangeError when it is larger than a blob may be
   * @throws CoreError STORE_FULL, STORE_FAILED
   */
  async put(bytes: Uint8Array, codec: ContentCodec = 'raw'): Promise<ContentId> {
    const id = contentIdOf(codec, bytes)
    const { operations } = this.prepare(id, bytes)
    if (operations.length > 0) await this.#writeOrForget(id, operations)
    return id
  }

  /** Keeps a blob in memory only, for as long as there is room. @throws RangeError when it is larger than a blob may be */
  hold(id: ContentId, bytes: Uint8Array): void {
    this.#checkSize(bytes)
    if (this.#memory.delete(id)) this.#memoryBytes -= bytes.length
    this.#memory.set(id, bytes)
    this.#memoryBytes += bytes.length
    let looks = 0
    for (const [oldest, held] of this.#memory) {
      const isEnough = this.#memoryBytes <= this.#options.memoryBytesMax && this.#memory.size <= ENTRIES_MAX
      if (isEnough || oldest === id || ++looks > EVICTION_LOOKS_MAX) break
      this.#memory.delete(oldest)
      // A pin protects what has no copy on disk.
      if (this.#pins.has(oldest) && !this.#disk.has(oldest)) this.#memory.set(oldest, held)
      else this.#memoryBytes -= held.length
    }
  }

  /**
   * Takes a blob in and gives the operations that store it, for a caller that writes them with rows of its own; none
   * when it is stored already. @throws RangeError when it is larger than a blob may be
   */
  prepare(id: ContentId, bytes: Uint8Array): PreparedBlob {
    this.hold(id, bytes)
    if (this.#disk.has(id)) return { id, operations: [] }
    this.#disk.set(id, bytes.length)
    this.#diskBytes += bytes.length
    const operations: StoreOperation[] = [
      { kind: 'put', table: BYTES_TABLE, key: id, value: bytes },
      { kind: 'put', table: INDEX_TABLE, key: id, value: this.#indexRow(bytes.length) },
    ]
    for (const evicted of this.#evictable(id)) operations.push(...deletionOf(evicted))
    return { id, operations }
  }

  /** Keeps a blob from being dropped until as many {@link unpin} calls were made. */
  pin(id: ContentId): void {
    this.#pins.set(id, (this.#pins.get(id) ?? 0) + 1)
  }

  /** Undoes one {@link pin}. */
  unpin(id: ContentId): void {
    const count = (this.#pins.get(id) ?? 0) - 1
    if (count > 0) this.#pins.set(id, count)
    else this.#pins.delete(id)
  }

  async #read(id: ContentId): Promise<Uint8Array | undefined> {
    const bytes = await this.#store.get(BYTES_TABLE, id)
    if (bytes === undefined) this.#forget(id)
    else this.hold(id, bytes)
    return bytes
  }

  async #writeOrForget(id: ContentId, operations: readonly StoreOperation[]): Promise<void> {
    try {
      await this.#store.write(operations, 'process')
    } catch (error) {
      this.#forget(id)
      throw error
    }
  }

  #forget(id: ContentId): void {
    const size = this.#disk.get(id)
    if (size === undefined) return
    this.#disk.delete(id)
    this.#diskBytes -= size
  }

  /** Drops the least recently used from the index until the rest fits. */
  #evictable(keep: ContentId): ContentId[] {
    const evicted: ContentId[] = []
    const isEnough = (): boolean => this.#diskBytes <= this.#options.diskBytesMax && this.#disk.size <= ENTRIES_MAX
    let looks = 0
    for (const [id, size] of this.#disk) {
      if (isEnough() || id === keep || ++looks > EVICTION_LOOKS_MAX) break
      this.#disk.delete(id)
      if (this.#pins.has(id)) {
        this.#disk.set(id, size)
        continue
      }
      this.#diskBytes -= size
      evicted.push(id)
    }
    return evicted
  }

  #indexRow(bytes: number): Uint8Array {
    const row = new Uint8Array(INDEX_ROW_BYTES)
    const view = new DataView(row.buffer)
    view.setFloat64(0, bytes)
    view.setFloat64(8, this.#clock.now())
    return row
  }

  #checkSize(bytes: Uint8Array): void {
    const limit = this.#options.memoryBytesMax
    if (bytes.length > limit) throw new RangeError(`a blob has at most ${limit} bytes, not ${bytes.length}`)
  }
}

function deletionOf(id: ContentId): StoreOperation[] {
  return [
    { kind: 'delete', table: BYTES_TABLE, key: id },
    { kind: 'delete', table: INDEX_TABLE, key: id },
  ]
}
