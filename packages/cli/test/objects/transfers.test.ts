import {
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ObjectClient } from '@stead/sdk'
import { SeededRandom } from '@stead/testkit'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ObjectWorld } from '../../../node/test/objects/object-world.ts'
import { PART_BYTES } from '../../src/objects/content-hash.ts'
import { downloadFile, ownObject } from '../../src/objects/download-file.ts'
import { type RemoteEntry, remoteEntry } from '../../src/objects/remote-objects.ts'
import { runTransfers } from '../../src/objects/transfer-pool.ts'
import { UploadBook } from '../../src/objects/upload-book.ts'
import { uploadFile } from '../../src/objects/upload-file.ts'

const LENGTH = 2 * PART_BYTES + 1234
const first = Buffer.from(new SeededRandom(1).bytes(LENGTH))
const second = Buffer.from(new SeededRandom(2).bytes(LENGTH))
const place = { bucket: 'mine', key: 'big' }

let world: ObjectWorld
let objects: ObjectClient
let directory = ''
let file = ''

beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), 'stead-transfers-'))
  file = join(directory, 'file')
  world = new ObjectWorld()
  await world.start()
  objects = new ObjectClient(world.client(), { partBytes: PART_BYTES, sendsStreams: true })
  await objects.makeBucket('mine')
})
afterEach(async () => {
  await world.stop()
  rmSync(directory, { recursive: true, force: true })
})

async function entryOf(content: Buffer): Promise<RemoteEntry> {
  return remoteEntry(await objects.put(place, new Blob([new Uint8Array(content)])), '')
}

/** Brings the object; gives how many bytes came over the wire. Stops after `stopAfterBytes`. */
async function bring(entry: RemoteEntry, stopAfterBytes = Number.POSITIVE_INFINITY): Promise<number[]> {
  const stop = new AbortController()
  const seen: number[] = []
  let sum = 0
  await downloadFile(ownObject(objects, place, entry, stop.signal), file, {
    signal: stop.signal,
    onBytes: (bytes) => {
      seen.push(bytes)
      sum += bytes
      if (sum >= stopAfterBytes) stop.abort(new Error('stopped'))
    },
  })
  return seen
}

const partials = (): string[] => readdirSync(directory).filter((name) => name.startsWith('.stead-part-'))

describe('a get', () => {
  it('that was stopped goes on where it was, and the file is there only as a whole', async () => {
    const entry = await entryOf(first)
    writeFileSync(file, 'before')
    await expect(bring(entry, PART_BYTES)).rejects.toThrow()
    expect(readFileSync(file, 'utf8')).toBe('before')
    const [partial = ''] = partials()
    const have = statSync(join(directory, partial)).size
    expect(have).toBeGreaterThanOrEqual(PART_BYTES)
    const seen = await bring(entry)
    expect(seen[0]).toBe(have)
    expect(seen.reduce((sum, bytes) => sum + bytes, 0)).toBe(LENGTH)
    expect(readFileSync(file).equals(first)).toBe(true)
    expect(partials()).toEqual([])
  })

  it('never puts two versions into one file', async () => {
    await expect(bring(await entryOf(first), PART_BYTES)).rejects.toThrow()
    const entry = await entryOf(second)
    expect((await bring(entry))[0]).toBe(0)
    expect(readFileSync(file).equals(second)).toBe(true)
    const old = { ...entry, object: { ...entry.object, etag: `${'0'.repeat(32)}-3` } }
    await expect(bring(old)).rejects.toMatchObject({ code: 'STORAGE_CONDITION' })
    expect(readFileSync(file).equals(second)).toBe(true)
  })

  it('does not believe what a lost power left: bytes that are not those are read again', async () => {
    const entry = await entryOf(first)
    await expect(bring(entry, PART_BYTES)).rejects.toThrow()
    const [partial = ''] = partials()
    const path = join(directory, partial)
    truncateSync(path, 1000)
    truncateSync(path, PART_BYTES)
    await bring(entry)
    expect(readFileSync(file).equals(first)).toBe(true)
  })

  it('follows no link that waits under the name of its part, and shares no file', async () => {
    const entry = await entryOf(first)
    await expect(bring(entry, PART_BYTES)).rejects.toThrow()
    const [partial = ''] = partials()
    const victim = join(directory, 'victim')
    for (const plant of [symlinkSync, linkSync]) {
      writeFileSync(victim, 'keep')
      rmSync(join(directory, partial), { force: true })
      plant(victim, join(directory, partial))
      await bring(entry)
      expect(readFileSync(victim, 'utf8')).toBe('keep')
      expect([lstatSync(file).isFile(), readFileSync(file).equals(first)]).toEqual([true, true])
      rmSync(victim)
    }
  })

  it('takes up what a killed process left, and leaves alone what a living one works on', async () => {
    const entry = await entryOf(first)
    await expect(bring(entry, PART_BYTES)).rejects.toThrow()
    const [partial = ''] = partials()
    const bytes = readFileSync(join(directory, partial))
    rmSync(join(directory, partial))
    writeFileSync(join(directory, `${partial}-${process.ppid}`), bytes)
    expect((await bring(entry))[0]).toBe(0)
    writeFileSync(join(directory, `${partial}-4194399`), bytes)
    expect((await bring(entry))[0]).toBe(bytes.length)
    expect(readFileSync(file).equals(first)).toBe(true)
  })

  it('of a short object leaves nothing when it fails, and of an empty one makes an empty file', async () => {
    const short = await entryOf(Buffer.from('short'))
    await expect(bring({ ...short, object: { ...short.object, etag: 'other' } })).rejects.toThrow()
    expect(readdirSync(directory)).toEqual([])
    await bring(await entryOf(Buffer.alloc(0)))
    expect(statSync(file).size).toBe(0)
  })

  it('gives the file the time that the object was made with', async () => {
    const stored = await objects.put(place, 'x', { metadata: { mtime: '1000000000.125' } })
    await bring(remoteEntry(stored, ''))
    expect(statSync(file).mtimeMs).toBeCloseTo(1_000_000_000_125, 0)
  })
})

describe('a put', () => {
  it('that was stopped sends only what is not there, also when the file was changed meanwhile', async () => {
    const book = new UploadBook(join(directory, 'state'))
    writeFileSync(file, first)
    const stop = new AbortController()
    let sent = 0
    const stopped = uploadFile(
      { objects, book },
      { file, place },
      {
        signal: stop.signal,
        onBytes: (bytes) => {
          sent += bytes
          if (sent > 2 * PART_BYTES) stop.abort(new Error('stopped'))
        },
      },
    )
    await expect(stopped).rejects.toThrow('stopped')
    expect(await objects.head(place)).toBeUndefined()
    const [upload] = (await world.client().listUploads({ bucket: 'mine' })).uploads
    const { parts } = await world.client().listParts({ bucket: 'mine', upload: upload?.id ?? '' })
    expect(parts.length).toBeGreaterThanOrEqual(1)
    const changed = Buffer.from(first)
    changed.fill(9, 0, 10)
    writeFileSync(file, changed)
    await uploadFile({ objects, book }, { file, place }, {})
    expect((await world.client().listUploads({ bucket: 'mine' })).uploads).toEqual([])
    const back = new Uint8Array(await new Response((await objects.get(place)).body).arrayBuffer())
    expect(changed.equals(back)).toBe(true)
    expect(readdirSync(join(directory, 'state', 'uploads'))).toEqual([])
  })

  it('does not go on with an upload that another process works on', () => {
    const book = new UploadBook(join(directory, 'state'))
    book.note(file, place, 'upload')
    expect(book.find(file, place)).toBe('upload')
    const folder = join(directory, 'state', 'uploads')
    const [name = ''] = readdirSync(folder)
    writeFileSync(join(folder, name), JSON.stringify({ version: 1, upload: 'upload', pid: process.ppid }))
    expect(book.find(file, place)).toBe('busy')
    writeFileSync(join(folder, name), JSON.stringify({ version: 1, upload: 'upload', pid: 4_194_399 }))
    expect(book.find(file, place)).toBe('upload')
    writeFileSync(join(folder, name), '{"version":1')
    expect(book.find(file, place)).toBeUndefined()
    expect(book.find(file, { ...place, key: 'other' })).toBeUndefined()
  })
})

describe('many transfers', () => {
  it('go side by side as long as they are small, and one failure leaves the others', async () => {
    let running = 0
    let most = 0
    const transfer = (name: string, lengthBytes: number) => ({
      name,
      lengthBytes,
      run: async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setTimeout(resolve, 2))
        running--
        if (name === 'bad') throw new Error('why')
      },
    })
    const small = Array.from({ length: 30 }, (_, index) => transfer(index === 3 ? 'bad' : String(index), 10))
    const signal = new AbortController().signal
    expect(await runTransfers(small, signal)).toEqual([{ name: 'bad', error: new Error('why') }])
    expect(most).toBe(8)
    most = 0
    await runTransfers(
      [1, 2, 3].map((name) => transfer(String(name), PART_BYTES)),
      signal,
    )
    expect(most).toBe(1)
  })
})
