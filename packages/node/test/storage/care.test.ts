import { microUsd } from '@stead/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EpochWorld, type WorldMember } from '../epochs/epoch-world.ts'

const TIMEOUT_MS = 180_000
const SHARES = { 'storage.shareGib': '1', 'storage.keepFreeGib': '0' }
const BUYS = { 'storage.profile': '2-of-3', 'storage.spread': false, 'storage.settleSeconds': '3600' }
const BYTES = new Uint8Array(400_000).map((_, place) => place % 251)

describe('a caretaker among daemons', () => {
  const world = new EpochWorld({ epochSeconds: 3600 })
  let payer: WorldMember
  let carer: WorldMember
  beforeAll(async () => {
    await world.start()
    for (const name of ['first', 'second', 'third']) await world.join(name, SHARES)
    carer = await world.join('carer', { 'storage.care': true, 'storage.carePercent': '10' })
    payer = await world.join('payer', BUYS)
    await world.giveDollars(payer.nodeKey.address, 100)
    const client = world.clientOf(payer)
    await client.createBucket('kept')
    const body = async function* () {
      yield BYTES
    }
    await client.putObject({ bucket: 'kept', key: 'object' }, body(), {})
  }, TIMEOUT_MS)
  afterAll(() => world.stop(), TIMEOUT_MS)

  it(
    'is appointed with a budget that is paid ahead, told what is kept, also after a restart, and dismissed',
    async () => {
      const { caretaker: nobody, placement } = await world.clientOf(payer).getStorage()
      expect(nobody).toBeUndefined()
      expect(placement).toMatchObject({ shortSegments: 0, bareSegments: 0, unreadableSegments: 0, dueSegments: 0 })
      expect((await world.clientOf(payer).getStatus()).kept).toEqual(placement)
      expect((await world.clientOf(carer).getStatus()).kept).toBeUndefined()
      await expect(world.clientOf(payer).dismissCaretaker()).rejects.toMatchObject({ code: 'STORAGE_CARE_UNKNOWN' })
      const appointed = await world.until('somebody to offer care', () =>
        world
          .clientOf(payer)
          .appointCaretaker({ budgetMicroUsd: microUsd(50_000n), perDayMicroUsd: microUsd(2000n) })
          .catch(() => undefined),
      )
      expect(appointed).toMatchObject({ node: carer.nodeKey.address, sharePpm: 100_000, budgetMicroUsd: 50_000n })
      const { offers } = await world.clientOf(payer).listCareOffers()
      expect(offers).toMatchObject([{ node: carer.nodeKey.address, sharePpm: 100_000 }])
      expect(appointed.said?.segments).toBeGreaterThan(0)
      const [ward] = (await world.clientOf(carer).getStatus()).wards ?? []
      expect(ward).toMatchObject({
        payer: payer.nodeKey.address,
        segments: appointed.said?.segments,
        pieces: 0,
        budgetMicroUsd: 50_000n,
        spentMicroUsd: 0n,
      })
      payer = await world.restart(payer, BUYS)
      const round = await world.clientOf(payer).runStorageRound()
      expect(round.unrepairedSegments).toBe(0)
      const { caretaker } = await world.clientOf(payer).getStorage()
      expect(caretaker).toMatchObject({ node: carer.nodeKey.address, acceptedMicroUsd: 0n, refusedMicroUsd: 0n })
      expect(caretaker?.heardAt).toBeGreaterThan(appointed.heardAt)
      await world.clientOf(payer).dismissCaretaker()
      expect((await world.clientOf(payer).getStorage()).caretaker).toBeUndefined()
      expect((await world.clientOf(carer).getStatus()).wards).toMatchObject([{ segments: 0 }])
    },
    TIMEOUT_MS,
  )
})
