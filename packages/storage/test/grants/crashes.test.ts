import { md5 } from '@noble/hashes/legacy.js'
import { hasCode } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import type { Giving, GrantToken, TreeObjectStore } from '@stead/storage'
import { describe, expect, it } from 'vitest'
import { type FaultKind, FaultyPorts } from '../objects/faulty-ports.ts'
import { bytesFrom, bytesOf } from '../objects/workplace.ts'
import { digestOf, SharePlace } from '../shares/share-place.ts'

const INLINE = bytesOf(100, 1)
const PACKED = bytesOf(6000, 2)
const PARTS = [bytesOf(1_050_000, 3), bytesOf(5000, 4), bytesOf(50, 5)]
const OPTIONS = { graceMs: 1000, keepUnfinishedMs: 50_000, segmentBytes: 16_000_000 }
const USED_BYTES = 4096 + PACKED.length + 1_050_000 + 5000 + 4096

const etagOf = (bytes: Uint8Array): string => bytesToHex(md5(bytes)).slice(2)
const bodyOf = (bytes: Uint8Array): Parameters<TreeObjectStore['grants']['intake']['put']>[1] => ({
  description: { metadata: [] },
  etag: etagOf(bytes),
  bytes,
})

async function begun(): Promise<{ readonly place: SharePlace; readonly token: GrantToken }> {
  const place = new SharePlace()
  const store = place.openStore(OPTIONS)
  await store.createBucket('bucket')
  const { link } = await store.grants.grant('bucket', 'in/', { limitBytes: USED_BYTES })
  return { place, token: link }
}

/** Gives three objects; what fails is said again by who gives, as often as it takes. */
async function give(store: TreeObjectStore, token: GrantToken): Promise<void> {
  const { intake } = store.grants
  const giving = (path: string, upload: number): Giving => ({ token, path, upload: new Uint8Array(16).fill(upload) })
  const large = giving('large', 3)
  const steps = [
    () => intake.put(giving('inline', 1), bodyOf(INLINE)),
    () => intake.put(giving('packed', 2), bodyOf(PACKED)),
    async () => {
      if ((await intake.look(large)).object !== undefined) return
      await Promise.all(PARTS.map((bytes, index) => intake.putPart(large, index + 1, bodyOf(bytes))))
    },
    () => intake.complete(large, PARTS.map(etagOf)),
  ]
  for (const step of steps)
    for (let tries = 0; ; tries++)
      try {
        await step()
        break
      } catch (error) {
        if (!hasCode(error, 'NETWORK_TIMEOUT') || tries === 3) throw error
      }
}

/** What must hold when the giver is done, whatever happened. */
async function check(place: SharePlace): Promise<void> {
  const store = place.openStore(OPTIONS)
  const found: Record<string, string> = {}
  for (const { key } of (await store.list('bucket', { limit: 100 })).objects)
    found[key] = digestOf(await bytesFrom((await store.get('bucket', key)).body))
  expect(found).toEqual({
    'in/inline': digestOf(INLINE),
    'in/large': digestOf(Buffer.concat(PARTS)),
    'in/packed': digestOf(PACKED),
  })
  const [grant] = await store.grants.list('bucket')
  expect(grant).toMatchObject({ usedBytes: USED_BYTES, objects: 3 })
  for (let sweep = 0; sweep < 3; sweep++) {
    await place.clock.advance(100_000)
    await store.collect()
  }
  const known = new Set<string>()
  await store.forEachSegment((reference) => known.add(digestOf(reference)))
  const kept = await place.segments.list(undefined, 1000)
  expect(kept.filter(({ reference }) => !known.has(digestOf(reference)))).toEqual([])
}

describe('a machine whose link is being written with', () => {
  for (const kind of [
    'refuse-before',
    'refuse-after',
    'die-before',
    'die-after',
  ] as const satisfies readonly FaultKind[])
    it(`counts each byte once, and keeps all and nothing else, wherever it fails: ${kind}`, async () => {
      let isThrough = false
      let tried = 0
      for (let atCall = 0; !isThrough; atCall++) {
        const { place, token } = await begun()
        const ports = new FaultyPorts()
        ports.plan(atCall, kind)
        const giving = give(place.openFaulty(ports, OPTIONS), token)
        giving.catch(() => undefined)
        let isOver = false
        void giving.finally(() => {
          isOver = true
        })
        while (!isOver && !ports.isDead) {
          await place.tick()
          await place.clock.advance(10)
        }
        isThrough = ports.calls.length <= atCall
        // The giver does not know what became of it, and begins again.
        if (ports.isDead) await give(place.openStore(OPTIONS), token)
        else await giving
        await check(place)
        tried++
      }
      expect(tried).toBeGreaterThan(20)
    })
})
