import { createHash } from 'node:crypto'
import { setTimeout as sleepFor } from 'node:timers/promises'
import { ObjectClient } from '@stead/sdk'
import { type SegmentStore, StorageError } from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { bytesOf, ObjectWorld } from './object-world.ts'

const MIB = 1024 * 1024
const PART_BYTES = MIB
const bytes = Uint8Array.from(new SeededRandom(1).bytes(3 * MIB + 17))
const place = { bucket: 'mine', key: 'ordner/größe.bin' }

let world: ObjectWorld
let objects: ObjectClient

async function open(segments?: (own: SegmentStore) => SegmentStore): Promise<void> {
  world = new ObjectWorld(segments)
  await world.start()
  objects = new ObjectClient(world.client(), { partBytes: PART_BYTES })
  await objects.makeBucket('mine')
}

beforeEach(() => open())
afterEach(() => world.stop())

async function* pieces(content: Uint8Array, pieceBytes: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < content.length; at += pieceBytes) yield content.subarray(at, at + pieceBytes)
}

async function read(options: Parameters<ObjectClient['get']>[1] = {}): Promise<Uint8Array> {
  return await bytesOf((await objects.get(place, options)).body)
}

describe('what an object is made of', () => {
  it.each([
    ['a Blob', () => new Blob([bytes])],
    ['bytes', () => bytes],
    ['a stream', () => new Blob([bytes]).stream()],
    ['pieces of odd lengths', () => pieces(bytes, 99_991)],
    ['one large piece', () => pieces(bytes, bytes.length)],
  ])('%s comes back as it was', async (_, content) => {
    const stored = await objects.put(place, content())
    expect(stored).toMatchObject({ key: place.key, lengthBytes: bytes.length })
    expect(Buffer.compare(await read(), bytes)).toBe(0)
  })

  it.each([0, 1, PART_BYTES - 1, PART_BYTES, PART_BYTES + 1])('%i bytes, known before or not', async (length) => {
    const content = bytes.subarray(0, length)
    const whole = await objects.put(place, new Blob([content]))
    if (length <= PART_BYTES) expect(whole.etag).toBe(createHash('md5').update(content).digest('hex'))
    expect(Buffer.compare(await read(), content)).toBe(0)
    await objects.put(place, pieces(content, 1000))
    expect(Buffer.compare(await read(), content)).toBe(0)
  })

  it('text, with what its writer says of it', async () => {
    const metadata = { mtime: '1.5', note: 'größer & "quoted"' }
    await objects.put(place, 'größer', { contentType: 'text/plain', metadata })
    const { object, body } = await objects.get(place)
    expect(object).toMatchObject({ contentType: 'text/plain', metadata, lengthBytes: 8, version: 'null' })
    expect(await new Response(body).text()).toBe('größer')
    expect(await objects.head(place)).toEqual(object)
    expect(await objects.head({ ...place, key: 'none' })).toBeUndefined()
  })

  it('some bytes of it, and none behind its end', async () => {
    await objects.put(place, bytes)
    const range = { fromByte: MIB - 5, toByte: 2 * MIB + 3 }
    expect(Buffer.compare(await read(range), bytes.subarray(range.fromByte, range.toByte))).toBe(0)
    await expect(objects.get(place, { fromByte: bytes.length })).rejects.toMatchObject({ code: 'STORAGE_BAD_RANGE' })
  })

  it('copies and lists', async () => {
    await objects.put(place, bytes, { metadata: { a: 'b' } })
    for (let copy = 0; copy < 3; copy++) await objects.copy(place, { bucket: 'mine', key: `copy/${copy}` })
    const keys: string[] = []
    for await (const { key, lengthBytes } of objects.list('mine', { prefix: 'copy/', after: 'copy/0' }))
      keys.push(`${key} ${lengthBytes}`)
    expect(keys).toEqual([`copy/1 ${bytes.length}`, `copy/2 ${bytes.length}`])
    await objects.delete(place)
    expect(await objects.head(place)).toBeUndefined()
    expect(await objects.head({ bucket: 'mine', key: 'copy/1' })).toMatchObject({ metadata: { a: 'b' } })
  })
})

describe('conditions', () => {
  it.each([
    ['short', 'new'],
    ['long', bytes],
  ])('hold for %s content, and change nothing where they do not', async (_, content) => {
    const { etag } = await objects.put(place, 'old', { ifNoneMatch: '*' })
    const refused = { code: 'STORAGE_CONDITION' }
    await expect(objects.put(place, content, { ifNoneMatch: '*' })).rejects.toMatchObject(refused)
    await expect(objects.put(place, content, { ifMatch: 'other' })).rejects.toMatchObject(refused)
    await expect(objects.copy(place, place, { ifNoneMatch: '*' })).rejects.toMatchObject(refused)
    await expect(objects.get(place, { ifMatch: 'other' })).rejects.toMatchObject(refused)
    expect(await new Response((await objects.get(place, { ifMatch: etag })).body).text()).toBe('old')
    await objects.put(place, content, { ifMatch: etag })
    expect((await objects.head(place))?.etag).not.toBe(etag)
    expect((await world.client().listUploads({ bucket: 'mine' })).uploads).toEqual([])
  })
})

describe('streams', () => {
  it('are read no faster than they are sent', async () => {
    let given = 0
    const held = Promise.withResolvers<void>()
    let isHeld = false
    await world.stop()
    await open((own) => ({
      put: async (key, plaintext) => {
        if (isHeld && plaintext.length > 65_536) await held.promise
        return await own.put(key, plaintext)
      },
      read: (...args) => own.read(...args),
      release: (reference) => own.release(reference),
      list: (...args) => own.list(...args),
    }))
    isHeld = true
    async function* endless(): AsyncGenerator<Uint8Array> {
      for (;;) {
        given += 65_536
        yield new Uint8Array(65_536)
      }
    }
    const stop = new AbortController()
    const putting = objects.put(place, endless(), { signal: stop.signal })
    putting.catch(() => undefined)
    await expect.poll(() => given, { timeout: 5000 }).toBeGreaterThanOrEqual(2 * PART_BYTES)
    await sleepFor(200)
    expect(given).toBeLessThanOrEqual(4 * PART_BYTES)
    stop.abort(new Error('enough'))
    await expect(putting).rejects.toThrow('enough')
    const then = given
    await sleepFor(50)
    expect(given).toBe(then)
    held.resolve()
    expect(await objects.head(place)).toBeUndefined()
    const left = async () => (await world.client().listUploads({ bucket: 'mine' })).uploads
    await expect.poll(left, { timeout: 5000 }).toEqual([])
  })

  it('that fail leave nothing behind', async () => {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield bytes
      throw new Error('the source broke')
    }
    await expect(objects.put(place, failing())).rejects.toThrow('the source broke')
    expect(await objects.head(place)).toBeUndefined()
    expect((await world.client().listUploads({ bucket: 'mine' })).uploads).toEqual([])
  })

  it('of a get wait for their reader, and stop when it cancels', async () => {
    await objects.put(place, new Uint8Array(24 * MIB))
    const { body } = await objects.get(place)
    const reader = body.getReader()
    await reader.read()
    await reader.cancel()
    const stop = new AbortController()
    const aborted = (await objects.get(place, { signal: stop.signal })).body
    stop.abort(new Error('enough'))
    await expect(bytesOf(aborted)).rejects.toThrow()
  })
})

describe('an interrupted put', () => {
  it('goes on with the parts that are there and the same; others are sent again', async () => {
    const begun: string[] = []
    let seen = 0
    const stop = new AbortController()
    const first = objects.put(place, new Blob([bytes]), {
      signal: stop.signal,
      onBytes: (more) => {
        seen += more
        if (seen >= 2 * PART_BYTES) stop.abort(new Error('stop'))
      },
      resume: { onUpload: (id) => void begun.push(id) },
    })
    await expect(first).rejects.toThrow('stop')
    const [upload = ''] = begun
    const { parts } = await world.client().listParts({ bucket: 'mine', upload })
    expect(parts.length).toBeGreaterThanOrEqual(2)
    expect(await objects.head(place)).toBeUndefined()

    // Meanwhile the second part of the file became another one, of the same length.
    const changed = Uint8Array.from(bytes)
    changed.fill(7, PART_BYTES, 2 * PART_BYTES)
    const same: boolean[] = []
    const resume = {
      upload,
      onUpload: (id: string) => void begun.push(id),
      isSame: async ({ etag }: { readonly etag: string }, part: Blob) => {
        const is =
          etag ===
          createHash('md5')
            .update(await part.bytes())
            .digest('hex')
        same.push(is)
        return is
      },
    }
    await objects.put(place, new Blob([changed]), { resume })
    expect(begun).toEqual([upload])
    expect(same).toContain(false)
    expect(same).toContain(true)
    expect(Buffer.compare(await read(), changed)).toBe(0)

    await objects.put(place, new Blob([bytes]), { resume })
    expect(begun).toHaveLength(2)
    expect(Buffer.compare(await read(), bytes)).toBe(0)
  })

  it('says how much is there and the same before it counts anything, and counts each byte once', async () => {
    const begun: string[] = []
    const onUpload = (id: string): void => void begun.push(id)
    const stop = new AbortController()
    let sent = 0
    const onBytes = (more: number): void => {
      sent += more
      if (sent >= 2 * PART_BYTES) stop.abort(new Error('stop'))
    }
    const first = objects.put(place, bytes, { signal: stop.signal, onBytes, resume: { onUpload } })
    await expect(first).rejects.toThrow('stop')
    const [upload = ''] = begun
    const { parts } = await world.client().listParts({ bucket: 'mine', upload })
    const thereBytes = parts.reduce((sum, { lengthBytes }) => sum + lengthBytes, 0)
    const heard: string[] = []
    const resume = { upload, onUpload, onResume: (there: number) => void heard.push(`there ${there}`) }
    await objects.put(place, bytes, { onBytes: (more) => void heard.push(`${more}`), resume })
    const [told, counted] = heard
    expect(told).toBe(`there ${counted}`)
    // What was on its way when it was stopped may have come meanwhile.
    expect(thereBytes).toBeGreaterThan(0)
    expect(Number(counted)).toBeGreaterThanOrEqual(thereBytes)
    expect(heard.slice(1).reduce((sum, more) => sum + Number(more), 0)).toBe(bytes.length)
    expect(Buffer.compare(await read(), bytes)).toBe(0)
  })

  it('counts nothing of what a broken connection takes from it after it failed', async () => {
    const taken: Promise<unknown>[] = []
    const isFailed = Promise.withResolvers<void>()
    const client = world.client(async (url, init) => {
      if (!(init?.body instanceof ReadableStream)) return await fetch(url, init)
      const { body } = init
      taken.push(isFailed.promise.then(() => bytesOf(body)))
      throw new TypeError('the connection broke')
    })
    let counted = 0
    const streaming = new ObjectClient(client, { partBytes: PART_BYTES, sendsStreams: true })
    const failing = streaming.put(place, bytes, { onBytes: (more) => (counted += more) })
    await expect(failing).rejects.toMatchObject({ code: 'API_NO_DAEMON' })
    const before = counted
    isFailed.resolve()
    await Promise.allSettled(taken)
    expect(taken.length).toBeGreaterThan(0)
    expect(counted).toBe(before)
  })

  it('of a stream is not taken up by a node that was started again meanwhile: it would keep the rest as the whole', async () => {
    const client = world.client()
    let isRestarted = false
    async function* slow(): AsyncGenerator<Uint8Array> {
      yield bytes
      await world.stop()
      await world.start()
      isRestarted = true
      yield bytes
    }
    await expect(client.putObject(place, slow())).rejects.toMatchObject({ code: 'API_NO_DAEMON' })
    expect(isRestarted).toBe(true)
    expect(await objects.head(place)).toBeUndefined()
  })
})

describe('an interrupted get', () => {
  it('goes on where it broke when the node is there again', async () => {
    await objects.put(place, new Uint8Array(24 * MIB).fill(5))
    const { body } = await objects.get(place)
    const reader = body.getReader()
    let length = (await reader.read()).value?.length ?? 0
    await world.stop()
    await world.start()
    for (let next = await reader.read(); !next.done; next = await reader.read()) {
      expect(next.value.every((byte) => byte === 5)).toBe(true)
      length += next.value.length
    }
    expect(length).toBe(24 * MIB)
  })

  it('never mixes two versions', async () => {
    await objects.put(place, new Uint8Array(24 * MIB).fill(5))
    const reader = (await objects.get(place)).body.getReader()
    await reader.read()
    await world.stop()
    await world.objects.put(place.bucket, place.key, [new Uint8Array(24 * MIB).fill(6)])
    await world.start()
    const rest = async (): Promise<void> => {
      for (let next = await reader.read(); !next.done; next = await reader.read())
        expect(next.value.every((byte) => byte === 5)).toBe(true)
    }
    await expect(rest()).rejects.toMatchObject({ code: 'STORAGE_CONDITION' })
  })

  it('says which pieces are missing when the node cannot go on', async () => {
    let isLost = false
    const message = 'need 2 pieces of a segment, have 1; no node gives 0, 2'
    await world.stop()
    // What the bucket itself lies in is small, and stays.
    const ofObject = new Set<string>()
    await open((own) => ({
      put: async (key, plaintext) => {
        const isLarge = plaintext.length > 65_536
        const reference = await own.put(key, plaintext)
        if (isLarge) ofObject.add(reference.join())
        return reference
      },
      read: async (...args) => {
        if (isLost && ofObject.has(args[0].join()))
          throw new StorageError('STORAGE_TOO_FEW_PIECES', message, { details: { needPieces: 2, havePieces: 1 } })
        return await own.read(...args)
      },
      release: (reference) => own.release(reference),
      list: (...args) => own.list(...args),
    }))
    await objects.put(place, new Uint8Array(24 * MIB))
    const reader = (await objects.get(place)).body.getReader()
    await reader.read()
    isLost = true
    const rest = async (): Promise<void> => {
      for (let next = await reader.read(); !next.done; ) next = await reader.read()
    }
    await expect(rest()).rejects.toMatchObject({ code: 'STORAGE_TOO_FEW_PIECES', message })
    await expect(objects.get(place)).rejects.toMatchObject({ code: 'STORAGE_TOO_FEW_PIECES', message })
    const blob = world.client().putBlobOfObject({ ...place, fromByte: 0, toByte: 20 * MIB })
    await expect(blob).rejects.toMatchObject({ code: 'STORAGE_TOO_FEW_PIECES', message })
  })
})
