import { address } from '@stead/core'
import { hexToBytes } from '@stead/protocol'
import {
  createFrameCipher,
  formatShareLink,
  narrowLink,
  openFrames,
  PathSecret,
  parseShareLink,
  SharedTree,
  type ShareLink,
} from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { tableRange } from '../../src/objects/row-keys.ts'
import { packRowSchema } from '../../src/objects/rows.ts'
import { sealedBytesOf } from '../../src/segment/segment-layout.ts'
import { entryRowSchema } from '../../src/shares/share-rows.ts'
import { PLACE_BYTES } from '../../src/shares/share-secrets.ts'
import { NodeMemory } from '../../src/tree/node-memory.ts'
import type { TreeEntry } from '../../src/tree/tree-node.ts'
import { bytesOf } from '../objects/workplace.ts'
import { digestOf, SharePlace } from './share-place.ts'

/** All that opens with what every link to a share has, narrowed or not: rows, and packs as they lie in segments. */
async function spy(place: SharePlace, link: ShareLink): Promise<{ rows: TreeEntry[]; packs: Uint8Array[] }> {
  const pointer = place.pointerNamed(link.pointer)
  const tree = new SharedTree({ segments: place.segments, pointer, memory: new NodeMemory(2 ** 20) }, link.pages, 0)
  return await tree.read(async (reader) => {
    const rows: TreeEntry[] = []
    for await (const row of reader.scan('')) rows.push(row)
    const packs: Uint8Array[] = []
    const { from, before } = tableRange('packs')
    for await (const { value } of reader.scan(from, before)) {
      const { lengthBytes, ...segment } = packRowSchema.decodeMessage(value)
      packs.push(await tree.readSegment(segment, { fromByte: 0, toByte: lengthBytes }))
    }
    return { rows, packs }
  })
}

function hasText(bytes: Uint8Array, text: string): boolean {
  return Buffer.from(bytes).includes(text)
}

/** Everything that a secret opens, whatever row it is tried on. */
function opened(rows: readonly TreeEntry[], secret: Uint8Array): number {
  const key = new PathSecret(secret)
  let count = 0
  for (const { key: rowKey, value } of rows) {
    if (!rowKey.startsWith(tableRange('entries').from)) continue
    const row = entryRowSchema.decodeMessage(value)
    for (const sealed of [row.name, row.entry])
      try {
        key.openRow(sealed)
        count++
      } catch (error) {
        expect(error).toMatchObject({ code: 'STORAGE_NOT_AUTHENTIC' })
      }
  }
  return count
}

const BESIDE = 'what lies beside '.repeat(5000)

async function family(
  names: readonly [string, string],
  bodies: readonly [string, string],
): Promise<[SharePlace, string]> {
  const place = new SharePlace()
  const store = place.openStore()
  await store.createBucket('bucket')
  await Promise.all([
    store.put('bucket', 'a/mine/small', [bytesOf(100)]),
    store.put('bucket', 'a/mine/packed', [bytesOf(50_000)]),
    store.put('bucket', `a/${names[0]}`, [Buffer.from(bodies[0])], { contentType: 'beside/type' }),
    store.put('bucket', `a/yours/${names[1]}`, [Buffer.from(bodies[1])], { etag: () => 'beside-etag' }),
  ])
  return [place, await place.link(store, 'bucket', 'a/')]
}

describe('whoever has a link to a folder', () => {
  it('reads no bytes that shared a segment with those of the folder', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    // One batch: in the bucket they lie in one segment under one key.
    await Promise.all([
      store.put('bucket', 'a/shown', [bytesOf(50_000)]),
      store.put('bucket', 'b/hidden', [Buffer.from(BESIDE)]),
    ])
    const link = parseShareLink(await place.link(store, 'bucket', 'a/'))
    const { rows, packs } = await spy(place, link)
    expect(packs).toHaveLength(1)
    for (const bytes of [...packs, ...rows.map(({ value }) => value)]) expect(hasText(bytes, 'beside')).toBe(false)
  })

  it('cannot widen a narrowed one: neither names, nor types, nor bytes beside it open', async () => {
    const [place, text] = await family(['beside-name', 'beside-file'], [BESIDE, 'beside-bytes'])
    const whole = parseShareLink(text)
    const narrow = narrowLink(whole, { path: 'mine/' })
    expect(Object.keys(await place.seen(narrow))).toEqual(['packed', 'small'])
    const { rows, packs } = await spy(place, narrow)
    for (const bytes of [...packs, ...rows.map(({ value }) => value)]) expect(hasText(bytes, 'beside')).toBe(false)
    // Two names in its folder, and its own row, which says that it is a folder; files open with secrets of their own.
    expect(opened(rows, narrow.secret)).toBe(3)
    expect(opened(rows, whole.secret)).toBe(3)
    expect(opened(rows, narrow.pages)).toBe(0)
    // The secret of one file opens that file.
    expect(opened(rows, narrowLink(narrow, { path: 'small' }).secret)).toBe(1)
    const reader = place.reader({ ...narrow, secret: narrow.pages })
    expect(await reader.list({ isRecursive: true, limit: 10 })).toEqual({
      objects: [],
      folders: [],
      next: undefined,
      isFilled: true,
    })
    for (const path of ['../beside-name', 'beside-name', 'a/beside-name', 'yours/beside-file'])
      await expect(place.reader(narrow).get(path)).rejects.toMatchObject({ code: 'STORAGE_OBJECT_UNKNOWN' })
  })

  it('cannot tell how long names and small objects beside a narrowed one are', async () => {
    const lengthsOf = async (...family_: Parameters<typeof family>): Promise<readonly number[]> => {
      const [place, text] = await family(...family_)
      const { rows } = await spy(place, parseShareLink(text))
      return rows
        .filter(({ key }) => !key.startsWith('g'))
        .map(({ value }) => value.length)
        .toSorted((a, b) => a - b)
    }
    const short = await lengthsOf(['n', 'x'], ['', ''])
    expect(await lengthsOf(['n'.repeat(25), 'something-longer'], ['1'.repeat(80), '12'])).toEqual(short)
  })

  it('tells how folders beside a narrowed one lie, and how long a small object is that has a segment of its own', async () => {
    const [place, text] = await family(['n', 'x'], ['', BESIDE])
    const { rows } = await spy(place, narrowLink(parseShareLink(text), { path: 'mine/small' }))
    const folders = new Map<string, number>()
    for (const { key } of rows.filter(({ key }) => key.startsWith(tableRange('entries').from))) {
      const folder = key.slice(1, 1 + PLACE_BYTES)
      folders.set(folder, (folders.get(folder) ?? 0) + 1)
    }
    expect([...folders.values()].toSorted()).toEqual([1, 2, 3])
    const packs = rows.filter(({ key }) => key.startsWith(tableRange('packs').from))
    const bytes = packs.map(({ value }) => packRowSchema.decodeMessage(value).liveBytes)
    const told = [50_000, BESIDE.length].map(sealedBytesOf)
    expect(bytes.reduce((sum, each) => sum + each, 0)).toBe(told.reduce((sum, each) => sum + each, 0))
  })

  it('cannot write: nothing in it leads to the key of the pointer', async () => {
    const [place, text] = await family(['x', 'y'], ['1', '2'])
    const link = parseShareLink(text)
    for (const bytes of [link.pages, link.secret, link.pointer.subarray(0, 32)]) {
      const secret = new PathSecret(bytes)
      for (const seed of [bytes, secret.key('pointer')]) expect(place.nameOf(seed)).not.toEqual(link.pointer)
    }
  })

  it('does not learn how its owner pays', async () => {
    const place = new SharePlace()
    const payer = { payer: address(`0x${'ab'.repeat(20)}`), privateKey: new Uint8Array(32).fill(77) }
    const store = place.openStore({}, payer)
    await store.createBucket('bucket')
    await store.put('bucket', 'a/b', [bytesOf(100)])
    const link = parseShareLink(await place.link(store, 'bucket', ''))
    const newest = await place.pointerNamed(link.pointer).read()
    const root = new PathSecret(link.pages).openRoot(newest?.sequence ?? 0, newest?.value ?? new Uint8Array(0))
    expect(Buffer.from(root).includes(payer.privateKey)).toBe(false)
    const { rows, packs } = await spy(place, link)
    for (const bytes of [...packs, ...rows.map(({ value }) => value)])
      expect(Buffer.from(bytes).includes(payer.privateKey)).toBe(false)
  })

  it('is not shown an older state by those who keep the pointer', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    await store.put('bucket', 'a/b', [Buffer.from('old')])
    const first = await place.link(store, 'bucket', 'a/')
    const [info] = await store.shares.list('bucket')
    const old = place.pointers.values()
    await store.put('bucket', 'a/b', [Buffer.from('new')])
    await store.shares.publish()
    const { grant } = await store.shares.open('bucket', info?.id ?? '')
    const later = { ...parseShareLink(first), ...grant }
    const reader = place.reader(first)
    const page = await reader.list({ limit: 1 })
    place.pointers.restore(old)
    expect(page.objects[0]?.lengthBytes).toBe(3)
    for (const each of [reader, place.reader(later)])
      await expect(each.list({ limit: 1 })).rejects.toMatchObject({ code: 'STORAGE_OLD_ROOT' })
    // A state of another share, or one that was made up, is none.
    const [[name, { sequence, value }] = ['', { sequence: 0, value: new Uint8Array(0) }]] = [...old].filter(([each]) =>
      place.nameOf(hexToBytes(each)).every((byte, index) => byte === later.pointer[index]),
    )
    place.pointers.restore(new Map([[name, { sequence: sequence + 100, value }]]))
    await expect(place.reader(later).list({ limit: 1 })).rejects.toMatchObject({ code: 'STORAGE_NOT_AUTHENTIC' })
  })

  it('sees nothing of what is written after it was taken back, not even with the pages it kept', async () => {
    const place = new SharePlace()
    const store = place.openStore()
    await store.createBucket('bucket')
    await store.put('bucket', 'a/b', [Buffer.from('before')])
    const first = await place.link(store, 'bucket', 'a/')
    const [info] = await store.shares.list('bucket')
    await store.shares.unshare('bucket', info?.id ?? '')
    await store.put('bucket', 'a/b', [Buffer.from('after')])
    const second = await place.link(store, 'bucket', 'a/')
    expect(await place.seen(second)).toEqual({ b: digestOf(Buffer.from('after')) })
    await expect(place.seen(first)).rejects.toMatchObject({ code: 'STORAGE_SHARE_ENDED' })
    // The secrets of the first open nothing of the second.
    const [old, fresh] = [parseShareLink(first), parseShareLink(second)]
    await expect(place.seen({ ...fresh, pages: old.pages })).rejects.toMatchObject({ code: 'STORAGE_NOT_AUTHENTIC' })
    expect(await place.seen({ ...fresh, secret: old.secret })).toEqual({})
  })
})

describe('a link', () => {
  it('that lost or changed a letter is refused without being repeated', async () => {
    const [, text] = await family(['x', 'y'], ['1', '2'])
    const refused = (link: string): void => {
      let message = ''
      try {
        parseShareLink(link)
      } catch (error) {
        expect(error).toMatchObject({ code: 'STORAGE_BAD_LINK' })
        message = JSON.stringify(error, Object.getOwnPropertyNames(error))
      }
      expect(message).not.toBe('')
      expect(message).not.toContain(text.slice(20, 40))
    }
    for (let length = 0; length < text.length; length++) refused(text.slice(0, length))
    for (const lost of [1, 2, 3, 4]) expect(() => parseShareLink(text.slice(0, -lost))).toThrow('is not whole')
    expect(() => parseShareLink(`${text.slice(0, -1)}!`)).toThrow('has letters that no link has')
    for (let at = 12; at < text.length - 1; at++)
      refused(`${text.slice(0, at)}${text[at] === 'A' ? 'B' : 'A'}${text.slice(at + 1)}`)
    for (const junk of [
      '',
      'stead:share:',
      'stead://share/x',
      'stead:share:u',
      `${text}AAAA`,
      'stead:share:u%%%',
      'x'.repeat(9999),
    ])
      refused(junk)
    expect(parseShareLink(`  ${text}\n`)).toEqual(parseShareLink(text))
    expect(formatShareLink(parseShareLink(text))).toBe(text)
    expect(text).toMatch(/^stead:share:[A-Za-z0-9_-]+$/)
  })

  it('keeps the earlier of two ends, and its time is looked at before anybody is asked', async () => {
    const [place, text] = await family(['x', 'y'], ['1', '2'])
    const link = parseShareLink(text)
    const now = place.clock.now()
    const early = narrowLink(link, { expiresAt: (now + 1000) as typeof now })
    expect(narrowLink(early, { expiresAt: (now + 5000) as typeof now }).expiresAt).toBe(now + 1000)
    expect(narrowLink(early, { path: 'mine/' }).expiresAt).toBe(now + 1000)
    place.clock.jumpWall(1001)
    const asked = place.reader({ ...early, pointer: new Uint8Array(32) }).list({ limit: 1 })
    await expect(asked).rejects.toMatchObject({ code: 'STORAGE_SHARE_EXPIRED' })
  })
})

describe('small bytes in a share', () => {
  it('lie under a key of their own within the segment that they share', async () => {
    const [place, text] = await family(['x', 'y'], [BESIDE, '2'])
    const { packs } = await spy(place, parseShareLink(text))
    const [pack = new Uint8Array(0)] = packs
    const open = (): Uint8Array =>
      openFrames(createFrameCipher(), new Uint8Array(32), {
        firstFrame: 0,
        bytes: pack.subarray(0, 50_016),
        plainBytes: 50_000,
      })
    expect(open).toThrow(expect.objectContaining({ code: 'STORAGE_NOT_AUTHENTIC' }))
  })
})
