import { hasCode } from '@stead/core'
import type { HeadObjectQuery, ObjectMetadata, ObjectView, StreamBody, WriteConditions } from '../api/objects.ts'
import type { PartView } from '../api/uploads.ts'
import type { DeleteObjectQuery } from '../api/versions.ts'
import { blobOf, type ObjectContent, partsOf } from './content-parts.ts'
import { sendCounted } from './counted-body.ts'
import type { DaemonClient } from './daemon-client.ts'
import type { CallOptions } from './daemon-transport.ts'
import { partsThere, type RereadableParts } from './parts-there.ts'
import { streamOf } from './web-streams.ts'

/** Where an object is, or will be. */
export interface ObjectPlace {
  /** 3 .. 63 of a-z, 0-9, dots and dashes. */
  readonly bucket: string
  /** 1 .. 1024 bytes of UTF-8. */
  readonly key: string
}

/** Lets a put go on with the parts that an earlier one sent. */
export interface Resumption {
  /** The upload that an earlier put of the same content was told of; one that is gone is begun anew. */
  readonly upload?: string
  /** Told the upload before its first part is sent. It is kept when the put fails, until it is gone on with or given up. */
  onUpload(upload: string): void
  /** Told how many bytes of the content are there, once and before others are counted; not where there are none. */
  onResume?(bytes: number): void
  /** Whether a part that is there is made of these bytes. @default those of the same length are */
  isSame?(part: PartView, bytes: Blob): Promise<boolean>
}

/** How an object is written. */
export interface PutContentOptions extends CallOptions, WriteConditions {
  readonly contentType?: string
  /** At most 2 KiB in all, names in lower case. */
  readonly metadata?: ObjectMetadata
  /** Hears how many bytes more are sent or were there already; nothing after the put failed. */
  readonly onBytes?: (bytes: number) => void
  /** For content that can be read again: bytes, text, a Blob, a File. */
  readonly resume?: Resumption
}

/** Which bytes of which version are read. */
export interface GetContentOptions extends CallOptions {
  /** @default the latest */
  readonly version?: string
  /** @default 0 */
  readonly fromByte?: number
  /** The one after the last. @default the end */
  readonly toByte?: number
  /** Refused with STORAGE_CONDITION when the object has another etag. */
  readonly ifMatch?: string
}

/** An object being read. */
export interface OpenObject {
  /** The version that all bytes are of. */
  readonly object: ObjectView
  /** Bytes that come. */
  readonly lengthBytes: number
  /** Read as fast as it is taken from. Cancel it to stop; an error of the node errors it, with its code. */
  readonly body: ReadableStream<Uint8Array>
}

/** How an {@link ObjectClient} works. */
export interface ObjectClientOptions {
  /**
   * Bytes of one part, 5 MiB .. 5 GiB; what is shorter is sent at once. Of content that comes as a stream up to three
   * parts are in memory. @default 16 MiB: one segment, so that none is half empty
   */
  readonly partBytes?: number
  /** Parts in flight at once. @default 2: one is coded while the other is sent */
  readonly partsAtOnce?: number
  /**
   * Sends parts as streams, which tells their progress by chunk instead of by part. @default false: browsers send streams
   * over HTTP/2 only
   */
  readonly sendsStreams?: boolean
}

const PART_BYTES = 16 * 1024 * 1024
const PARTS_MAX = 10_000

/**
 * Objects of a node, with web streams; the same in Node.js and in browsers. All calls throw what the node throws, such as
 * STORAGE_BUCKET_UNKNOWN, and besides as {@link DaemonClient}; a call whose signal aborts rejects with its reason.
 *
 * A page is let in when its origin is one of the node's `api.origins` and it knows the token of api.json.
 *
 * @example
 * const daemon = new DaemonClient({ connection: async () => ({ url, token }), fetch, clock: { sleep } })
 * const objects = new ObjectClient(daemon)
 * await objects.put({ bucket: 'mine', key: 'log' }, response.body, { ifNoneMatch: '*' })
 * const { body } = await objects.get({ bucket: 'mine', key: 'log' }, { fromByte: 1024 })
 * for await (const { key } of objects.list('mine', { prefix: 'logs/' })) console.log(key)
 */
export class ObjectClient {
  readonly #daemon: DaemonClient
  readonly #options: Required<ObjectClientOptions>

  constructor(daemon: DaemonClient, options: ObjectClientOptions = {}) {
    this.#daemon = daemon
    this.#options = { partBytes: PART_BYTES, partsAtOnce: 2, sendsStreams: false, ...options }
  }

  /**
   * Writes an object: seen as a whole when the promise resolves, and not at all when it rejects. What is longer than one
   * part is sent in parts; what comes as a stream is read only as fast as it is sent.
   * @throws StorageError STORAGE_CONDITION, STORAGE_BUCKET_UNKNOWN, STORAGE_BAD_NAME; what the content throws
   */
  async put(place: ObjectPlace, content: ObjectContent, options: PutContentOptions = {}): Promise<ObjectView> {
    const blob = blobOf(content)
    const partBytes = this.#partBytesOf(blob?.size)
    const parts = partsOf(content, partBytes)
    try {
      const first = await parts.next()
      const bytes = first.value ?? new Blob([])
      // Exactly one part of a stream may be followed by others.
      if (blob === undefined ? bytes.size < partBytes : blob.size <= partBytes)
        return await this.#putWhole(place, bytes, options)
      return await this.#putParts(place, { parts: rejoined(bytes, parts), blob, partBytes }, options)
    } finally {
      await parts.return()
    }
  }

  /** Opens an object, or some of its bytes. @throws StorageError STORAGE_OBJECT_UNKNOWN, STORAGE_BAD_RANGE, STORAGE_CONDITION */
  async get({ bucket, key }: ObjectPlace, options: GetContentOptions = {}): Promise<OpenObject> {
    const { signal, ...query } = options
    const { object, lengthBytes, body } = await this.#daemon.getObject({ bucket, key, ...query }, callOf(signal))
    return { object, lengthBytes, body: streamOf(body) }
  }

  /** What is known of an object; undefined when there is none. */
  async head(query: HeadObjectQuery, options: CallOptions = {}): Promise<ObjectView | undefined> {
    try {
      return await this.#daemon.headObject(query, options)
    } catch (error) {
      if (hasCode(error, 'STORAGE_OBJECT_UNKNOWN')) return undefined
      throw error
    }
  }

  /** All objects whose keys begin with a prefix, in the order of their keys, a page of the node at a time. */
  async *list(
    bucket: string,
    options: CallOptions & { readonly prefix?: string /** Only keys after this one. */; readonly after?: string } = {},
  ): AsyncGenerator<ObjectView, void> {
    const { signal, ...query } = options
    for (let after = query.after; ; ) {
      const place = after === undefined ? {} : { after }
      const page = await this.#daemon.listObjects({ bucket, ...query, ...place }, callOf(signal))
      yield* page.objects
      after = page.next
      if (after === undefined) return
    }
  }

  /** Copies an object within the node: its bytes do not move. @throws StorageError STORAGE_OBJECT_UNKNOWN, STORAGE_CONDITION */
  async copy(from: HeadObjectQuery, to: ObjectPlace, options: CallOptions & WriteConditions = {}): Promise<ObjectView> {
    const { signal, ...conditions } = options
    const { bucket, key } = to
    return await this.#daemon.copyObject({ from, to: { bucket, key }, ...conditions }, callOf(signal))
  }

  /** Deletes an object, or one version of it for good; no error when there is none. */
  async delete(place: DeleteObjectQuery, options: CallOptions = {}): Promise<void> {
    await this.#daemon.deleteObject(place, options)
  }

  /** Makes a bucket, unless it is there. @throws StorageError STORAGE_BAD_NAME */
  async makeBucket(bucket: string, options: CallOptions = {}): Promise<void> {
    try {
      await this.#daemon.createBucket(bucket, options)
    } catch (error) {
      if (!hasCode(error, 'STORAGE_BUCKET_EXISTS')) throw error
    }
  }

  /** Large enough that 10,000 parts are enough, and whole segments. */
  #partBytesOf(lengthBytes = 0): number {
    const { partBytes } = this.#options
    return partBytes * Math.max(1, Math.ceil(lengthBytes / partBytes / PARTS_MAX))
  }

  async #putWhole({ bucket, key }: ObjectPlace, bytes: Blob, options: PutContentOptions): Promise<ObjectView> {
    const { signal, onBytes, resume: _, ...description } = options
    const query = { bucket, key, ...description }
    return await this.#send(bytes, onBytes, (body) => this.#daemon.putObject(query, body, callOf(signal)))
  }

  async #putParts(
    { bucket, key }: ObjectPlace,
    content: ContentInParts,
    options: PutContentOptions,
  ): Promise<ObjectView> {
    const { signal, onBytes, resume, ifMatch, ifNoneMatch, ...description } = options
    const call = callOf(signal)
    const { upload, parts } = await this.#openUpload({ bucket, key, ...description }, resume, call)
    const there = await partsThere(parts, content, { signal, isSame: resume?.isSame })
    const thereBytes = there.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
    if (thereBytes > 0) {
      resume?.onResume?.(thereBytes)
      onBytes?.(thereBytes)
    }
    const isThere = new Set(there.map(({ number }) => number))
    const sent = [...there]
    const sendOne = async ({ number, bytes }: NumberedPart): Promise<void> => {
      if (isThere.has(number)) return
      const query = { bucket, upload, number }
      sent.push(await this.#send(bytes, onBytes, (body) => this.#daemon.putPart(query, body, call)))
    }
    try {
      await forEach(numbered(content.parts), this.#options.partsAtOnce, sendOne)
      const conditions = { ...(ifMatch === undefined ? {} : { ifMatch }), ...(ifNoneMatch && { ifNoneMatch }) }
      const named = sent.map(({ number: at, etag }) => ({ number: at, etag })).sort((a, b) => a.number - b.number)
      return await this.#daemon.completeUpload({ bucket, upload, parts: named, ...conditions }, call)
    } catch (error) {
      const givenUp = resume === undefined ? this.#giveUp(bucket, upload) : undefined
      // Whoever aborts does not wait for a node that may be stuck.
      if (signal?.aborted !== true) await givenUp
      throw error
    }
  }

  async #openUpload(
    query: ObjectPlace & Pick<PutContentOptions, 'contentType' | 'metadata'>,
    resume: Resumption | undefined,
    call: CallOptions,
  ): Promise<{ readonly upload: string; readonly parts: readonly PartView[] }> {
    if (resume?.upload !== undefined) {
      const { upload } = resume
      try {
        const { parts } = await this.#daemon.listParts({ bucket: query.bucket, upload }, call)
        return { upload, parts }
      } catch (error) {
        if (!hasCode(error, 'STORAGE_UPLOAD_UNKNOWN')) throw error
      }
    }
    const { id } = await this.#daemon.beginUpload(query, call)
    resume?.onUpload(id)
    return { upload: id, parts: [] }
  }

  async #send<Answer>(
    bytes: Blob,
    onBytes: ((bytes: number) => void) | undefined,
    send: (body: StreamBody) => Promise<Answer>,
  ): Promise<Answer> {
    if (this.#options.sendsStreams) return await sendCounted(bytes, onBytes, send)
    const answer = await send(bytes)
    onBytes?.(bytes.size)
    return answer
  }

  /** Room of parts that nobody asks for again is let go; where that fails too, the node's sweep does it. */
  async #giveUp(bucket: string, upload: string): Promise<void> {
    await this.#daemon.abortUpload({ bucket, upload }).catch(() => undefined)
  }
}

async function* rejoined(first: Blob, rest: AsyncGenerator<Blob, void>): AsyncGenerator<Blob, void> {
  yield first
  yield* rest
}

/** Content that is sent in parts. */
interface ContentInParts extends RereadableParts {
  readonly parts: AsyncGenerator<Blob, void>
}

interface NumberedPart {
  readonly number: number
  readonly bytes: Blob
}

/** @throws RangeError */
async function* numbered(parts: AsyncGenerator<Blob, void>): AsyncGenerator<NumberedPart, void> {
  let number = 0
  for await (const bytes of parts) {
    if (++number > PARTS_MAX) throw new RangeError(`an object has at most ${PARTS_MAX} parts`)
    yield { number, bytes }
  }
}

/** Does some at once; the first failure begins nothing new, and is thrown when nothing is under way any more. */
async function forEach<Item>(
  items: AsyncGenerator<Item, void>,
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  let isFailed = false
  const worker = async (): Promise<void> => {
    try {
      while (!isFailed) {
        const { done, value } = await items.next()
        if (done === true) return
        await work(value)
      }
    } catch (error) {
      isFailed = true
      throw error
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: atOnce }, worker))
  await items.return()
  const failed = ends.find((end) => end.status === 'rejected')
  if (failed !== undefined) throw failed.reason
}

function callOf(signal: AbortSignal | undefined): CallOptions {
  return signal === undefined ? {} : { signal }
}
