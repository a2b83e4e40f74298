import { hasCode } from '@stead/core'
import type { ListOptions, ObjectInfo, ObjectStore, StorageErrorCode } from '@stead/storage'
import { expect } from 'vitest'

/** Opens stores for the suite: always on the same data, so that opening again shows what was kept. */
export interface ObjectStoreFixture {
  open(): Promise<ObjectStore>
  /** Removes what was made. */
  clean(): Promise<void>
}

export const utf8: TextEncoder = new TextEncoder()
export const INLINE = 4096
export const SEGMENT = 16_773_120

/** Bytes that differ everywhere. */
export function bytesOf(lengthBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(lengthBytes)
  let state = seed
  for (let at = 0; at < lengthBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes[at] = state >>> 24
  }
  return bytes
}

export async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  // One memory for all chunks, as sockets and files give them.
  const chunk = new Uint8Array(chunkBytes)
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const part = bytes.subarray(at, at + chunkBytes)
    chunk.set(part)
    yield chunk.subarray(0, part.length)
    chunk.fill(0)
  }
}

export async function allOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(Uint8Array.from(part))
  return Buffer.concat(parts)
}

/** That a promise is refused with a code. */
export async function refused(promise: Promise<unknown>, code: StorageErrorCode | 'CORE_ABORTED'): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(hasCode(error, code), `${code}, not ${String(error)}`).toBe(true)
}

/** The store that a test looks at, and what all of them do with it. */
export class ComplianceBench {
  #fixture: ObjectStoreFixture | undefined
  #store: ObjectStore | undefined

  get store(): ObjectStore {
    if (this.#store === undefined) throw new Error('there is no store before a test')
    return this.#store
  }

  /** Begins a test: a store with a bucket of the name `bucket`. */
  async begin(fixture: ObjectStoreFixture): Promise<void> {
    this.#fixture = fixture
    this.#store = await fixture.open()
    await this.#store.createBucket('bucket')
  }

  async end(): Promise<void> {
    await this.#fixture?.clean()
  }

  /** Another store on the same data. */
  async open(): Promise<ObjectStore> {
    if (this.#fixture === undefined) throw new Error('there is no store before a test')
    return await this.#fixture.open()
  }

  /** Goes on with another store on the same data. */
  async reopen(): Promise<void> {
    this.#store = await this.open()
  }

  /** Puts a text, whose etag says what it is. */
  async put(key: string, text: string): Promise<ObjectInfo> {
    return await this.store.put('bucket', key, [utf8.encode(text)], { etag: () => `etag of ${text}` })
  }

  async textOf(key: string, version?: string): Promise<string> {
    const { body } = await this.store.get('bucket', key, version === undefined ? {} : { version })
    return (await allOf(body)).toString()
  }

  /** Keys, then common prefixes. */
  async keysOf(options: Partial<ListOptions> = {}): Promise<string[]> {
    const { objects, commonPrefixes } = await this.store.list('bucket', { limit: 1000, ...options })
    return [...objects.map(({ key }) => key), ...commonPrefixes]
  }
}
