import type { UnixMs } from '@stead/core'

/** A bucket as listings show it. */
export interface BucketInfo {
  /** 3 .. 63 characters of a-z, 0-9, `.` and `-`. */
  readonly name: string
  readonly createdAt: UnixMs
  /** `on` keeps every version that is replaced or deleted. */
  readonly versioning: 'off' | 'on' | 'suspended'
}

/** One version of an object. */
export interface ObjectInfo {
  /** 1 .. 1024 bytes of UTF-8. */
  readonly key: string
  /** Sorts newest first within a key; `null` for what was written while versioning was not on. */
  readonly version: string
  readonly isLatest: boolean
  /** A version that says the object was deleted: no bytes. */
  readonly isDeleted: boolean
  readonly lengthBytes: number
  readonly modifiedAt: UnixMs
  /** What the writer said the bytes are known by, e.g. their MD5 in hexadecimal; without quotes. */
  readonly etag: string
  readonly contentType: string | undefined
  /** Of the writer; at most 2 KiB in all, names in lower case. */
  readonly metadata: Readonly<Record<string, string>>
}

/** What must hold of the latest version for a write to happen; a deleted object is absent. */
export type WriteCondition = { readonly is: 'absent' } | { readonly is: 'present'; readonly etag: string }

/** How an object is written. */
export interface PutOptions {
  readonly contentType?: string | undefined
  readonly metadata?: Readonly<Record<string, string>>
  readonly condition?: WriteCondition
  /** Asked when the body has ended. @default a random one */
  readonly etag?: () => string
  /** Gives the write up; nothing of it is seen. */
  readonly signal?: AbortSignal
}

/** Bytes of an object that are wanted. */
export interface WantedRange {
  readonly fromByte: number
  /** @default the length */
  readonly toByte?: number
}

/** Which bytes of which version are read. */
export interface GetOptions {
  /** @default the latest */
  readonly version?: string
  /**
   * First byte, and the one after the last; or what says it of the object that is found, as often as it is asked. What that
   * throws is thrown. @default all; what is beyond the end is left out
   */
  readonly range?: WantedRange | ((info: ObjectInfo) => WantedRange | undefined)
  readonly signal?: AbortSignal
}

/** An object being read. */
export interface ObjectBody {
  readonly info: ObjectInfo
  /** Bytes of the object that come, after clipping. */
  readonly fromByte: number
  readonly toByte: number
  /** Checked before they come; it throws where the object cannot be read any further. At most a frame is read before it is asked. Each chunk is its taker's alone. */
  readonly body: AsyncIterable<Uint8Array>
}

/** Which objects are listed: in the order of their keys' bytes. */
export interface ListOptions {
  readonly prefix?: string
  /** Keys with this behind the prefix are rolled up into one common prefix. */
  readonly delimiter?: string
  /** Only what comes after this key or common prefix; with `afterVersion` also later versions of that key. */
  readonly after?: string
  readonly afterVersion?: string
  /** Objects and common prefixes together, 1 .. 1000. */
  readonly limit: number
  /** Every version, deletions included; otherwise the latest that are not deleted. @default false */
  readonly versions?: boolean
  /** Gives the list up: one page may step over any number of objects that were deleted. */
  readonly signal?: AbortSignal
}

/** One page of a listing. */
export interface ObjectPage {
  readonly objects: readonly ObjectInfo[]
  readonly commonPrefixes: readonly string[]
  /** Where the next page begins; undefined on the last one. */
  readonly next: { readonly after: string; readonly afterVersion?: string } | undefined
}

/** An upload in parts that was begun. */
export interface UploadInfo {
  readonly id: string
  readonly key: string
  readonly begunAt: UnixMs
}

/** A part that is there. */
export interface PartInfo {
  /** 1 .. 10000. */
  readonly number: number
  readonly lengthBytes: number
  readonly etag: string
  readonly modifiedAt: UnixMs
}

/**
 * Buckets of objects. Reads see every write that was acknowledged before. All methods throw StorageError
 * STORAGE_BUCKET_UNKNOWN for a bucket that is not there, and STORAGE_BAD_NAME for a name or key that cannot be.
 */
export interface ObjectStore {
  /** In the order of their names. */
  buckets(): Promise<readonly BucketInfo[]>
  /** @throws StorageError STORAGE_BUCKET_EXISTS */
  createBucket(name: string): Promise<BucketInfo>
  bucket(name: string): Promise<BucketInfo>
  /** @throws StorageError STORAGE_BUCKET_NOT_EMPTY, versions and unfinished uploads count */
  deleteBucket(name: string): Promise<void>
  setVersioning(name: string, versioning: 'on' | 'suspended'): Promise<void>

  /** Undefined when there is none, or the latest says that it was deleted and no version was asked for. */
  head(bucket: string, key: string, version?: string): Promise<ObjectInfo | undefined>
  /** @throws StorageError STORAGE_OBJECT_UNKNOWN; RangeError for a range that begins behind the end */
  get(bucket: string, key: string, options?: GetOptions): Promise<ObjectBody>
  /**
   * Takes the body as fast as it can keep it; the memory of each of its chunks is the giver's again when the next one is asked
   * for. The object is seen as a whole or not at all.
   * @throws StorageError STORAGE_CONDITION; CoreError CORE_ABORTED; what the body throws
   */
  put(
    bucket: string,
    key: string,
    body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options?: PutOptions,
  ): Promise<ObjectInfo>
  /** Copies without moving bytes; `replace` gives other descriptions. @throws as get and put */
  copy(
    from: { readonly bucket: string; readonly key: string; readonly version?: string },
    to: { readonly bucket: string; readonly key: string },
    options?: { readonly replace?: Pick<PutOptions, 'contentType' | 'metadata'>; readonly condition?: WriteCondition },
  ): Promise<ObjectInfo>
  /**
   * Without a version: the object is gone, or with versioning a version more says so, which is given. With one: that
   * version is gone for good, and what it was is given. No error for what is not there. @throws StorageError STORAGE_CONDITION
   */
  delete(
    bucket: string,
    key: string,
    options?: { readonly version?: string; readonly condition?: WriteCondition },
  ): Promise<ObjectInfo | undefined>
  list(bucket: string, options: ListOptions): Promise<ObjectPage>

  /** Begins an upload in parts; it outlives restarts. */
  beginUpload(bucket: string, key: string, options?: Pick<PutOptions, 'contentType' | 'metadata'>): Promise<UploadInfo>
  /** A part that is there already is replaced. @throws StorageError STORAGE_UPLOAD_UNKNOWN */
  putPart(
    bucket: string,
    upload: string,
    number: number,
    body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
    options?: Pick<PutOptions, 'etag' | 'signal'>,
  ): Promise<PartInfo>
  /** In the order of their numbers. @throws StorageError STORAGE_UPLOAD_UNKNOWN */
  parts(
    bucket: string,
    upload: string,
    options: { readonly after?: number; readonly limit: number },
  ): Promise<readonly PartInfo[]>
  /** In the order of keys, then of ids. */
  uploads(
    bucket: string,
    options: {
      readonly prefix?: string
      /** Only what comes after this upload; without an id, after all of this key. */
      readonly after?: { readonly key: string; readonly id?: string }
      /** 1 .. 10000. */
      readonly limit: number
    },
  ): Promise<readonly UploadInfo[]>
  /**
   * Puts parts together, without moving bytes. With the object's key it can be said again: while the latest version is what
   * this upload became, with the same etag, that is given, whatever the condition.
   * @throws StorageError STORAGE_UPLOAD_UNKNOWN, STORAGE_PART_UNKNOWN, STORAGE_CONDITION
   */
  completeUpload(
    bucket: string,
    upload: string,
    parts: readonly { readonly number: number; readonly etag: string }[],
    options: Pick<PutOptions, 'condition'> & { readonly etag: string; readonly key?: string },
  ): Promise<ObjectInfo>
  /** No error for one that is not there any more. */
  abortUpload(bucket: string, upload: string): Promise<void>
}
