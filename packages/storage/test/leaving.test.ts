import type { Address } from '@stead/core'
import type { SegmentProfile } from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { NetworkWorld, type SellingNode } from './support/network-world.ts'

const KEY = new Uint8Array(32).fill(9)
const HOUR_MS = 3_600_000
/** Nodes offer anew after a minute and a half. */
const OFFERED_AGAIN_MS = 120_000
const PLAINTEXT = new SeededRandom(1).bytes(700_000)
/** Killed many times over: small worlds are soon made. */
const SMALL: SegmentProfile = { dataPieces: 2, pieces: 4, enough: 4 }
const ALL = { fromByte: 0, toByte: PLAINTEXT.length }

const piecesLeft = (seller: SellingNode): number | undefined => seller.storage.status().leaving?.piecesLeft

/** A segment on some of the nodes; two of those want to go. */
async function begun(nodes: number, profile?: SegmentProfile) {
  const world = await NetworkWorld.of(nodes, profile)
  const reference = await world.within(world.payer.segments.put(KEY, PLAINTEXT))
  const [segment] = await Array.fromAsync(world.payer.segments.all())
  const keepers = new Set<Address>(segment?.placed.map(({ node }) => node))
  const leaving = world.sellers.filter(({ node }) => keepers.has(node)).slice(0, 2)
  for (const seller of leaving) await seller.storage.leave()
  await world.clock.advance(HOUR_MS / 2)
  const read = () => world.within(world.payer.segments.read(reference, KEY, ALL))
  const kept = () => world.sellers.reduce((sum, { storage }) => sum + storage.status().agreedBytes, 0)
  return { world, leaving, read, kept }
}

describe('a node whose operator wants to go', () => {
  it('hands its pieces over, is paid for all of its time, and says from when on it may be gone', async () => {
    const { world, leaving, read, kept } = await begun(15)
    const before = kept()
    expect(leaving.map(piecesLeft)).toEqual([1, 1])
    const round = await world.within(world.payer.consumer.round())
    expect(round).toMatchObject({
      repairedPieces: 2,
      missingPieces: 0,
      leavingNodes: 0,
      outcomes: { lost: 0, lied: 0 },
    })
    for (const seller of leaving) {
      const { leaving: progress } = seller.storage.status()
      expect(progress).toMatchObject({ piecesAtFirst: 1, piecesLeft: 0, bytesLeft: 0, agreementsLeft: 0 })
      expect(progress?.answerableUntil).toBeGreaterThan(world.clock.now() + 9 * 24 * HOUR_MS)
    }
    expect(kept()).toBe(before)
    await world.within(world.payer.market.settle())
    for (const seller of leaving) {
      const [receipt] = (await seller.market.receipts({})).slice(-1)
      expect(receipt?.increment.deliveredMicroUsd).toBeGreaterThan(0n)
      world.kill(seller)
    }
    expect(await read()).toEqual(PLAINTEXT)
    await world.clock.advance(HOUR_MS)
    expect(await world.within(world.payer.consumer.round())).toMatchObject({ repairedPieces: 0, missingPieces: 0 })
  })

  it('takes nothing new meanwhile, and everything again when it stays after all', async () => {
    const { world, leaving } = await begun(12)
    const [seller] = leaving
    expect(seller?.storage.offerTerms()).toBeUndefined()
    const second = world.within(world.payer.segments.put(KEY, PLAINTEXT.subarray(0, 1000)))
    await second
    expect(leaving.map(piecesLeft)).toEqual([1, 1])
    for (const { storage } of leaving) await storage.stay()
    expect(seller?.storage.offerTerms()).toBeDefined()
    expect(await world.within(world.payer.consumer.round())).toMatchObject({ leavingNodes: 0 })
    expect(seller?.storage.status()).toMatchObject({ state: 'running', leaving: undefined })
  })

  it('is used again by a payer that moved everything away, as soon as it says that it stays', async () => {
    const { world, leaving, read } = await begun(6, SMALL)
    await world.within(world.payer.consumer.round())
    expect(leaving.map(piecesLeft)).toEqual([0, 0])
    for (const { storage } of leaving) await storage.stay()
    await world.within(world.payer.consumer.look())
    // The two that are left of the others are not enough.
    const others = world.sellers.filter((seller) => !leaving.includes(seller))
    for (const seller of others.slice(0, 2)) world.kill(seller)
    await world.within(world.payer.consumer.look())
    await world.within(world.payer.segments.put(KEY, PLAINTEXT))
    for (const { storage } of leaving) expect(storage.status().agreedBytes).toBeGreaterThan(0)
    expect(await read()).toEqual(PLAINTEXT)
  })

  it('is used again by a payer that it refused, as soon as it offers something again', async () => {
    const world = await NetworkWorld.of(4, SMALL)
    const [seller] = world.sellers
    await world.clock.advance(OFFERED_AGAIN_MS)
    await seller?.storage.leave()
    await expect(world.within(world.payer.segments.put(KEY, PLAINTEXT))).rejects.toMatchObject({
      code: 'STORAGE_TOO_FEW_NODES',
    })
    await seller?.storage.stay()
    await world.clock.advance(OFFERED_AGAIN_MS)
    await world.within(world.payer.segments.put(KEY, PLAINTEXT))
    expect(seller?.storage.status().agreedBytes).toBeGreaterThan(0)
  })

  it('keeps what there is no other node for, until there is one', async () => {
    const { world, leaving, read } = await begun(13)
    const first = await world.within(world.payer.consumer.round())
    expect(first).toMatchObject({ repairedPieces: 1, missingPieces: 1, leavingNodes: 1 })
    expect(leaving.map(piecesLeft).sort()).toEqual([0, 1])
    expect(await read()).toEqual(PLAINTEXT)
    await world.addSeller()
    await world.clock.advance(120_000)
    expect(await world.within(world.payer.consumer.round())).toMatchObject({ repairedPieces: 1, leavingNodes: 0 })
    expect(leaving.map(piecesLeft)).toEqual([0, 0])
  })

  it('loses nothing and leaves nothing twice when the payer is killed at any of its writes', async () => {
    const whole = await begun(6, SMALL)
    const first = whole.world.payerStore.writeCount
    await whole.world.within(whole.world.payer.consumer.round())
    const writes = whole.world.payerStore.writeCount - first
    expect(writes).toBeGreaterThan(10)
    const last = Array.from({ length: 7 }, (_, place) => writes - place)
    for (const write of [Math.ceil(writes / 2), ...last]) {
      const { world, leaving, read, kept } = await begun(6, SMALL)
      const before = kept()
      world.payerStore.crashAtWrite(write, write % 2 === 0 ? 'before' : 'after')
      const round = world.payer.consumer.round().then(() => 'whole')
      const end = await world.within(Promise.race([round, world.payerStore.crashed.then(() => 'killed')]))
      expect([write, end]).toEqual([write, 'killed'])
      await world.restartPayer()
      for (let again = 0; again < 2; again++) {
        await world.clock.advance(HOUR_MS / 2)
        await world.within(world.payer.consumer.round())
      }
      expect([write, leaving.map(piecesLeft), kept()]).toEqual([write, [0, 0], before])
      expect(await read()).toEqual(PLAINTEXT)
    }
  }, 60_000)
})
