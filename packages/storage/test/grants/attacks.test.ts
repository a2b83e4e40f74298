import { md5 } from '@noble/hashes/legacy.js'
import { CoreError, silentLogger, type UnixMs } from '@stead/core'
import { nobleSecp256k1, peerIdOfPublicKey } from '@stead/protocol'
import {
  formatWriteLink,
  GIVEN_PART_BYTES_MAX,
  GRANTS_PROTOCOL,
  GrantDesk,
  narrowWriteLink,
  parseWriteLink,
  StorageError,
  type WriteLink,
} from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { type GrantRequest, grantReplySchema, grantRequestSchema } from '../../src/grants/grant-messages.ts'
import { FaultyPorts } from '../objects/faulty-ports.ts'
import { bytesOf } from '../objects/workplace.ts'
import { digestOf } from '../shares/share-place.ts'
import { GrantPlace, INLINE, LARGE, PACKED, PART_BYTES } from './grant-place.ts'

/** Asks as a program does that keeps to none of our rules. */
async function ask(place: GrantPlace, link: WriteLink, request: Partial<GrantRequest>): Promise<unknown> {
  const payload = grantRequestSchema.encodeMessage({
    ...{ version: 1, ask: 'put', path: 'x', upload: place.upload(), etags: [], attempt: place.upload() },
    ...{ grant: link.id, steps: link.steps, secret: link.secret, bytes: INLINE },
    ...request,
  })
  const answer = place.giver.request(place.owner, GRANTS_PROTOCOL, payload, { timeoutMs: 60_000 })
  return grantReplySchema.decodeMessage(await place.within(answer))
}

function refused(code: string): object {
  return { code: 'NETWORK_REMOTE', details: expect.objectContaining({ remoteCode: code }) }
}

/** Segments that are kept and that nothing refers to, after everything had its time. */
async function lostSegments(place: GrantPlace): Promise<number> {
  await place.clock.advance(9 * 86_400_000)
  await place.store.collect()
  await place.clock.advance(86_400_000)
  await place.store.collect()
  const known = new Set<string>()
  await place.store.forEachSegment((reference) => known.add(digestOf(reference)))
  const kept = await place.segments.list(undefined, 1000)
  return kept.filter(({ reference }) => !known.has(digestOf(reference))).length
}

describe('somebody who has no link, or less than one', () => {
  it('makes none: neither of another grant, nor with a step less or another one', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('in/')
    const narrowed = narrowWriteLink(narrowWriteLink(link, { path: 'a/' }), { expiresAt: 4e12 as UnixMs })
    const [path, until] = narrowed.steps
    if (path === undefined || until === undefined) throw new TypeError('the link has two steps')
    const forged: Partial<GrantRequest>[] = [
      { secret: new Uint8Array(32) },
      { secret: flipped(narrowed.secret, 31) },
      { grant: flipped(narrowed.id, 0) },
      { steps: [] },
      { steps: [path] },
      { steps: [until] },
      { steps: [until, path] },
      { steps: [{ path: 'b/' }, until] },
      { steps: [path, { expiresAt: 4e12 + 1 } as never] },
      { steps: [path, until, { path: 'c/' }] },
    ]
    for (const each of forged)
      await expect(ask(place, narrowed, each)).rejects.toMatchObject(refused('STORAGE_BAD_LINK'))
    await ask(place, narrowed, {})
    expect(Object.keys(await place.has())).toEqual(['in/a/x'])
  })

  it('has nothing looked up, and with a link that is over only once a minute', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('')
    const [grant] = await place.store.grants.list('bucket')
    await place.store.grants.end('bucket', grant?.id ?? '')
    await place.clock.advance(9 * 86_400_000)
    await place.store.collect()
    const ports = new FaultyPorts()
    await place.restartOwner(place.openFaulty(ports, {}))
    await expect(ask(place, link, {})).rejects.toMatchObject(refused('STORAGE_GRANT_ENDED'))
    const looks = ports.calls.length
    expect(looks).toBeGreaterThan(0)
    for (let times = 0; times < 5; times++) {
      await expect(ask(place, link, {})).rejects.toMatchObject(refused('STORAGE_GRANT_ENDED'))
      await expect(ask(place, link, { secret: new Uint8Array(32) })).rejects.toMatchObject(refused('STORAGE_BAD_LINK'))
    }
    expect(ports.calls.length).toBe(looks)
    await place.clock.advance(60_000)
    await expect(ask(place, link, {})).rejects.toMatchObject(refused('STORAGE_GRANT_ENDED'))
    expect(ports.calls.length).toBeGreaterThan(looks)
  })
})

describe('a holder of a link to write', () => {
  it('writes under no name that leads elsewhere, or that is none', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('in/')
    const bad = [
      '',
      '..',
      '../x',
      'a/../../x',
      './x',
      'a//b',
      '/x',
      'a/',
      'a/.',
      'x\n',
      'x\u001b[2J',
      'y\u0085',
      'x'.repeat(1022),
    ]
    for (const path of bad) {
      await expect(ask(place, link, { path })).rejects.toMatchObject(refused('STORAGE_BAD_NAME'))
      await expect(ask(place, link, { path, ask: 'part', number: 1 })).rejects.toMatchObject(
        refused('STORAGE_BAD_NAME'),
      )
      await expect(place.give(link, path, INLINE)).rejects.toMatchObject({ code: 'STORAGE_BAD_NAME' })
    }
    const object = narrowWriteLink(link, { path: 'only' })
    await expect(ask(place, object, { path: 'x' })).rejects.toMatchObject(refused('STORAGE_BAD_NAME'))
    expect(() => narrowWriteLink(object, { path: 'x' })).toThrow('there is nothing below one object')
    for (const path of ['..', '../', 'a/../b'])
      expect(() => narrowWriteLink(link, { path })).toThrow('a name that is written through a link')
    expect(await place.has()).toEqual({})
    expect(await place.used()).toEqual({ usedBytes: 0, objects: 0 })
  })

  it('gets no more than was granted, however many write at once, and whatever was begun', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('', { limitBytes: 2 * PACKED.length + PART_BYTES })
    const writers = Array.from({ length: 8 }, (_, index) => bytesOf(PACKED.length, index + 10))
    const given = await Promise.allSettled(writers.map((bytes, index) => place.give(link, `${index}`, bytes)))
    const done = given.filter(({ status }) => status === 'fulfilled').length
    expect(done).toBe(3)
    const usedBytes = 3 * PACKED.length
    expect(await place.used()).toEqual({ usedBytes, objects: 3 })
    expect(Object.keys(await place.has()).length).toBe(3)
    const part = { ask: 'part', number: 1, path: 'parts' } as const
    const leftBytes = 2 * PACKED.length + PART_BYTES - usedBytes
    await ask(place, link, { ...part, bytes: bytesOf(leftBytes - 4096 - 1) })
    await expect(ask(place, link, { ...part, bytes: bytesOf(4098) })).rejects.toMatchObject(
      refused('STORAGE_GRANT_SPENT'),
    )
    await ask(place, link, { ...part, bytes: Uint8Array.of(1) })
    await expect(ask(place, link, { ...part, bytes: Uint8Array.of(2) })).rejects.toMatchObject(
      refused('STORAGE_GRANT_SPENT'),
    )
    expect(await lostSegments(place)).toBe(0)
  })

  it('is told that there is no room before a long object is sent', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('', { limitBytes: LARGE.length - 1 })
    const before = (await place.segments.list(undefined, 1000)).length
    const giving = place.give(link, 'x', LARGE, { lengthBytes: LARGE.length })
    await expect(giving).rejects.toMatchObject({ code: 'STORAGE_GRANT_SPENT' })
    expect((await place.segments.list(undefined, 1000)).length).toBe(before)
    const last = await place.grant('', { limitBytes: PART_BYTES * 5 + 1 })
    const tail = new Uint8Array(PART_BYTES * 5 + 1)
    const kept = (await place.segments.list(undefined, 1000)).length
    await expect(place.give(last, 'y', tail, { lengthBytes: tail.length })).rejects.toMatchObject({
      code: 'STORAGE_GRANT_SPENT',
      details: { needBytes: PART_BYTES * 5 + 4096 },
    })
    const endless = place.give(link, 'z', LARGE, { lengthBytes: PART_BYTES * 10_000 + 1 })
    await expect(endless).rejects.toMatchObject({ message: expect.stringContaining('a link takes objects of') })
    expect((await place.segments.list(undefined, 1000)).length).toBeLessThanOrEqual(kept)
    // Who does not say how long it is finds out, and what was sent does not stay.
    await expect(place.give(link, 'x', LARGE)).rejects.toMatchObject({ code: 'STORAGE_GRANT_SPENT' })
    expect(await place.has()).toEqual({})
    expect(await lostSegments(place)).toBe(0)
    expect(await place.store.uploads('bucket', { limit: 10 })).toEqual([])
  })

  it('writes once what it says twice, and pays once', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('')
    for (const [path, bytes] of Object.entries({ small: INLINE, packed: PACKED, large: LARGE })) {
      const upload = place.upload()
      const first = await place.give(link, path, bytes, { upload })
      expect(await place.give(link, path, bytes, { upload })).toMatchObject({ etag: first.etag })
    }
    const usedBytes = 4096 + PACKED.length + LARGE.length
    expect(await place.used()).toEqual({ usedBytes, objects: 3 })
    const upload = place.upload()
    const part = { ask: 'part', path: 'p', upload, number: 1, bytes: PACKED } as const
    await Promise.all([ask(place, link, part), ask(place, link, part)])
    await ask(place, link, part)
    expect((await place.used()).usedBytes).toBe(usedBytes + PACKED.length)
    const changed = Uint8Array.from(LARGE)
    changed[0] = (changed[0] ?? 0) ^ 1
    const large = place.upload()
    await place.give(link, 'other', LARGE, { upload: large })
    await expect(place.give(link, 'other', changed, { upload: large })).rejects.toMatchObject({
      code: 'STORAGE_CONDITION',
    })
    expect(await lostSegments(place)).toBe(0)
  })

  it('touches no upload of anybody else, nor of another place of its own', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('')
    const other = await place.grant('')
    const own = await place.store.beginUpload('bucket', 'own')
    const part = await place.store.putPart('bucket', own.id, 1, [PACKED], { etag: () => 'mine' })
    const upload = Uint8Array.from(Buffer.from(own.id, 'hex'))
    await ask(place, link, { ask: 'part', path: 'own', upload, number: 1 })
    expect(await place.store.parts('bucket', own.id, { limit: 10 })).toEqual([part])
    const etags = [md5(INLINE)]
    for (const [from, path] of [
      [link, 'elsewhere'],
      [other, 'own'],
    ] as const)
      await expect(ask(place, from, { ask: 'whole', path, upload, etags })).rejects.toMatchObject(
        refused('STORAGE_WRITE_LATE'),
      )
    await ask(place, link, { ask: 'whole', path: 'own', upload, etags })
    await expect(
      place.store.completeUpload('bucket', own.id, [{ number: 1, etag: 'mine' }], {
        etag: 'x',
        condition: { is: 'absent' },
      }),
    ).rejects.toMatchObject({ code: 'STORAGE_CONDITION' })
  })

  it('sends no part that is none', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('')
    const part = { ask: 'part', path: 'x', upload: place.upload() } as const
    await expect(ask(place, link, { ...part, number: 0 })).rejects.toMatchObject(refused('PROTOCOL_MALFORMED'))
    await expect(ask(place, link, part)).rejects.toMatchObject(refused('PROTOCOL_MALFORMED'))
    const long = ask(place, link, { ...part, number: 1, bytes: new Uint8Array(PART_BYTES + 1) })
    await expect(long).rejects.toMatchObject(refused('PROTOCOL_TOO_LARGE'))
    await expect(ask(place, link, { ...part, number: 10_001 })).rejects.toMatchObject(refused('PROTOCOL_MALFORMED'))
    await ask(place, link, { ...part, number: 1 })
    await expect(ask(place, link, { ...part, ask: 'whole' })).rejects.toMatchObject(refused('PROTOCOL_MALFORMED'))
    await expect(ask(place, link, { ...part, ask: 'whole', etags: [md5(PACKED)] })).rejects.toMatchObject(
      refused('STORAGE_WRITE_LATE'),
    )
    await expect(ask(place, link, { ...part, ask: 'whole', etags: [md5(INLINE), md5(INLINE)] })).rejects.toMatchObject(
      refused('STORAGE_WRITE_LATE'),
    )
    expect(await place.used()).toEqual({ usedBytes: 4096, objects: 0 })
    expect(await place.has()).toEqual({})
  })

  it('writes nothing from the moment that the link is taken back or over, and what it began goes', async () => {
    for (const isTaken of [true, false]) {
      const place = await GrantPlace.of()
      const link = await place.grant('', { forMs: 60_000 })
      await place.give(link, 'before', INLINE)
      const part = { ask: 'part', path: 'x', upload: place.upload(), number: 1, bytes: PACKED } as const
      await ask(place, link, part)
      const [grant] = await place.store.grants.list('bucket')
      if (isTaken) await place.store.grants.end('bucket', grant?.id ?? '')
      else await place.clock.advance(60_000)
      for (const request of [
        {},
        { bytes: PACKED },
        part,
        { ...part, ask: 'whole', etags: [md5(PACKED)] },
        { ask: 'look' },
      ])
        await expect(ask(place, link, request as object)).rejects.toMatchObject(refused('STORAGE_GRANT_ENDED'))
      await expect(place.store.grants.open('bucket', grant?.id ?? '')).rejects.toMatchObject({
        code: 'STORAGE_SHARE_UNKNOWN',
      })
      if (!isTaken) await place.store.collect()
      expect(await place.store.uploads('bucket', { limit: 10 })).toEqual([])
      expect(Object.keys(await place.has())).toEqual(['before'])
      expect(await lostSegments(place)).toBe(0)
    }
  })

  it('keeps nothing that it began and left, and no bucket from being deleted', async () => {
    const place = await GrantPlace.of(undefined, { keepUnfinishedMs: 60_000 })
    const link = await place.grant('')
    await ask(place, link, { ask: 'part', path: 'x', number: 1, bytes: PACKED })
    const own = await place.store.beginUpload('bucket', 'own')
    await place.clock.advance(61_000)
    await place.store.collect()
    expect((await place.store.uploads('bucket', { limit: 10 })).map(({ id }) => id)).toEqual([own.id])
    await place.store.abortUpload('bucket', own.id)
    await place.store.deleteBucket('bucket')
    await expect(ask(place, link, {})).rejects.toMatchObject(refused('STORAGE_GRANT_ENDED'))
    await place.store.createBucket('bucket')
    await expect(ask(place, link, {})).rejects.toMatchObject(refused('STORAGE_GRANT_ENDED'))
  })

  it('fills no memory, and keeps no other link from being written with', async () => {
    const place = await GrantPlace.of()
    const [link, other] = [await place.grant(''), await place.grant('')]
    const release = Promise.withResolvers<void>()
    const { intake } = place.store.grants
    const slow = {
      checkToken: (...args: Parameters<typeof intake.checkToken>) => intake.checkToken(...args),
      put: async (...args: Parameters<typeof intake.put>) => {
        await release.promise
        return await intake.put(...args)
      },
    }
    const parts = { intake: slow as never, clock: place.clock, logger: silentLogger }
    const desk = new GrantDesk(parts, GIVEN_PART_BYTES_MAX)
    const answer = (path: string, bytes: Uint8Array, { id, secret } = link): Promise<Uint8Array> =>
      desk.answer({
        peer: place.giver.self,
        payload: grantRequestSchema.encodeMessage({
          ...{ version: 1, ask: 'put', path, upload: place.upload(), etags: [], bytes, attempt: place.upload() },
          ...{ grant: id, steps: [], secret },
        }),
      })
    const full = new Uint8Array(GIVEN_PART_BYTES_MAX)
    const begun = [answer('1', full), answer('2', full)]
    await expect(answer('3', full)).rejects.toMatchObject({ code: 'STORAGE_BUSY', retryable: true })
    begun.push(answer('4', full, other), answer('5', INLINE, other))
    release.resolve()
    await Promise.all(begun)
    await answer('3', full)
    expect(Object.keys(await place.has())).toEqual(['1', '2', '3', '4', '5'])
  })

  it('learns nothing of the objects that are there, nor where the folder is', async () => {
    const place = await GrantPlace.of()
    await place.store.put('bucket', 'secret/folder/x', [INLINE], { etag: () => 'known-by-this' })
    const link = await place.grant('secret/folder/')
    for (const request of [{}, { bytes: PACKED }, { ask: 'part', number: 1 }, { path: 'x'.repeat(250), steps: [] }]) {
      const error = await ask(place, link, request as object).catch((thrown: unknown) => thrown)
      expect(JSON.stringify(error)).not.toMatch(/secret|folder|known-by-this/)
    }
    await expect(ask(place, link, {})).rejects.toMatchObject(refused('STORAGE_CONDITION'))
  })

  it('writes over nothing newer when its message comes again', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('', { mayReplace: true })
    const first = { bytes: PACKED, upload: place.upload(), attempt: place.upload() }
    await ask(place, link, first)
    await ask(place, link, { bytes: INLINE })
    await ask(place, link, first)
    expect(await place.has()).toEqual({ x: digestOf(INLINE) })
    await place.store.delete('bucket', 'x')
    await ask(place, link, first)
    expect(await place.has()).toEqual({})
    expect(await place.used()).toEqual({ usedBytes: PACKED.length + 4096, objects: 2 })
    // What failed is no answer: it is worked on when it comes again.
    const limited = await place.grant('in/', { limitBytes: 4096 })
    const late = { attempt: place.upload(), upload: place.upload(), bytes: PACKED }
    await expect(ask(place, limited, late)).rejects.toMatchObject(refused('STORAGE_GRANT_SPENT'))
    await expect(ask(place, limited, late)).rejects.toMatchObject(refused('STORAGE_GRANT_SPENT'))
    // A new run of the same command is another attempt.
    await ask(place, link, { ...first, attempt: place.upload() })
    expect(await place.has()).toEqual({ x: digestOf(PACKED) })
  })

  it('gets its answer again, also when the memory of the first one was given back', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('')
    const parts = { intake: place.store.grants.intake, clock: place.clock, logger: silentLogger }
    const desk = new GrantDesk(parts, PART_BYTES)
    const payload = grantRequestSchema.encodeMessage({
      ...{ version: 1, ask: 'put', path: 'x', upload: place.upload(), etags: [], attempt: place.upload() },
      ...{ grant: link.id, steps: [], secret: link.secret, bytes: new Uint8Array(0) },
    })
    const ask = (): Promise<Uint8Array> => desk.answer({ peer: place.giver.self, payload: Uint8Array.from(payload) })
    const first = await ask()
    const { object } = grantReplySchema.decodeMessage(Uint8Array.from(first))
    first.fill(0)
    expect(grantReplySchema.decodeMessage(await ask()).object).toEqual(object)
    expect(await place.has()).toEqual({ x: digestOf(new Uint8Array(0)) })
  })

  it('makes no name of which a disk could not have both', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('in/')
    await ask(place, link, { path: 'file' })
    await ask(place, link, { path: 'folder/deep/x' })
    for (const path of [
      'file/x',
      'file/a/b',
      'folder',
      'folder/deep',
      'folder/deep/x/y',
      `${'ü'.repeat(128)}`,
      `${'a/'.repeat(64)}x`,
    ]) {
      await expect(ask(place, link, { path })).rejects.toMatchObject(refused('STORAGE_BAD_NAME'))
      await expect(ask(place, link, { path, bytes: PACKED })).rejects.toMatchObject(refused('STORAGE_BAD_NAME'))
      await expect(ask(place, link, { path, ask: 'part', number: 1 })).rejects.toMatchObject(
        refused('STORAGE_BAD_NAME'),
      )
    }
    await ask(place, link, { path: 'folder/deep-er' })
    await ask(place, link, { path: 'x'.repeat(255) })
    expect((await place.used()).objects).toBe(4)
  })

  it('learns nothing of what its owner’s node met', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('')
    for (const failure of [
      new StorageError('STORAGE_TOO_FEW_NODES', 'the owner has 3 dollars left', { details: { fundsMicroUsd: 3n } }),
      new CoreError('STORE_FULL', 'the disk /home/owner is full'),
      new TypeError('secret of the owner'),
    ]) {
      const put = place.segments.put
      place.segments.put = async () => {
        throw failure
      }
      const answer = ask(place, link, { bytes: PACKED })
      const error = await answer.then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      expect(error).toMatchObject(refused('STORAGE_GRANT_AWAY'))
      expect(JSON.stringify(error)).not.toMatch(/owner has|home|secret of|funds/)
      place.segments.put = put
    }
    await place.give(link, 'x', PACKED)
  })
})

describe('a node that answers for a link', () => {
  it('harms no giver, whatever it answers', async () => {
    const place = await GrantPlace.of()
    const link = await place.grant('')
    const evil = [
      new Uint8Array(0),
      Uint8Array.of(255, 255, 255),
      grantReplySchema.encodeMessage({ version: 1, parts: [] }),
      grantReplySchema.encodeMessage({ version: 1, parts: [], leftBytes: 2 ** 40, partBytes: 0 }),
      grantReplySchema.encodeMessage({ version: 1, parts: [], leftBytes: 2 ** 40, partBytes: 1 }),
      grantReplySchema.encodeMessage({
        ...{ version: 1, parts: [], leftBytes: 2 ** 40, partBytes: PART_BYTES },
        object: { lengthBytes: 2 ** 53 - 1, etag: '\u001b[31mkept', modifiedAt: 0 as UnixMs },
      }),
      grantReplySchema.encodeMessage({
        ...{ version: 1, leftBytes: 2 ** 40, partBytes: 128 * 65_520 },
        parts: [{ number: 1, lengthBytes: LARGE.length, etag: new Uint8Array(16) }],
      }),
    ]
    for (const answer of evil) {
      place.hub.kill(place.owner)
      place.ownerNode = place.hub.createNode(place.owner)
      place.ownerNode.handle(
        GRANTS_PROTOCOL,
        { messageBytesMax: 2 ** 24, inFlightPerPeerMax: 4, handlerTimeoutMs: 1e5 },
        async () => Uint8Array.from(answer),
      )
      await place.ownerNode.start()
      await place.within(place.giver.connect(place.owner, 1000))
      for (const bytes of [INLINE, LARGE])
        await expect(place.give(link, 'x', bytes)).rejects.toMatchObject({
          code: expect.stringMatching(/^STORAGE_(GRANT_AWAY|CONDITION)$/),
        })
    }
  })

  it('has a link say no time that no clock shows', () => {
    const [secret, id] = [new Uint8Array(32), new Uint8Array(16)]
    const facts = { version: 1, id, secret, steps: [], name: '', isObject: false, mayReplace: false } as const
    const owner = peerIdOfPublicKey(nobleSecp256k1.publicKey(new Uint8Array(32).fill(9)))
    const text = formatWriteLink({ ...facts, owner, expiresAt: (2 ** 53 - 1) as UnixMs })
    expect(() => parseWriteLink(text)).toThrow(expect.objectContaining({ code: 'STORAGE_BAD_LINK' }))
    const link = parseWriteLink(formatWriteLink({ ...facts, owner }))
    const far = { path: `${'a/'.repeat(60)}${'x'.repeat(200)}/` }
    expect(() => [1, 2, 3, 4, 5].reduce((narrowed) => narrowWriteLink(narrowed, far), link)).toThrow(
      expect.objectContaining({ code: expect.stringMatching(/^STORAGE_BAD_(LINK|NAME)$/) }),
    )
  })
})

function flipped(bytes: Uint8Array, at: number): Uint8Array {
  const copy = Uint8Array.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}
