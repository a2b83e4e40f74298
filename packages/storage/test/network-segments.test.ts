import { type Address, CoreError, type Network } from '@stead/core'
import { addressOfPeerId, equalBytes } from '@stead/protocol'
import { decodePossession, encodePossession } from '@stead/storage'
import { decorated, ManualClock, MemoryStore, SeededRandom } from '@stead/testkit'
import { describe, expect, it, vi } from 'vitest'
import { PIECES_PROTOCOL, pieceReplySchema, STORAGE_PROTOCOL, storageReplySchema } from '../src/messages.ts'
import { segmentRowSchema } from '../src/placement/segment-rows.ts'
import { UptimeBook } from '../src/placement/uptime-book.ts'
import { MemoryAdjudicator } from './support/memory-adjudicator.ts'
import { NetworkWorld, type SellingNode } from './support/network-world.ts'
import { type Serve, serving } from './support/serving.ts'

const KEY = new Uint8Array(32).fill(9)
const HOUR_MS = 3_600_000

/** Gives other bytes than it was given. */
const altering = (network: Network): Network =>
  serving(network, PIECES_PROTOCOL, (handler) => async (request) => {
    const reply = pieceReplySchema.decodeMessage(await handler(request))
    return pieceReplySchema.encodeMessage({
      ...reply,
      bytes: reply.bytes.map((byte, place) => (place === 5 ? byte ^ 1 : byte)),
    })
  })

/** Nodes that show other leaves than they signed for. */
const liars = new Set<Address>()

const lying = (network: Network): Network =>
  serving(network, STORAGE_PROTOCOL, (handler) => async (request) => {
    const answer = await handler(request)
    const reply = storageReplySchema.decodeMessage(answer)
    if (reply.proof === undefined || !liars.has(addressOfPeerId(network.self))) return answer
    const proof = decodePossession(reply.proof)
    const leaves = proof.leaves.map((each) => ({ ...each, leaf: { ...each.leaf, leaf: new Uint8Array(32) } }))
    return storageReplySchema.encodeMessage({ ...reply, proof: encodePossession({ ...proof, leaves }) })
  })

/** Never answers. */
const silent = (network: Network): Network =>
  serving(network, PIECES_PROTOCOL, () => () => new Promise(() => undefined))

async function piecesOf(sellers: readonly SellingNode[]): Promise<number> {
  const counts = await Promise.all(sellers.map(async ({ store }) => (await store.scan('storage-pieces')).length))
  return counts.reduce((sum, count) => sum + count, 0)
}

describe('segments on a network', () => {
  it('are read after 30 % of the nodes are gone, and repaired to full', async () => {
    const world = await NetworkWorld.of(18)
    const { segments } = world.payer
    const plaintext = new SeededRandom(1).bytes(700_000)
    const reference = await world.within(segments.put(KEY, plaintext))
    const all = { fromByte: 0, toByte: plaintext.length }
    expect(await world.within(segments.read(reference, KEY, all))).toEqual(plaintext)
    const dead = world.sellers.slice(0, 6)
    for (const seller of dead) world.kill(seller)
    expect(await world.within(segments.read(reference, KEY, all))).toEqual(plaintext)
    const gone = new Set<Address>(dead.map(({ node }) => node))
    const isLost = ({ node }: { readonly node: Address }): boolean => gone.has(node)
    const there = async (): Promise<number> => {
      const [segment] = await Array.fromAsync(segments.all())
      return (segment?.placed ?? []).filter((placed) => !isLost(placed)).length
    }
    const before = await there()
    const made = await world.within(segments.repair(reference, { isLost }))
    expect(before).toBeLessThan(12)
    expect(made).toEqual({ madePieces: 12 - before, missingPieces: 0 })
    expect(await there()).toBe(12)
    expect(await world.within(segments.repair(reference, { isLost }))).toEqual({ madePieces: 0, missingPieces: 0 })
    const part = await world.within(segments.read(reference, KEY, { fromByte: 65_000, toByte: 400_001 }))
    expect(part).toEqual(plaintext.subarray(65_000, 400_001))
  })

  it('are kept when some nodes never answer, and read in spite of those that lie or are silent', async () => {
    const world = new NetworkWorld()
    for (let number = 0; number < 12; number++)
      await world.addSeller(number < 2 ? { decorate: silent } : number < 4 ? { decorate: altering } : {})
    await world.startPayer()
    const { segments } = world.payer
    const plaintext = new SeededRandom(2).bytes(1_200_000)
    const reference = await world.within(segments.put(KEY, plaintext))
    for (const [fromByte, toByte] of [
      [0, plaintext.length],
      [0, 1],
      [plaintext.length - 1, plaintext.length],
      [300_000, 300_000],
      [65_520, 131_041],
    ] as const)
      expect(await world.within(segments.read(reference, KEY, { fromByte, toByte }))).toEqual(
        plaintext.subarray(fromByte, toByte),
      )
  })

  it('are read by many at once: a node with much to do is asked again, and not taken for one that has nothing', async () => {
    const world = new NetworkWorld({ dataPieces: 2, pieces: 3, enough: 3 })
    const slow: Serve = (handler) => async (request) => {
      await world.clock.sleep(100)
      return await handler(request)
    }
    for (let number = 0; number < 3; number++)
      await world.addSeller({ decorate: (network) => serving(network, PIECES_PROTOCOL, slow) })
    await world.startPayer()
    const { segments } = world.payer
    const plaintext = new SeededRandom(3).bytes(20_000)
    const put = Array.from({ length: 12 }, () => segments.put(KEY, plaintext))
    const references = await world.within(Promise.all(put))
    const all = { fromByte: 0, toByte: plaintext.length }
    const reads = references.flatMap((reference) => [1, 2, 3].map(() => segments.read(reference, KEY, all)))
    for (const read of await world.within(Promise.all(reads))) expect(read).toEqual(plaintext)
  })

  it('are kept on others when a node fails while it is sent its piece', async () => {
    const world = new NetworkWorld({ dataPieces: 2, pieces: 3, enough: 3 })
    let refused = 0
    const failing: Serve = () => async () => {
      refused++
      throw new RangeError('the node dies')
    }
    for (let number = 0; number < 5; number++)
      await world.addSeller(number < 2 ? { decorate: (network) => serving(network, PIECES_PROTOCOL, failing) } : {})
    await world.startPayer()
    const { segments } = world.payer
    const plaintext = new SeededRandom(4).bytes(20_000)
    const reference = await world.within(segments.put(KEY, plaintext))
    expect(refused).toBeGreaterThan(0)
    expect(await world.within(segments.read(reference, KEY, { fromByte: 0, toByte: 20_000 }))).toEqual(plaintext)
  })

  it('are kept on others when nodes do not answer any more, however late that is known', async () => {
    const world = new NetworkWorld({ dataPieces: 2, pieces: 3, enough: 3 })
    for (let number = 0; number < 5; number++) await world.addSeller(number < 2 ? { decorate: silent } : {})
    await world.startPayer()
    const { segments } = world.payer
    const plaintext = new SeededRandom(5).bytes(20_000)
    for (let count = 0; count < 3; count++) {
      const reference = await world.within(segments.put(KEY, plaintext), 300_000)
      expect(await world.within(segments.read(reference, KEY, { fromByte: 0, toByte: 20_000 }))).toEqual(plaintext)
    }
  })

  it('are given up as a whole when too few nodes take them, and cost nothing then', async () => {
    const world = new NetworkWorld()
    for (let number = 0; number < 12; number++) await world.addSeller(number < 4 ? { decorate: silent } : {})
    await world.startPayer()
    const put = world.within(world.payer.segments.put(KEY, new Uint8Array(100_000)), 300_000)
    await expect(put).rejects.toMatchObject({ code: 'STORAGE_TOO_FEW_PIECES' })
    await world.clock.advance(2000)
    expect(world.payer.consumer.status().reduce((sum, { pieces }) => sum + pieces, 0)).toBe(0)
  })

  it('are given up by the next round when the payer stopped while it sent them', async () => {
    const world = new NetworkWorld()
    for (let number = 0; number < 12; number++) await world.addSeller(number < 4 ? { decorate: silent } : {})
    await world.startPayer()
    world.payer.segments.put(KEY, new Uint8Array(100_000)).catch(() => undefined)
    await world.clock.advance(2000)
    await world.restartPayer()
    const { consumer, segments } = world.payer
    expect(consumer.status().reduce((sum, { pieces }) => sum + pieces, 0)).toBe(8)
    await world.within(consumer.round())
    await world.clock.advance(5000)
    await world.within(consumer.round())
    expect(consumer.status().reduce((sum, { pieces }) => sum + pieces, 0)).toBe(0)
    expect(await segments.list(undefined, 10)).toEqual([])
    expect(await world.payerStore.scan('storage-segments')).toEqual([])
  })

  it('are given up by the next round when the disk refused to note that they were not kept', async () => {
    const world = new NetworkWorld()
    for (let number = 0; number < 12; number++) await world.addSeller(number < 4 ? { decorate: silent } : {})
    await world.startPayer()
    const { consumer, segments } = world.payer
    const write = world.payerStore.write.bind(world.payerStore)
    let refused = 0
    const refusing = vi.spyOn(world.payerStore, 'write').mockImplementation(async (batch, durability) => {
      const isReleased = batch.some(
        (operation) =>
          operation.kind === 'put' &&
          operation.table === 'storage-segments' &&
          segmentRowSchema.decodeMessage(operation.value).isReleased === true,
      )
      if (!isReleased) return await write(batch, durability)
      refused++
      throw new CoreError('STORE_FAILED', 'the disk had an error')
    })
    const put = world.within(segments.put(KEY, new Uint8Array(100_000)), 300_000)
    await expect(put).rejects.toMatchObject({ code: 'STORE_FAILED' })
    expect(refused).toBeGreaterThan(0)
    refusing.mockRestore()
    await world.within(consumer.round())
    await world.clock.advance(5000)
    await world.within(consumer.round())
    expect(await world.payerStore.scan('storage-segments')).toEqual([])
    expect(consumer.status().reduce((sum, { pieces }) => sum + pieces, 0)).toBe(0)
  })

  it('are kept however often the payer looks for what is to be given up while they are sent', async () => {
    const world = await NetworkWorld.of(12)
    const { segments } = world.payer
    const plaintext = new SeededRandom(11).bytes(50_000)
    let isPut = false
    const looking = (async () => {
      while (!isPut) {
        await segments.finishReleases()
        await world.clock.sleep(1)
      }
    })()
    const references = await world.within(Promise.all([1, 2, 3].map(() => segments.put(KEY, plaintext))))
    isPut = true
    await world.within(looking)
    await segments.finishReleases()
    expect(await segments.list(undefined, 10)).toHaveLength(3)
    for (const reference of references)
      expect(await world.within(segments.read(reference, KEY, { fromByte: 0, toByte: 50_000 }))).toEqual(plaintext)
  })

  it('need nodes of different operators', async () => {
    const world = new NetworkWorld()
    const operator: Address = `0x${'77'.repeat(20)}` as Address
    for (let number = 0; number < 14; number++) await world.addSeller(number < 8 ? { operator } : {})
    await world.startPayer()
    const put = world.within(world.payer.segments.put(KEY, new Uint8Array(1000)))
    await expect(put).rejects.toMatchObject({ code: 'STORAGE_TOO_FEW_NODES', details: { needNodes: 9, haveNodes: 7 } })
  })

  it.each([
    [12, '--no-storage-spread;'],
    [5, '--no-storage-spread --storage-profile 2-of-3;'],
  ])('of which %i are on one machine need no spread, which a person is told', async (count, flags) => {
    const world = new NetworkWorld()
    const addresses = ['/ip4/127.0.0.1/tcp/4001']
    world.hasDistinctSubnets = true
    world.decoratePayer = (network: Network) =>
      decorated(network, { peers: () => network.peers().map((info) => ({ ...info, addresses })) })
    for (let number = 0; number < count; number++) await world.addSeller()
    await world.startPayer()
    await expect(world.within(world.payer.segments.put(KEY, new Uint8Array(1000)))).rejects.toMatchObject({
      code: 'STORAGE_TOO_FEW_NODES',
      details: { needNodes: 9, haveNodes: 1, haveAnywhere: count },
      next: expect.stringContaining(`stead up ${flags}`),
    })
  })

  it('are paid for hour by hour to all who keep them, and no more once they are released', async () => {
    const world = await NetworkWorld.of(12)
    const { segments, consumer, market } = world.payer
    const reference = await world.within(segments.put(KEY, new SeededRandom(3).bytes(4_000_000)))
    await world.clock.advance(HOUR_MS / 2)
    expect(await world.within(consumer.round())).toMatchObject({ outcomes: { paid: 12 }, repairedSegments: 0 })
    await world.within(market.settle())
    for (const seller of world.sellers) {
      const [receipt] = (await seller.market.receipts({})).slice(-1)
      expect(receipt?.increment.deliveredMicroUsd).toBeGreaterThan(0n)
    }
    expect(await piecesOf(world.sellers)).toBe(12)
    await segments.release(reference)
    await world.clock.advance(1000)
    expect(await piecesOf(world.sellers)).toBe(0)
    await world.within(consumer.round())
    await world.clock.advance(HOUR_MS / 2)
    expect(await world.within(consumer.round())).toMatchObject({ outcomes: { 'nothing-due': 12 } })
    const reading = world.within(segments.read(reference, KEY, { fromByte: 0, toByte: 1 }))
    await expect(reading).rejects.toMatchObject({ code: 'STORAGE_SEGMENT_UNKNOWN' })
  })

  it('leave no evidence of what was paid longer ago than a month, also at nodes that nobody pays any more', async () => {
    const world = await NetworkWorld.of(12)
    const { segments, consumer } = world.payer
    await world.within(segments.put(KEY, new SeededRandom(3).bytes(4_000_000)))
    await world.clock.advance(HOUR_MS / 2)
    expect(await world.within(consumer.round())).toMatchObject({ outcomes: { paid: 12 } })
    for (const seller of world.sellers) world.kill(seller)
    const evidence = async () => (await world.payerStore.scan('storage-paid')).length
    world.clock.jumpWall(30 * 24 * HOUR_MS)
    await world.within(consumer.round())
    expect(await evidence()).toBe(12)
    world.clock.jumpWall(2 * 24 * HOUR_MS)
    await world.within(consumer.round())
    expect(await evidence()).toBe(0)
  })

  it('are repaired by themselves when nodes stay away, and not for a short absence', async () => {
    const world = await NetworkWorld.of(18)
    const { segments, consumer } = world.payer
    const plaintext = new SeededRandom(5).bytes(100_000)
    const reference = await world.within(segments.put(KEY, plaintext))
    const [segment] = await Array.fromAsync(segments.all())
    const keepers = new Set((segment?.placed ?? []).map(({ node }) => node))
    const dead = world.sellers.filter(({ node }) => keepers.has(node)).slice(0, 5)
    for (const seller of dead) world.kill(seller)
    await world.clock.advance(600_000)
    expect(await world.within(consumer.round())).toMatchObject({ repairedSegments: 0, unrepairedSegments: 0 })
    await world.clock.advance(3 * HOUR_MS)
    await world.clock.settle()
    const [after] = await Array.fromAsync(segments.all())
    const gone = new Set(dead.map(({ node }) => node))
    expect(after?.placed.length).toBe(12)
    expect(after?.placed.filter(({ node }) => gone.has(node))).toEqual([])
    const all = { fromByte: 0, toByte: plaintext.length }
    expect(await world.within(segments.read(reference, KEY, all))).toEqual(plaintext)
  })

  it('are repaired also by a daemon that never runs for long', async () => {
    const world = await NetworkWorld.of(16)
    await world.within(world.payer.segments.put(KEY, new SeededRandom(10).bytes(40_000)))
    const [segment] = await Array.fromAsync(world.payer.segments.all())
    const keepers = new Set((segment?.placed ?? []).map(({ node }) => node))
    const dead = world.sellers.filter(({ node }) => keepers.has(node)).slice(0, 4)
    for (const seller of dead) world.kill(seller)
    for (let run = 0; run < 3; run++) {
      await world.clock.advance(HOUR_MS - 600_000)
      await world.restartPayer()
    }
    await world.clock.advance(600_000)
    const round = await world.within(world.payer.consumer.round())
    expect([round.repairedSegments, round.repairedPieces, round.missingPieces]).toEqual([1, 4, 0])
  })

  it('are put on nodes that are there, not on those that were away when asked last', async () => {
    const world = await NetworkWorld.of(16)
    const { segments, consumer } = world.payer
    await world.within(segments.put(KEY, new SeededRandom(11).bytes(40_000)))
    const bought = new Set(consumer.status().map(({ node }) => node))
    for (const seller of world.sellers.filter(({ node }) => bought.has(node)).slice(0, 4)) world.kill(seller)
    await world.within(consumer.look())
    const second = await world.within(segments.put(KEY, new SeededRandom(12).bytes(40_000)))
    const found = await Array.fromAsync(segments.all())
    expect(found.find(({ reference }) => equalBytes(reference, second))?.placed).toHaveLength(12)
  })

  it('are not paid for any more after a release that a crash interrupted', async () => {
    const world = await NetworkWorld.of(12)
    const reference = await world.within(world.payer.segments.put(KEY, new SeededRandom(6).bytes(50_000)))
    await world.payer.segments.release(reference)
    // Before any node was told.
    await world.restartPayer()
    const { segments, consumer } = world.payer
    expect(await segments.list(undefined, 10)).toEqual([])
    await world.within(consumer.round())
    await world.clock.advance(5000)
    await world.within(consumer.round())
    expect(consumer.status().reduce((sum, { pieces }) => sum + pieces, 0)).toBe(0)
    expect(await piecesOf(world.sellers)).toBe(0)
    expect(await world.payerStore.scan('storage-segments')).toEqual([])
  })

  it('become whole again as soon as there are nodes enough', async () => {
    const world = await NetworkWorld.of(13)
    const { segments, consumer } = world.payer
    await world.within(segments.put(KEY, new SeededRandom(9).bytes(30_000)))
    const [segment] = await Array.fromAsync(segments.all())
    const keepers = new Set((segment?.placed ?? []).map(({ node }) => node))
    for (const seller of world.sellers.filter(({ node }) => keepers.has(node)).slice(0, 4)) world.kill(seller)
    await world.within(consumer.look())
    await world.clock.advance(2 * HOUR_MS + 60_000)
    const first = await world.within(consumer.round())
    expect([first.missingPieces, first.unrepairedSegments]).toEqual([3, 1])
    for (let number = 0; number < 3; number++) await world.addSeller()
    await world.clock.advance(120_000)
    const second = await world.within(consumer.round())
    expect([second.repairedPieces, second.missingPieces]).toEqual([3, 0])
  })

  it('are read by whoever has reference and key, and found again by a payer that lost its books', async () => {
    const world = await NetworkWorld.of(12)
    const plaintext = new SeededRandom(8).bytes(200_000)
    const all = { fromByte: 0, toByte: plaintext.length }
    const reference = await world.within(world.payer.segments.put(KEY, plaintext))
    const reader = await world.addReader()
    expect(await world.within(reader.read(reference, KEY, all))).toEqual(plaintext)
    await world.restartPayer(new MemoryStore())
    const { segments, consumer } = world.payer
    expect(consumer.status()).toEqual([])
    await world.within(segments.put(KEY, plaintext))
    // The old pieces are in the agreements that were found, and no round gives up what may be all that is left of the books.
    const kept = (): number => consumer.status().reduce((sum, { pieces }) => sum + pieces, 0)
    expect(kept()).toBe(24)
    await world.clock.advance(HOUR_MS / 2)
    await world.within(consumer.round())
    await world.clock.advance(60_000)
    expect(kept()).toBe(24)
    expect(await world.within(reader.read(reference, KEY, all))).toEqual(plaintext)
  })

  it('tell whether half of their pieces are on nodes that are nearly always there', async () => {
    const world = await NetworkWorld.of(12)
    await world.within(world.payer.segments.put(KEY, new SeededRandom(10).bytes(30_000)))
    const placement = () => world.payer.consumer.placement()
    expect(await placement()).toMatchObject({ segments: 1, unsteadySegments: 1, steadyNodes: 0 })
    const seen = async (sellers: readonly SellingNode[]): Promise<void> => {
      const clock = new ManualClock()
      const book = new UptimeBook({ store: world.payerStore, clock }, 2 * HOUR_MS)
      for (let hour = 0; hour < 26; hour++) {
        await book.note(sellers.map(({ node }) => [node, true] as const))
        await clock.advance(HOUR_MS)
      }
      await world.restartPayer()
    }
    await seen(world.sellers.slice(0, 5))
    expect(await placement()).toMatchObject({ segments: 1, unsteadySegments: 1, steadyNodes: 5 })
    await seen(world.sellers.slice(5, 6))
    expect(await placement()).toMatchObject({ segments: 1, unsteadySegments: 0, steadyNodes: 6 })
  })

  it('are paid for at nodes that are paused or full, also by a payer that was started again', async () => {
    const world = new NetworkWorld({ dataPieces: 2, pieces: 3, enough: 3 })
    for (let number = 0; number < 3; number++) await world.addSeller({ capacityBytes: 200_000 })
    await world.startPayer()
    await world.within(world.payer.segments.put(KEY, new SeededRandom(12).bytes(200_000)))
    for (const { storage } of world.sellers) expect(storage.status().liveBytes).toBeGreaterThan(100_000)
    await world.clock.advance(HOUR_MS / 2)
    expect(await world.within(world.payer.consumer.round())).toMatchObject({ outcomes: { paid: 3 } })
    for (const { storage } of world.sellers) storage.pause()
    await world.restartPayer()
    await world.clock.advance(HOUR_MS / 2)
    expect(await world.within(world.payer.consumer.round())).toMatchObject({ outcomes: { paid: 3 } })
  })

  it('have a node that lied asked on chain, with what both signed, and free it of nothing until that is over', async () => {
    const world = new NetworkWorld({ dataPieces: 2, pieces: 3, enough: 3 })
    world.court = new MemoryAdjudicator(world.clock, 3 * HOUR_MS)
    for (let number = 0; number < 5; number++) await world.addSeller({ decorate: lying })
    await world.startPayer()
    const { segments, consumer } = world.payer
    await world.within(segments.put(KEY, new SeededRandom(11).bytes(30_000)))
    await world.clock.advance(HOUR_MS / 2)
    const [liar] = consumer.status()
    if (liar === undefined) throw new TypeError('nobody keeps anything')
    liars.add(liar.node)
    const round = await world.within(consumer.round())
    expect(round).toMatchObject({ outcomes: { lied: 1, paid: 2 }, repairedPieces: 1 })
    expect(consumer.challenger?.list()).toMatchObject([{ node: liar.node, why: 'lied', state: 'waiting' }])
    // It shows everything again, and would like to be freed by a revision without pieces.
    liars.delete(liar.node)
    const piecesOfLiar = (): number | undefined => consumer.status().find(({ node }) => node === liar.node)?.pieces
    await world.clock.advance(HOUR_MS)
    await world.within(consumer.round())
    expect(piecesOfLiar()).toBe(1)
    await world.clock.advance(3 * HOUR_MS)
    expect(consumer.challenger?.list()).toMatchObject([{ state: 'missed' }])
    await world.within(consumer.round())
    await world.clock.advance(60_000)
    expect(piecesOfLiar()).toBe(0)
  })

  it('are there after the payer was killed', async () => {
    const world = await NetworkWorld.of(12)
    const plaintext = new SeededRandom(4).bytes(300_000)
    const reference = await world.within(world.payer.segments.put(KEY, plaintext))
    await world.restartPayer()
    const { segments, consumer } = world.payer
    const all = { fromByte: 0, toByte: plaintext.length }
    expect(await world.within(segments.read(reference, KEY, all))).toEqual(plaintext)
    await world.clock.advance(HOUR_MS / 2)
    expect(await world.within(consumer.round())).toMatchObject({ outcomes: { paid: 12 } })
    expect((await segments.list(undefined, 10)).map((each) => each.reference)).toEqual([reference])
  })
})
