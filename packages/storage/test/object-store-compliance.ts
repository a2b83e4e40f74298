import { hasCode } from '@stead/core'
import type { ObjectInfo, ObjectStore, StorageErrorCode } from '@stead/storage'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

/** Opens stores for the suite: always on the same data, so that opening again shows what was kept. */
export interface ObjectStoreFixture {
  open(): Promise<ObjectStore>
  /** Removes what was made. */
  clean(): Promise<void>
}

const utf8 = new TextEncoder()
const INLINE = 4096
const SEGMENT = 16_773_120

/** Bytes that differ everywhere. */
function bytesOf(lengthBytes: number, seed = 1): Uint8Array {
  const bytes = new Uint8Array(lengthBytes)
  let state = seed
  for (let at = 0; at < lengthBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    bytes[at] = state >>> 24
  }
  return bytes
}

async function* inChunks(bytes: Uint8Array, chunkBytes: number): AsyncGenerator<Uint8Array> {
  // One memory for all chunks, as sockets and files give them.
  const chunk = new Uint8Array(chunkBytes)
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    const part = bytes.subarray(at, at + chunkBytes)
    chunk.set(part)
    yield chunk.subarray(0, part.length)
    chunk.fill(0)
  }
}

async function allOf(body: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = []
  for await (const part of body) parts.push(Uint8Array.from(part))
  return Buffer.concat(parts)
}

/** That a promise is refused with a code. */
async function refused(promise: Promise<unknown>, code: StorageErrorCode | 'CORE_ABORTED'): Promise<void> {
  const error: unknown = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(hasCode(error, code), `${code}, not ${String(error)}`).toBe(true)
}

/** What every ObjectStore must do: each sentence of the interface. */
export function objectStoreCompliance(name: string, makeFixture: () => Promise<ObjectStoreFixture>): void {
  describe(`ObjectStore: ${name}`, () => {
    let fixture: ObjectStoreFixture
    let store: ObjectStore
    beforeEach(async () => {
      fixture = await makeFixture()
      store = await fixture.open()
      await store.createBucket('bucket')
    })
    afterEach(async () => {
      await fixture.clean()
    })
    const put = (key: string, text: string): Promise<ObjectInfo> =>
      store.put('bucket', key, [utf8.encode(text)], { etag: () => `etag of ${text}` })
    const textOf = async (key: string, version?: string): Promise<string> => {
      const { body } = await store.get('bucket', key, version === undefined ? {} : { version })
      return (await allOf(body)).toString()
    }
    const keysOf = async (options: Partial<Parameters<ObjectStore['list']>[1]> = {}): Promise<string[]> => {
      const { objects, commonPrefixes } = await store.list('bucket', { limit: 1000, ...options })
      return [...objects.map(({ key }) => key), ...commonPrefixes]
    }

    describe('buckets', () => {
      it('are listed in the order of their names, with what they are set to, also after opening again', async () => {
        await store.createBucket('zebra')
        const { createdAt } = await store.createBucket('a-bucket')
        await store.setVersioning('zebra', 'on')
        store = await fixture.open()
        const buckets = await store.buckets()
        expect(buckets.map(({ name: bucket, versioning }) => [bucket, versioning])).toEqual([
          ['a-bucket', 'off'],
          ['bucket', 'off'],
          ['zebra', 'on'],
        ])
        expect(await store.bucket('a-bucket')).toEqual({ name: 'a-bucket', createdAt, versioning: 'off' })
        await store.setVersioning('zebra', 'suspended')
        expect((await store.bucket('zebra')).versioning).toBe('suspended')
      })

      it('are made once', async () => {
        await refused(store.createBucket('bucket'), 'STORAGE_BUCKET_EXISTS')
        const made = await Promise.allSettled([1, 2, 3].map(() => store.createBucket('same')))
        expect(made.filter(({ status }) => status === 'fulfilled').length).toBe(1)
      })

      it.each(['', 'ab', 'a'.repeat(64), 'Capital', 'under_score', 'sla/sh', 'sp ace'])(
        'cannot be named %j',
        async (bad) => {
          await refused(store.createBucket(bad), 'STORAGE_BAD_NAME')
          await refused(store.bucket(bad), 'STORAGE_BAD_NAME')
        },
      )

      it('are deleted when they are empty, and begin anew when they are made again', async () => {
        await put('a', '1')
        await refused(store.deleteBucket('bucket'), 'STORAGE_BUCKET_NOT_EMPTY')
        await store.delete('bucket', 'a')
        const { id } = await store.beginUpload('bucket', 'a')
        await refused(store.deleteBucket('bucket'), 'STORAGE_BUCKET_NOT_EMPTY')
        await store.abortUpload('bucket', id)
        await store.setVersioning('bucket', 'on')
        await put('a', '2')
        const marker = await store.delete('bucket', 'a')
        await refused(store.deleteBucket('bucket'), 'STORAGE_BUCKET_NOT_EMPTY')
        for (const { version } of (await store.list('bucket', { limit: 10, versions: true })).objects)
          await store.delete('bucket', 'a', { version })
        expect(marker?.isDeleted).toBe(true)
        await store.deleteBucket('bucket')
        expect(await store.buckets()).toEqual([])
        await refused(put('a', '3'), 'STORAGE_BUCKET_UNKNOWN')
        await store.createBucket('bucket')
        expect((await store.bucket('bucket')).versioning).toBe('off')
        await put('a', '4')
        expect(await textOf('a')).toBe('4')
      })

      it('that are not there are told by every method', async () => {
        const none = 'no-bucket'
        const calls: readonly (() => Promise<unknown>)[] = [
          () => store.bucket(none),
          () => store.deleteBucket(none),
          () => store.setVersioning(none, 'on'),
          () => store.head(none, 'a'),
          () => store.get(none, 'a'),
          () => store.put(none, 'a', []),
          () => store.put(none, 'a', [bytesOf(2_000_000)]),
          () => store.copy({ bucket: none, key: 'a' }, { bucket: none, key: 'b' }),
          () => store.copy({ bucket: none, key: 'a' }, { bucket: 'bucket', key: 'b' }),
          () => store.delete(none, 'a'),
          () => store.list(none, { limit: 1 }),
          () => store.beginUpload(none, 'a'),
          () => store.putPart(none, '00', 1, []),
          () => store.parts(none, '00', { limit: 1 }),
          () => store.uploads(none, { limit: 1 }),
          () => store.completeUpload(none, '00', [{ number: 1, etag: '' }], { etag: '' }),
          () => store.abortUpload(none, '00'),
        ]
        for (const call of calls) await refused(call(), 'STORAGE_BUCKET_UNKNOWN')
      })
    })

    describe('objects', () => {
      it.each([0, 1, INLINE, INLINE + 1, 100_000, 1_048_576, 1_048_577, SEGMENT, SEGMENT + 1, 2 * SEGMENT + 12_345])(
        'of %i bytes come back as they were, whole and in ranges, also after opening again',
        async (lengthBytes) => {
          const bytes = bytesOf(lengthBytes)
          const info = await store.put('bucket', 'key', inChunks(bytes, 65_536), {
            contentType: 'image/png',
            metadata: { colour: 'blåbær', 'x-y': '' },
            etag: () => 'an etag',
          })
          expect(info).toMatchObject({
            key: 'key',
            version: 'null',
            isLatest: true,
            isDeleted: false,
            lengthBytes,
            etag: 'an etag',
            contentType: 'image/png',
            metadata: { colour: 'blåbær', 'x-y': '' },
          })
          store = await fixture.open()
          expect(await store.head('bucket', 'key')).toEqual(info)
          const whole = await store.get('bucket', 'key')
          expect(whole).toMatchObject({ info, fromByte: 0, toByte: lengthBytes })
          expect(Buffer.compare(await allOf(whole.body), bytes)).toBe(0)
          for (const at of [1, 65_519, 65_521, SEGMENT - 1, SEGMENT, lengthBytes - 1]) {
            if (at < 1 || at >= lengthBytes) continue
            for (const toByte of [at + 1, Math.min(at + 70_000, lengthBytes), lengthBytes + 5, undefined]) {
              const range = toByte === undefined ? { fromByte: at } : { fromByte: at, toByte }
              const part = await store.get('bucket', 'key', { range })
              const end = Math.min(toByte ?? lengthBytes, lengthBytes)
              expect(part).toMatchObject({ fromByte: at, toByte: end })
              expect(Buffer.compare(await allOf(part.body), bytes.subarray(at, end))).toBe(0)
            }
          }
          const behind = { fromByte: Math.max(1, lengthBytes) }
          await expect(store.get('bucket', 'key', { range: behind })).rejects.toThrow(RangeError)
        },
      )

      it('are replaced and deleted, and say when they are not there', async () => {
        expect(await store.head('bucket', 'a')).toBeUndefined()
        await refused(store.get('bucket', 'a'), 'STORAGE_OBJECT_UNKNOWN')
        await put('a', 'one')
        await put('a', 'two')
        expect(await textOf('a')).toBe('two')
        expect(await store.delete('bucket', 'a')).toBeUndefined()
        expect(await store.delete('bucket', 'a')).toBeUndefined()
        expect(await store.head('bucket', 'a')).toBeUndefined()
        expect(await keysOf({ versions: true })).toEqual([])
        await refused(store.get('bucket', 'a', { version: 'null' }), 'STORAGE_OBJECT_UNKNOWN')
      })

      it.each([
        ['no key', ''],
        ['a long one', 'k'.repeat(1025)],
        ['a long one in UTF-8', 'ü'.repeat(513)],
        ['half a character', '\ud800'],
      ])('cannot be named with %s', async (_, key) => {
        await refused(put(key, 'x'), 'STORAGE_BAD_NAME')
        await refused(store.head('bucket', key), 'STORAGE_BAD_NAME')
        await refused(store.delete('bucket', key), 'STORAGE_BAD_NAME')
        await refused(store.beginUpload('bucket', key), 'STORAGE_BAD_NAME')
      })

      it('may have any name that can be', async () => {
        const names = [
          'k'.repeat(1024),
          '\u0000',
          'a\u0000',
          'a\u0000b',
          'a',
          '/',
          '//',
          '..',
          'ü',
          '\u{1f600}',
          '\uffff',
        ]
        for (const name of names) await store.put('bucket', name, [utf8.encode(name)])
        const order = names.toSorted((left, right) => Buffer.compare(utf8.encode(left), utf8.encode(right)))
        expect(await keysOf()).toEqual(order)
        for (const name of names) expect(await textOf(name)).toBe(name)
      })

      it('get an etag of their own when their writer says none', async () => {
        const [one, two] = [await store.put('bucket', 'a', []), await store.put('bucket', 'a', [])]
        expect(one.etag).not.toBe('')
        expect(two.etag).not.toBe(one.etag)
      })

      it('are asked for their etag when their body has ended', async () => {
        let seen = 0
        async function* body(): AsyncGenerator<Uint8Array> {
          for (let part = 0; part < 3; part++) {
            yield Uint8Array.of(part)
            seen += 1
          }
        }
        expect((await store.put('bucket', 'a', body(), { etag: () => `after ${seen}` })).etag).toBe('after 3')
      })

      it('refuse metadata of more than 2 KiB, or in capitals', async () => {
        await store.put('bucket', 'a', [], { metadata: { a: 'x'.repeat(2047) } })
        await expect(store.put('bucket', 'a', [], { metadata: { a: 'x'.repeat(2048) } })).rejects.toThrow(RangeError)
        await expect(store.put('bucket', 'a', [], { metadata: { Big: '' } })).rejects.toThrow(RangeError)
      })

      it('are seen by whoever reads after they were written, whoever wrote them', async () => {
        const other = await fixture.open()
        for (let round = 0; round < 5; round++) {
          await put('a', `round ${round}`)
          expect((await other.head('bucket', 'a'))?.etag).toBe(`etag of round ${round}`)
          await other.put('bucket', 'b', [utf8.encode(`${round}`)])
          expect(await textOf('b')).toBe(`${round}`)
          await other.delete('bucket', 'b')
          expect(await keysOf()).toEqual(['a'])
        }
      })

      it('that are replaced or deleted while they are read are read to their end', async () => {
        for (const lengthBytes of [100, 100_000, 40_000_000]) {
          const bytes = bytesOf(lengthBytes)
          await store.put('bucket', 'a', [bytes])
          const { body } = await store.get('bucket', 'a')
          const chunks = body[Symbol.asyncIterator]()
          const first = await chunks.next()
          await put('a', 'another')
          await store.delete('bucket', 'a')
          const parts = first.done === true ? [] : [Uint8Array.from(first.value)]
          for (let next = await chunks.next(); next.done !== true; next = await chunks.next())
            parts.push(Uint8Array.from(next.value))
          expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0)
        }
      })
    })

    describe('writes that are given up', () => {
      const sizes = [10, 2_000_000, 20_000_000]

      it.each(sizes)('leave what was there when the body fails after %i bytes', async (lengthBytes) => {
        await put('a', 'before')
        async function* body(): AsyncGenerator<Uint8Array> {
          yield bytesOf(lengthBytes)
          throw new Error('the line broke')
        }
        await expect(store.put('bucket', 'a', body())).rejects.toThrow('the line broke')
        await expect(store.put('bucket', 'b', body())).rejects.toThrow('the line broke')
        expect(await textOf('a')).toBe('before')
        expect(await keysOf()).toEqual(['a'])
      })

      it.each(sizes)('leave what was there when they are cancelled after %i bytes', async (lengthBytes) => {
        await put('a', 'before')
        const controller = new AbortController()
        async function* body(): AsyncGenerator<Uint8Array> {
          yield bytesOf(lengthBytes)
          controller.abort()
          // A body that hangs: the end must not wait for it.
          await new Promise<void>(() => undefined)
        }
        await refused(store.put('bucket', 'a', body(), { signal: controller.signal }), 'CORE_ABORTED')
        await refused(store.put('bucket', 'b', [], { signal: AbortSignal.abort() }), 'CORE_ABORTED')
        await refused(store.get('bucket', 'a', { signal: AbortSignal.abort() }), 'CORE_ABORTED')
        expect(await textOf('a')).toBe('before')
        expect(await keysOf()).toEqual(['a'])
      })

      it('end the body that they do not read any further', async () => {
        const controller = new AbortController()
        let isEnded = false
        async function* body(): AsyncGenerator<Uint8Array> {
          try {
            yield bytesOf(10)
            controller.abort()
            yield bytesOf(10)
          } finally {
            isEnded = true
          }
        }
        await refused(store.put('bucket', 'a', body(), { signal: controller.signal }), 'CORE_ABORTED')
        expect(isEnded).toBe(true)
      })

      it('end a read that is under way', async () => {
        await store.put('bucket', 'a', [bytesOf(20_000_000)])
        const controller = new AbortController()
        const { body } = await store.get('bucket', 'a', { signal: controller.signal })
        const chunks = body[Symbol.asyncIterator]()
        await chunks.next()
        controller.abort()
        await refused(chunks.next(), 'CORE_ABORTED')
      })
    })

    describe('conditions', () => {
      it('hold or refuse a write', async () => {
        const absent = { condition: { is: 'absent' } } as const
        const present = (etag: string) => ({ condition: { is: 'present', etag } }) as const
        await refused(store.put('bucket', 'a', [], present('x')), 'STORAGE_CONDITION')
        await store.put('bucket', 'a', [], { ...absent, etag: () => 'one' })
        await refused(store.put('bucket', 'a', [], absent), 'STORAGE_CONDITION')
        await refused(store.put('bucket', 'a', [], present('two')), 'STORAGE_CONDITION')
        await store.put('bucket', 'a', [], { ...present('one'), etag: () => 'two' })
        await refused(store.delete('bucket', 'a', present('one')), 'STORAGE_CONDITION')
        await refused(
          store.copy({ bucket: 'bucket', key: 'a' }, { bucket: 'bucket', key: 'a' }, absent),
          'STORAGE_CONDITION',
        )
        await store.delete('bucket', 'a', present('two'))
        await store.put('bucket', 'a', [], absent)
      })

      it('take a deleted object for absent', async () => {
        await store.setVersioning('bucket', 'on')
        await put('a', '1')
        await store.delete('bucket', 'a')
        await store.put('bucket', 'a', [bytesOf(2_000_000)], { condition: { is: 'absent' } })
      })

      it.each([10, 2_000_000])('let exactly one of many writers of %i bytes through', async (lengthBytes) => {
        const stores = [...(await Promise.all([fixture.open(), fixture.open()])), store]
        const writers = Array.from({ length: 9 }, (_, index) => {
          const writer = stores[index % stores.length] ?? store
          const etag = (): string => `writer ${index}`
          return writer.put('bucket', 'a', [bytesOf(lengthBytes, index)], { condition: { is: 'absent' }, etag })
        })
        const settled = await Promise.allSettled(writers)
        const won = settled.flatMap(({ status }, index) => (status === 'fulfilled' ? [index] : []))
        expect(won.length).toBe(1)
        for (const result of settled)
          if (result.status === 'rejected') expect(hasCode(result.reason, 'STORAGE_CONDITION')).toBe(true)
        const { info, body } = await store.get('bucket', 'a')
        expect(info.etag).toBe(`writer ${won[0]}`)
        expect(Buffer.compare(await allOf(body), bytesOf(lengthBytes, won[0]))).toBe(0)
      })
    })

    describe('versions', () => {
      it('are kept while versioning is on, newest first, with what says that the object was deleted', async () => {
        await put('a', 'null')
        await store.setVersioning('bucket', 'on')
        const one = await put('a', 'one')
        const two = await put('a', 'two')
        const marker = await store.delete('bucket', 'a')
        expect(marker).toMatchObject({ key: 'a', isDeleted: true, isLatest: true })
        expect(await store.head('bucket', 'a')).toBeUndefined()
        expect(await keysOf()).toEqual([])
        expect(await textOf('a', one.version)).toBe('one')
        expect(await textOf('a', two.version)).toBe('two')
        expect(await textOf('a', 'null')).toBe('null')
        await refused(store.get('bucket', 'a', { version: 'f'.repeat(18) }), 'STORAGE_OBJECT_UNKNOWN')
        const { objects } = await store.list('bucket', { limit: 10, versions: true })
        expect(objects.map(({ version, isLatest, isDeleted }) => [version, isLatest, isDeleted])).toEqual([
          [marker?.version, true, true],
          [two.version, false, false],
          [one.version, false, false],
          ['null', false, false],
        ])
        const named = objects.slice(0, 3).map(({ version }) => version)
        expect(named).toEqual(named.toSorted())
        expect(await store.head('bucket', 'a', one.version)).toMatchObject({ isLatest: false, etag: 'etag of one' })
      })

      it('go one by one, and the one below comes up', async () => {
        await store.setVersioning('bucket', 'on')
        const one = await put('a', 'one')
        const two = await put('a', 'two')
        const marker = await store.delete('bucket', 'a')
        expect(await store.delete('bucket', 'a', { version: marker?.version ?? '' })).toMatchObject({ isDeleted: true })
        expect(await textOf('a')).toBe('two')
        await store.delete('bucket', 'a', { version: two.version })
        expect(await textOf('a')).toBe('one')
        expect(await store.head('bucket', 'a', one.version)).toMatchObject({ isLatest: true })
        await store.delete('bucket', 'a', { version: one.version })
        await store.delete('bucket', 'a', { version: one.version })
        await store.delete('bucket', 'a', { version: 'null' })
        expect(await store.head('bucket', 'a')).toBeUndefined()
        expect(await keysOf({ versions: true })).toEqual([])
      })

      it('while suspended, a write takes the place of the null version, whatever is above it', async () => {
        await put('a', 'old null')
        await store.setVersioning('bucket', 'on')
        const one = await put('a', 'one')
        await store.setVersioning('bucket', 'suspended')
        await put('a', 'new null')
        const versions = async (): Promise<string[]> =>
          (await store.list('bucket', { limit: 10, versions: true })).objects.map(({ version }) => version)
        expect(await versions()).toEqual(['null', one.version])
        expect(await textOf('a', 'null')).toBe('new null')
        await put('a', 'newer null')
        expect(await versions()).toEqual(['null', one.version])
        const marker = await store.delete('bucket', 'a')
        expect(marker).toMatchObject({ version: 'null', isDeleted: true })
        expect(await versions()).toEqual(['null', one.version])
        await store.setVersioning('bucket', 'on')
        const three = await put('a', 'three')
        expect(await versions()).toEqual([three.version, 'null', one.version])
        await store.delete('bucket', 'a', { version: 'null' })
        expect(await versions()).toEqual([three.version, one.version])
      })

      it('are listed in pages, also when the one named last is gone', async () => {
        await put('a', 'null')
        await store.setVersioning('bucket', 'on')
        for (let index = 0; index < 5; index++) await put('a', `${index}`)
        await put('b', 'b')
        const all = (await store.list('bucket', { limit: 100, versions: true })).objects
        const seen: ObjectInfo[] = []
        let next: Parameters<ObjectStore['list']>[1] | undefined = { limit: 2, versions: true }
        while (next !== undefined) {
          const page = await store.list('bucket', next)
          seen.push(...page.objects)
          next = page.next === undefined ? undefined : { limit: 2, versions: true, ...page.next }
        }
        expect(seen).toEqual(all)
        const afterNull = await store.list('bucket', { limit: 9, versions: true, after: 'a', afterVersion: 'null' })
        expect(afterNull.objects.map(({ key }) => key)).toEqual(['b'])
        const page = await store.list('bucket', { limit: 6, versions: true })
        await store.delete('bucket', 'a', { version: 'null' })
        const rest = await store.list('bucket', { limit: 6, versions: true, ...page.next })
        expect(rest.objects.map(({ key }) => key)).toEqual(['b'])
      })
    })

    describe('copies', () => {
      it.each([10, 100_000, 20_000_000])('of %i bytes outlive what they were made of', async (lengthBytes) => {
        const bytes = bytesOf(lengthBytes)
        const metadata = { a: 'b' }
        const { etag } = await store.put('bucket', 'a', [bytes], { contentType: 'text/plain', metadata })
        await store.createBucket('other')
        const from = { bucket: 'bucket', key: 'a' }
        expect(await store.copy(from, { bucket: 'bucket', key: 'b' })).toMatchObject({
          key: 'b',
          lengthBytes,
          etag,
          contentType: 'text/plain',
          metadata,
        })
        expect(await store.copy(from, { bucket: 'other', key: 'c' })).toMatchObject({ key: 'c', lengthBytes, etag })
        const replace = { contentType: 'image/png', metadata: {} }
        expect(await store.copy(from, from, { replace })).toMatchObject({ contentType: 'image/png', metadata: {} })
        expect(await store.head('bucket', 'b')).toMatchObject({ contentType: 'text/plain', metadata })
        await store.delete('bucket', 'a')
        for (const [bucket, key] of [['bucket', 'b'] as const, ['other', 'c'] as const])
          expect(Buffer.compare(await allOf((await store.get(bucket, key)).body), bytes)).toBe(0)
        await store.copy({ bucket: 'bucket', key: 'b' }, { bucket: 'bucket', key: 'd' })
        await store.delete('bucket', 'b')
        expect(Buffer.compare(await allOf((await store.get('bucket', 'd')).body), bytes)).toBe(0)
      })

      it('are made of a version, and not of what is not there', async () => {
        const to = { bucket: 'bucket', key: 'b' }
        await refused(store.copy({ bucket: 'bucket', key: 'a' }, to), 'STORAGE_OBJECT_UNKNOWN')
        await store.setVersioning('bucket', 'on')
        const { version } = await put('a', 'one')
        await put('a', 'two')
        await store.delete('bucket', 'a')
        await refused(store.copy({ bucket: 'bucket', key: 'a' }, to), 'STORAGE_OBJECT_UNKNOWN')
        await store.copy({ bucket: 'bucket', key: 'a', version }, to)
        expect(await textOf('b')).toBe('one')
      })
    })

    describe('listings', () => {
      const keys = ['a', 'a/1', 'a/2', 'a/b/1', 'a0', 'b/', 'b/1', 'c//d', 'ä', 'photos/2024/x', 'photos/2025/y']
      const inOrder = keys.toSorted((left, right) => Buffer.compare(utf8.encode(left), utf8.encode(right)))
      beforeEach(async () => {
        await Promise.all(keys.map((key) => put(key, key)))
      })

      it('have the order of the bytes of keys, by prefix, after a key', async () => {
        expect(await keysOf()).toEqual(inOrder)
        expect(await keysOf({ prefix: 'a/' })).toEqual(['a/1', 'a/2', 'a/b/1'])
        expect(await keysOf({ prefix: 'nothing' })).toEqual([])
        expect(await keysOf({ after: 'a/2' })).toEqual(inOrder.slice(inOrder.indexOf('a/2') + 1))
        expect(await keysOf({ after: 'a/2', prefix: 'a/' })).toEqual(['a/b/1'])
        expect(await keysOf({ after: 'a/1x' })).toEqual(inOrder.slice(inOrder.indexOf('a/2')))
        expect(await keysOf({ after: 'A', prefix: 'a/' })).toEqual(['a/1', 'a/2', 'a/b/1'])
        expect(await keysOf({ after: 'z', prefix: 'a/' })).toEqual([])
      })

      it('roll up what has a delimiter behind the prefix', async () => {
        const page = await store.list('bucket', { limit: 100, delimiter: '/' })
        expect(page.objects.map(({ key }) => key)).toEqual(['a', 'a0', 'ä'])
        expect(page.commonPrefixes).toEqual(['a/', 'b/', 'c/', 'photos/'])
        expect(await keysOf({ delimiter: '/', prefix: 'a/' })).toEqual(['a/1', 'a/2', 'a/b/'])
        expect(await keysOf({ delimiter: '/', prefix: 'c/' })).toEqual(['c//'])
        expect(await keysOf({ delimiter: '2', prefix: 'photos/' })).toEqual(['photos/2'])
        expect(await keysOf({ delimiter: '/', after: 'a/' })).not.toContain('a/')
        expect(await keysOf({ delimiter: '/', versions: true })).toEqual(['a', 'a0', 'ä', 'a/', 'b/', 'c/', 'photos/'])
      })

      it.each([1, 2, 3, 7])('in pages of %i say all once, and end', async (limit) => {
        for (const options of [{}, { delimiter: '/' }, { versions: true, delimiter: '/' }, { prefix: 'a' }]) {
          const whole = await store.list('bucket', { limit: 1000, ...options })
          expect(whole.next).toBeUndefined()
          const objects: ObjectInfo[] = []
          const commonPrefixes: string[] = []
          let next: Parameters<ObjectStore['list']>[1] | undefined = { limit, ...options }
          while (next !== undefined) {
            const page = await store.list('bucket', next)
            expect(page.objects.length + page.commonPrefixes.length).toBeLessThanOrEqual(limit)
            objects.push(...page.objects)
            commonPrefixes.push(...page.commonPrefixes)
            next = page.next === undefined ? undefined : { limit, ...options, ...page.next }
          }
          expect({ objects, commonPrefixes }).toEqual({
            objects: whole.objects,
            commonPrefixes: whole.commonPrefixes,
          })
        }
      })

      it('do not show a prefix under which all is deleted', async () => {
        await store.setVersioning('bucket', 'on')
        await store.delete('bucket', 'photos/2024/x')
        expect(await keysOf({ delimiter: '/', prefix: 'photos/' })).toEqual(['photos/2025/'])
        await store.delete('bucket', 'photos/2025/y')
        expect(await keysOf({ delimiter: '/', prefix: 'p' })).toEqual([])
        expect(await keysOf({ delimiter: '/', prefix: 'p', versions: true })).toEqual(['photos/'])
      })

      it('have 1 to 1000 entries', async () => {
        for (const limit of [0, 1001, 1.5, Number.NaN])
          await expect(store.list('bucket', { limit })).rejects.toThrow(RangeError)
      })
    })

    describe('uploads in parts', () => {
      it('become an object, in the order of the parts, across opening again', async () => {
        const { id, key } = await store.beginUpload('bucket', 'a', { contentType: 'x/y', metadata: { m: '1' } })
        expect(key).toBe('a')
        const parts = [bytesOf(6_000_000, 1), bytesOf(5000, 2), bytesOf(20_000_000, 3), bytesOf(10, 4)]
        const numbers = [10_000, 2, 5, 1]
        for (const [index, bytes] of parts.entries()) {
          if (index === 2) store = await fixture.open()
          const etag = (): string => `part ${numbers[index]}`
          const part = await store.putPart('bucket', id, numbers[index] ?? 0, inChunks(bytes, 1_000_000), { etag })
          expect(part).toMatchObject({ number: numbers[index], lengthBytes: bytes.length, etag: etag() })
        }
        expect((await store.parts('bucket', id, { limit: 10 })).map(({ number }) => number)).toEqual([1, 2, 5, 10_000])
        expect(await store.head('bucket', 'a')).toBeUndefined()
        const wanted = [1, 2, 5, 10_000].map((number) => ({ number, etag: `part ${number}` }))
        const info = await store.completeUpload('bucket', id, wanted, { etag: 'whole-4' })
        expect(info).toMatchObject({ key: 'a', etag: 'whole-4', contentType: 'x/y', metadata: { m: '1' } })
        const whole = Buffer.concat([parts[3], parts[1], parts[2], parts[0]].filter((part) => part !== undefined))
        store = await fixture.open()
        const { body } = await store.get('bucket', 'a')
        expect(Buffer.compare(await allOf(body), whole)).toBe(0)
        const range = { fromByte: 5, toByte: 5_100 }
        const across = await store.get('bucket', 'a', { range })
        expect(Buffer.compare(await allOf(across.body), whole.subarray(5, 5_100))).toBe(0)
        await store.copy({ bucket: 'bucket', key: 'a' }, { bucket: 'bucket', key: 'b' })
        await store.delete('bucket', 'a')
        expect(Buffer.compare(await allOf((await store.get('bucket', 'b')).body), whole)).toBe(0)
        await refused(store.putPart('bucket', id, 1, []), 'STORAGE_UPLOAD_UNKNOWN')
        await refused(store.parts('bucket', id, { limit: 1 }), 'STORAGE_UPLOAD_UNKNOWN')
        await refused(store.completeUpload('bucket', id, wanted, { etag: '' }), 'STORAGE_UPLOAD_UNKNOWN')
      })

      it('take the last part of a number, and leave out what is not named', async () => {
        const { id } = await store.beginUpload('bucket', 'a')
        const send = (number: number, text: string): Promise<unknown> =>
          store.putPart('bucket', id, number, [utf8.encode(text)], { etag: () => text })
        await send(1, 'old')
        await send(1, 'new')
        await send(2, 'left out')
        await send(3, ' and more')
        await refused(
          store.completeUpload('bucket', id, [{ number: 1, etag: 'old' }], { etag: '' }),
          'STORAGE_PART_UNKNOWN',
        )
        await refused(
          store.completeUpload('bucket', id, [{ number: 4, etag: 'x' }], { etag: '' }),
          'STORAGE_PART_UNKNOWN',
        )
        const parts = [
          { number: 1, etag: 'new' },
          { number: 3, etag: ' and more' },
        ]
        await store.completeUpload('bucket', id, parts, { etag: '' })
        expect(await textOf('a')).toBe('new and more')
      })

      it('may be of one part, and are conditional', async () => {
        await put('a', 'there')
        const { id } = await store.beginUpload('bucket', 'a')
        const { etag } = await store.putPart('bucket', id, 7, [utf8.encode('one')])
        const complete = (condition: { is: 'absent' } | { is: 'present'; etag: string }): Promise<unknown> =>
          store.completeUpload('bucket', id, [{ number: 7, etag }], { etag: 'e', condition })
        await refused(complete({ is: 'absent' }), 'STORAGE_CONDITION')
        await complete({ is: 'present', etag: 'etag of there' })
        expect(await textOf('a')).toBe('one')
      })

      it('are listed in the order of keys, then of ids, and not any more once they ended', async () => {
        const begun = []
        for (const key of ['b/1', 'a', 'b/1', 'c', 'b/2']) begun.push(await store.beginUpload('bucket', key))
        const order = begun.toSorted((left, right) =>
          left.key === right.key ? (left.id < right.id ? -1 : 1) : left.key < right.key ? -1 : 1,
        )
        expect(await store.uploads('bucket', { limit: 10 })).toEqual(order)
        expect(await store.uploads('bucket', { limit: 10, prefix: 'b/' })).toEqual(order.slice(1, 4))
        const seen = []
        for (let after = undefined as { key: string; id: string } | undefined; ; ) {
          const page = await store.uploads('bucket', { limit: 2, ...(after === undefined ? {} : { after }) })
          seen.push(...page)
          after = page.at(-1)
          if (after === undefined) break
        }
        expect(seen).toEqual(order)
        for (const { id } of begun) await store.abortUpload('bucket', id)
        await store.abortUpload('bucket', begun[0]?.id ?? '')
        await store.abortUpload('bucket', 'no id at all')
        expect(await store.uploads('bucket', { limit: 10 })).toEqual([])
        await refused(store.putPart('bucket', begun[0]?.id ?? '', 1, []), 'STORAGE_UPLOAD_UNKNOWN')
        await refused(store.putPart('bucket', 'no id at all', 1, []), 'STORAGE_UPLOAD_UNKNOWN')
      })

      it('have parts in pages, with numbers from 1 to 10000', async () => {
        const { id } = await store.beginUpload('bucket', 'a')
        for (const number of [3, 1, 10_000, 2]) await store.putPart('bucket', id, number, [Uint8Array.of(number)])
        const page = async (after: number): Promise<number[]> =>
          (await store.parts('bucket', id, { after, limit: 2 })).map(({ number }) => number)
        expect(await page(0)).toEqual([1, 2])
        expect(await page(2)).toEqual([3, 10_000])
        expect(await page(10_000)).toEqual([])
        for (const number of [0, 10_001, 1.5])
          await expect(store.putPart('bucket', id, number, [])).rejects.toThrow(RangeError)
      })

      it('make versions like any write', async () => {
        await store.setVersioning('bucket', 'on')
        const first = await put('a', 'first')
        const { id } = await store.beginUpload('bucket', 'a')
        const { etag } = await store.putPart('bucket', id, 1, [utf8.encode('second')])
        const second = await store.completeUpload('bucket', id, [{ number: 1, etag }], { etag: 'e' })
        expect(await textOf('a', first.version)).toBe('first')
        expect(await textOf('a', second.version)).toBe('second')
      })
    })
  })
}
