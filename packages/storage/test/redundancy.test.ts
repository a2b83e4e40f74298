import type { Network } from '@stead/core'
import { decorated, SeededRandom } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { PIECES_PROTOCOL } from '../src/messages.ts'
import { NetworkWorld } from './support/network-world.ts'

const KEY = new Uint8Array(32).fill(9)
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
/** After so long the payers of this world wait for nobody. */
const LOST_AFTER_MS = 2 * HOUR_MS

/** What a payer says of its own segments while nodes go away, so that it is seen before they are gone for good. */
describe('a payer whose nodes go away', () => {
  let world: NetworkWorld
  beforeEach(async () => {
    world = new NetworkWorld({ dataPieces: 2, pieces: 4, enough: 4 })
    for (let number = 0; number < 4; number++) await world.addSeller()
    await world.startPayer()
    await world.within(world.payer.segments.put(KEY, new SeededRandom(11).bytes(30_000)))
    await world.within(world.payer.consumer.look())
  })

  async function lost(count: number) {
    for (const seller of world.sellers.slice(0, count)) world.kill(seller)
    await world.within(world.payer.consumer.look())
    const { consumer } = world.payer
    return { atMs: world.clock.now(), ...(await consumer.placement()) }
  }

  it('says so of no segment that is whole', async () => {
    expect(await lost(0)).toMatchObject({
      segments: 1,
      shortSegments: 0,
      bareSegments: 0,
      unreadableSegments: 0,
      dueSegments: 0,
      repairFrom: undefined,
    })
  })

  it('says how many lack pieces, and when the first of them is repaired', async () => {
    const { atMs, repairFrom, ...found } = await lost(1)
    expect(found).toMatchObject({ shortSegments: 1, bareSegments: 0, unreadableSegments: 0, dueSegments: 0 })
    expect(repairFrom).toBeGreaterThan(atMs + LOST_AFTER_MS - MINUTE_MS)
    expect(repairFrom).toBeLessThanOrEqual(atMs + LOST_AFTER_MS)
  })

  it('says how many can lose no more, and how many cannot be read', async () => {
    expect(await lost(2)).toMatchObject({ shortSegments: 1, bareSegments: 1, unreadableSegments: 0 })
    expect(await lost(3)).toMatchObject({ shortSegments: 1, bareSegments: 1, unreadableSegments: 1 })
  })

  it('says that repair is due once a node is not waited for any more', async () => {
    const { repairFrom } = await lost(1)
    if (repairFrom === undefined) throw new TypeError('it is never repaired')
    while (world.clock.now() <= repairFrom) await world.clock.advance(10 * MINUTE_MS)
    await world.clock.advance(10 * MINUTE_MS)
    expect(await world.payer.consumer.placement()).toMatchObject({
      shortSegments: 1,
      dueSegments: 1,
      repairFrom: undefined,
    })
  })
})

describe('a payer that was restarted', () => {
  it('says what it paid each node before, and how the last settlement ended', async () => {
    const world = new NetworkWorld({ dataPieces: 2, pieces: 3, enough: 3 })
    for (let number = 0; number < 3; number++) await world.addSeller()
    await world.startPayer()
    await world.within(world.payer.segments.put(KEY, new SeededRandom(11).bytes(30_000)))
    await world.clock.advance(3 * HOUR_MS)
    const before = world.payer.consumer.status()
    expect(before.map(({ lastOutcome }) => lastOutcome)).toEqual(['paid', 'paid', 'paid'])
    expect(before.every(({ paidMicroUsd }) => paidMicroUsd >= 2n)).toBe(true)
    await world.restartPayer()
    const now = new Map(world.payer.consumer.status().map((status) => [status.node, status]))
    for (const { node, lastOutcome, paidMicroUsd } of before)
      expect(now.get(node)).toMatchObject({ lastOutcome, paidMicroUsd })
  })

  it('says nothing of a segment whose put was cut off: nothing refers to it, and it is collected as garbage', async () => {
    const cut = new NetworkWorld({ dataPieces: 2, pieces: 4, enough: 4 })
    let isHeld = false
    cut.decoratePayer = (network: Network) =>
      decorated(network, {
        request: (peer, protocol, payload, options) =>
          isHeld && protocol === PIECES_PROTOCOL
            ? new Promise(() => undefined)
            : network.request(peer, protocol, payload, options),
      })
    for (let number = 0; number < 4; number++) await cut.addSeller()
    await cut.startPayer()
    await cut.within(cut.payer.segments.put(KEY, new SeededRandom(11).bytes(30_000)))
    isHeld = true
    void cut.payer.segments.put(KEY, new SeededRandom(12).bytes(30_000))
    await cut.clock.advance(1000)
    await cut.restartPayer()
    isHeld = false
    await cut.within(cut.payer.consumer.look())
    expect(await cut.payer.segments.list(undefined, 10)).toHaveLength(2)
    const whole = { segments: 1, shortSegments: 0, unreadableSegments: 0, dueSegments: 0 }
    expect(await cut.payer.consumer.placement()).toMatchObject(whole)
    expect(await cut.within(cut.payer.consumer.round())).toMatchObject({ repairedSegments: 0, unrepairedSegments: 0 })
  })
})
