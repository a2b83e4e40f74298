import type { Clock } from '@stead/core'
import { CoreError } from '@stead/core'
import {
  type BucketInfo,
  type GetOptions,
  type ListOptions,
  type ObjectBody,
  type ObjectInfo,
  type ObjectPage,
  type ObjectStore,
  type PartInfo,
  type PutOptions,
  StorageError,
  type UploadInfo,
  type WriteCondition,
} from '@stead/storage'
import { byBytes, type Chunks, MemoryBucket, type MemoryUpload } from './memory-bucket.ts'

type Bytes = AsyncIterable<Uint8Array> | Iterable<Uint8Array>
type Description = Pick<PutOptions, 'contentType' | 'metadata'>

const BUCKET_NAME = /^[a-z0-9.-]{3,63}$/

/** Objects in memory, as the interface has them: versions, conditions, uploads in parts. */
export class MemoryObjectStore implements ObjectStore {
  readonly #clock: Clock
  readonly #buckets = new Map<string, MemoryBucket>()
  #written = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async buckets(): Promise<readonly BucketInfo[]> {
    return [...this.#buckets.values()].map(({ info }) => info).sort((left, right) => byBytes(left.name, right.name))
  }

  async createBucket(name: string): Promise<BucketInfo> {
    if (!BUCKET_NAME.test(name)) throw new StorageError('STORAGE_BAD_NAME', 'no bucket can have this name')
    if (this.#buckets.has(name)) throw new StorageError('STORAGE_BUCKET_EXISTS', `there is a bucket ${name} already`)
    const info = { name, createdAt: this.#clock.now(), versioning: 'off' } as const
    this.#buckets.set(name, new MemoryBucket(info))
    return info
  }

  async bucket(name: string): Promise<BucketInfo> {
    return this.#bucket(name).info
  }

  async deleteBucket(name: string): Promise<void> {
    const { objects, uploads } = this.#bucket(name)
    if (objects.size + uploads.size > 0) throw new StorageError('STORAGE_BUCKET_NOT_EMPTY', `${name} is not empty`)
    this.#buckets.delete(name)
  }

  async setVersioning(name: string, versioning: 'on' | 'suspended'): Promise<void> {
    const bucket = this.#bucket(name)
    bucket.info = { ...bucket.info, versioning }
  }

  async head(bucket: string, key: string, version?: string): Promise<ObjectInfo | undefined> {
    const place = this.#bucket(bucket)
    const found = place.find(key, version)
    return found === undefined ? undefined : place.infoOf(found)
  }

  async get(bucket: string, key: string, options: GetOptions = {}): Promise<ObjectBody> {
    const place = this.#bucket(bucket)
    const found = place.find(key, options.version)
    if (found === undefined || found.info.isDeleted)
      throw new StorageError('STORAGE_OBJECT_UNKNOWN', `there is no ${key} in ${bucket}`)
    const fromByte = options.range?.fromByte ?? 0
    const toByte = Math.min(found.info.lengthBytes, options.range?.toByte ?? found.info.lengthBytes)
    if (fromByte > 0 && fromByte >= found.info.lengthBytes) throw new RangeError('the range begins behind the end')
    return { info: place.infoOf(found), fromByte, toByte, body: slice(found.chunks, fromByte, toByte) }
  }

  async put(bucket: string, key: string, body: Bytes, options: PutOptions = {}): Promise<ObjectInfo> {
    this.#bucket(bucket)
    const chunks = await collect(body, options.signal)
    return this.#add(bucket, key, chunks, options, options.etag?.() ?? this.#id(), options.condition)
  }

  async copy(
    from: { readonly bucket: string; readonly key: string; readonly version?: string },
    to: { readonly bucket: string; readonly key: string },
    options: { readonly replace?: Description; readonly condition?: WriteCondition } = {},
  ): Promise<ObjectInfo> {
    const found = this.#bucket(from.bucket).find(from.key, from.version)
    if (found === undefined || found.info.isDeleted)
      throw new StorageError('STORAGE_OBJECT_UNKNOWN', `there is no ${from.key} in ${from.bucket}`)
    const description = options.replace ?? found.info
    return this.#add(to.bucket, to.key, found.chunks, description, found.info.etag, options.condition)
  }

  async delete(
    bucket: string,
    key: string,
    options: { readonly version?: string; readonly condition?: WriteCondition } = {},
  ): Promise<ObjectInfo | undefined> {
    const place = this.#bucket(bucket)
    this.#check(place, key, options.condition)
    const gone = options.version === undefined ? undefined : place.remove(key, options.version)
    if (options.version !== undefined) return gone === undefined ? undefined : place.infoOf(gone)
    if (place.info.versioning === 'off') {
      place.objects.delete(key)
      return undefined
    }
    return this.#add(bucket, key, [], {}, '', undefined, true)
  }

  async list(bucket: string, options: ListOptions): Promise<ObjectPage> {
    return this.#bucket(bucket).list(options)
  }

  async beginUpload(bucket: string, key: string, description: Description = {}): Promise<UploadInfo> {
    const info = { id: this.#id(), key, begunAt: this.#clock.now() }
    this.#bucket(bucket).uploads.set(info.id, { info, description, parts: new Map() })
    return info
  }

  async putPart(
    bucket: string,
    upload: string,
    number: number,
    body: Bytes,
    options: Pick<PutOptions, 'etag' | 'signal'> = {},
  ): Promise<PartInfo> {
    this.#upload(bucket, upload)
    const chunks = await collect(body, options.signal)
    const etag = options.etag?.() ?? this.#id()
    const info = { number, lengthBytes: lengthOf(chunks), etag, modifiedAt: this.#clock.now() }
    this.#upload(bucket, upload).parts.set(number, { info, chunks })
    return info
  }

  async parts(
    bucket: string,
    upload: string,
    options: { readonly after?: number; readonly limit: number },
  ): Promise<readonly PartInfo[]> {
    const parts = [...this.#upload(bucket, upload).parts.values()].map(({ info }) => info)
    const later = parts.filter(({ number }) => number > (options.after ?? 0))
    return later.sort((left, right) => left.number - right.number).slice(0, options.limit)
  }

  async uploads(
    bucket: string,
    options: {
      readonly prefix?: string
      readonly after?: { readonly key: string; readonly id: string }
      readonly limit: number
    },
  ): Promise<readonly UploadInfo[]> {
    const order = (left: Pick<UploadInfo, 'key' | 'id'>, right: Pick<UploadInfo, 'key' | 'id'>): number =>
      byBytes(left.key, right.key) || byBytes(left.id, right.id)
    const all = [...this.#bucket(bucket).uploads.values()].map(({ info }) => info).sort(order)
    const { prefix = '', after, limit } = options
    const later = all.filter((info) => info.key.startsWith(prefix) && (after === undefined || order(info, after) > 0))
    return later.slice(0, limit)
  }

  async completeUpload(
    bucket: string,
    upload: string,
    parts: readonly { readonly number: number; readonly etag: string }[],
    options: Pick<PutOptions, 'condition'> & { readonly etag: string },
  ): Promise<ObjectInfo> {
    const { info, description, parts: there } = this.#upload(bucket, upload)
    const chunks = parts.flatMap(({ number, etag }) => {
      const part = there.get(number)
      if (part?.info.etag !== etag) throw new StorageError('STORAGE_PART_UNKNOWN', `part ${number} is not there`)
      return part.chunks
    })
    const whole = this.#add(bucket, info.key, chunks, description, options.etag, options.condition)
    this.#bucket(bucket).uploads.delete(upload)
    return whole
  }

  async abortUpload(bucket: string, upload: string): Promise<void> {
    this.#bucket(bucket).uploads.delete(upload)
  }

  #bucket(name: string): MemoryBucket {
    const bucket = this.#buckets.get(name)
    if (bucket !== undefined) return bucket
    if (!BUCKET_NAME.test(name)) throw new StorageError('STORAGE_BAD_NAME', 'no bucket can have this name')
    throw new StorageError('STORAGE_BUCKET_UNKNOWN', `there is no bucket ${name}`)
  }

  #upload(bucket: string, id: string): MemoryUpload {
    const upload = this.#bucket(bucket).uploads.get(id)
    if (upload === undefined) throw new StorageError('STORAGE_UPLOAD_UNKNOWN', `there is no upload ${id}`)
    return upload
  }

  /** Sorts newest first. */
  #id(): string {
    this.#written += 1
    return (2 ** 48 - this.#written).toString(16).padStart(16, '0')
  }

  #check(bucket: MemoryBucket, key: string, condition: WriteCondition | undefined): void {
    const latest = bucket.find(key)
    const holds =
      condition === undefined ||
      (condition.is === 'absent' ? latest === undefined : latest?.info.etag === condition.etag)
    if (!holds) throw new StorageError('STORAGE_CONDITION', `${key} is not what the write was to replace`)
  }

  #add(
    name: string,
    key: string,
    chunks: Chunks,
    { contentType, metadata = {} }: Description,
    etag: string,
    condition: WriteCondition | undefined,
    isDeleted = false,
  ): ObjectInfo {
    const bucket = this.#bucket(name)
    this.#check(bucket, key, condition)
    const version = bucket.info.versioning === 'on' ? this.#id() : 'null'
    const described = { contentType, metadata, etag, isDeleted, lengthBytes: lengthOf(chunks) }
    const added = { chunks, info: { key, version, modifiedAt: this.#clock.now(), ...described } }
    bucket.add(added)
    return bucket.infoOf(added)
  }
}

function lengthOf(chunks: Chunks): number {
  return chunks.reduce((sum, { length }) => sum + length, 0)
}

async function collect(body: Bytes, signal: AbortSignal | undefined): Promise<Chunks> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) {
    if (signal?.aborted === true) throw new CoreError('CORE_ABORTED', 'the write was given up')
    chunks.push(Uint8Array.from(chunk))
  }
  return chunks
}

async function* slice(chunks: Chunks, fromByte: number, toByte: number): AsyncGenerator<Uint8Array> {
  let at = 0
  for (const chunk of chunks) {
    const part = chunk.subarray(Math.max(0, fromByte - at), Math.max(0, toByte - at))
    at += chunk.length
    if (part.length > 0) yield part
  }
}
