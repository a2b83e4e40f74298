import { address, silentLogger } from '@stead/core'
import { nobleSecp256k1 } from '@stead/protocol'
import { PathSecret, registerOf, TreeObjectStore } from '@stead/storage'
import { MemoryStore, SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { bytesFrom } from './objects/workplace.ts'
import { NetworkWorld, type SellingNode, type StoringPayer } from './support/network-world.ts'

const secret = new PathSecret(new Uint8Array(32).fill(3))
const HOUR_MS = 3_600_000
const PAYER = { payer: address(`0x${'12'.repeat(20)}`), privateKey: new Uint8Array(32).fill(200) }

function objectsOf(world: NetworkWorld, { consumer, segments }: StoringPayer): TreeObjectStore {
  const { clock } = world
  const { pointers } = consumer
  const ports = {
    segments,
    pointers: pointers.open,
    keepers: pointers.keepers,
    secret,
    clock,
    payer: PAYER,
    logger: silentLogger,
  }
  return new TreeObjectStore({ ...ports, random: new SeededRandom(1) }, { gatherMs: 0 })
}

async function referencesOf(objects: TreeObjectStore): Promise<readonly Uint8Array[]> {
  const references: Uint8Array[] = []
  await objects.forEachSegment((reference) => void references.push(reference))
  return references
}

async function piecesOf(world: NetworkWorld): Promise<number> {
  return world.payer.consumer.status().reduce((sum, { pieces }) => sum + pieces, 0)
}

describe('a payer whose disk is gone', () => {
  it('reads, pays, repairs and deletes again with its phrase and its key', async () => {
    const world = await NetworkWorld.of(14)
    const before = objectsOf(world, world.payer)
    await world.within(before.createBucket('photos'))
    const large = new SeededRandom(4).bytes(2_500_000)
    await world.within(before.put('photos', 'large', [large]))
    await world.within(before.put('photos', 'small', [Uint8Array.of(1, 2, 3)]))
    const kept = await piecesOf(world)
    await world.restartPayer(new MemoryStore())
    expect(world.payer.consumer.status()).toEqual([])
    const after = objectsOf(world, world.payer)
    expect((await world.within(after.buckets())).map(({ name }) => name)).toEqual(['photos'])
    expect(await world.within(referencesOf(after).then((list) => list.length))).toBeGreaterThan(2)
    const recovered = await world.within(world.payer.consumer.recover(await world.within(referencesOf(after))))
    expect(recovered).toMatchObject({ silentNodes: 0 })
    expect(recovered.nodes).toBeGreaterThanOrEqual(12)
    await world.clock.settle()
    expect(await piecesOf(world)).toBeLessThanOrEqual(kept)
    expect(await world.within(after.get('photos', 'large').then(({ body }) => bytesFrom(body)))).toEqual(large)
    await world.clock.advance(HOUR_MS)
    const round = await world.within(world.payer.consumer.round())
    expect(round.outcomes).toMatchObject({ offline: 0, lost: 0, lied: 0 })
    expect(round.outcomes.paid).toBe(recovered.nodes)
    await world.within(after.put('photos', 'new', [large.subarray(0, 300_000)]))
    const held = await piecesOf(world)
    await world.within(after.delete('photos', 'large'))
    await world.clock.advance(HOUR_MS)
    await world.within(after.collect())
    await world.within(world.payer.consumer.round())
    expect(await piecesOf(world)).toBeLessThan(held)
  }, 60_000)

  it('finds what repairs have moved away from all nodes that it was on at first', async () => {
    const world = await NetworkWorld.of(12)
    const before = objectsOf(world, world.payer)
    await world.within(before.createBucket('photos'))
    const large = new SeededRandom(4).bytes(400_000)
    await world.within(before.put('photos', 'large', [large]))
    const first = world.sellers.map(({ node }) => node)
    for (let number = 0; number < 12; number++) await world.addSeller()
    for (const half of [new Set(first.slice(0, 6)), new Set(first.slice(6))])
      for (const { reference } of await Array.fromAsync(world.payer.segments.all()))
        await world.within(world.payer.segments.repair(reference, { isLost: ({ node }) => half.has(node) }))
    await world.clock.advance(HOUR_MS / 4)
    await world.restartPayer(new MemoryStore())
    const after = objectsOf(world, world.payer)
    // The key is in the root, and brings the rest.
    expect((await world.within(after.payers())).map(({ privateKey }) => privateKey)).toEqual([PAYER.privateKey])
    await expect(world.within(after.buckets())).rejects.toMatchObject({ code: 'STORAGE_TOO_FEW_PIECES' })
    expect(await world.within(world.payer.consumer.recall())).toEqual([])
    expect(await world.within(after.get('photos', 'large').then(({ body }) => bytesFrom(body)))).toEqual(large)
    const recovered = await world.within(world.payer.consumer.recover(await world.within(referencesOf(after))))
    expect(recovered).toMatchObject({ droppedPieces: 0, silentNodes: 0 })
    expect(await world.within(after.get('photos', 'large').then(({ body }) => bytesFrom(body)))).toEqual(large)
  }, 60_000)

  it('has its pointers kept by others when four of their seven keepers are gone at once', async () => {
    const world = await NetworkWorld.of(22)
    const objects = objectsOf(world, world.payer)
    await world.within(objects.createBucket('photos'))
    await world.within(objects.put('photos', 'a', [Uint8Array.of(1)]))
    const keeping = await Promise.all(
      world.sellers.map(async (seller) => ({ seller, rows: await seller.store.scan('storage-registers') })),
    )
    const keepers = keeping.filter(({ rows }) => rows.length > 0).map(({ seller }) => seller)
    for (const seller of keepers.slice(0, Math.min(4, keepers.length))) world.kill(seller)
    const [first] = (await world.within(objects.list('photos', { limit: 10 }))).objects
    expect(first?.key).toBe('a')
    await world.within(world.payer.consumer.look())
    await world.clock.advance(3 * HOUR_MS)
    await world.within(world.payer.consumer.look())
    await world.within(world.payer.consumer.round())
    await world.within(objects.put('photos', 'b', [Uint8Array.of(2)]))
    const other = objectsOf(world, await world.addMachine())
    const found = await world.within(other.list('photos', { limit: 10 }))
    expect(found.objects.map(({ key }) => key)).toEqual(['a', 'b'])
  }, 60_000)

  it('is back by the phrase though four of seven keepers died with it, when they are said to be gone for good', async () => {
    const world = await NetworkWorld.of(24)
    const before = objectsOf(world, world.payer)
    await world.within(before.createBucket('photos'))
    await world.within(before.put('photos', 'a', [Uint8Array.of(1)]))
    const holders = new Map<string, SellingNode[]>()
    for (const seller of world.sellers)
      for (const { key } of await seller.store.scan('storage-registers'))
        holders.set(key, [...(holders.get(key) ?? []), seller])
    await world.closePayer()
    const killed: SellingNode[] = []
    // Three of each are left.
    for (const keepers of holders.values())
      for (const seller of keepers)
        if (
          [...holders.values()].every(
            (each) => each.filter((one) => one === seller || killed.includes(one)).length <= 4,
          )
        )
          killed.push(seller)
    for (const seller of new Set(killed)) world.kill(seller)
    await world.restartPayer(new MemoryStore())
    const after = objectsOf(world, world.payer)
    // Not what one of them happens to know: a catalogue without the bucket.
    await expect(world.within(after.payers())).rejects.toMatchObject({ code: 'STORAGE_ROOT_AWAY' })
    world.payer.consumer.pointers.takeAbsentForGone()
    expect(await world.within(after.payers())).toHaveLength(1)
    expect((await world.within(after.list('photos', { limit: 10 }))).objects.map(({ key }) => key)).toEqual(['a'])
    await world.within(after.put('photos', 'b', [Uint8Array.of(2)]))
    const other = objectsOf(world, await world.addMachine())
    const found = await world.within(other.list('photos', { limit: 10 }))
    expect(found.objects.map(({ key }) => key)).toEqual(['a', 'b'])
  }, 60_000)

  it('has its pointers looked after by another machine, which has no agreement with their keepers', async () => {
    const world = await NetworkWorld.of(26)
    const first = objectsOf(world, world.payer)
    await world.within(first.createBucket('photos'))
    await world.within(first.put('photos', 'a', [Uint8Array.of(1)]))
    const catalogue = registerOf(nobleSecp256k1, secret.key('pointer')).slice(2)
    const keepers: SellingNode[] = []
    for (const seller of world.sellers)
      if ((await seller.store.scan('storage-registers')).some(({ key }) => key !== catalogue)) keepers.push(seller)
    expect(keepers).toHaveLength(7)
    await world.payer.consumer.stop()
    const machine = await world.addMachine()
    const second = objectsOf(world, machine)
    await world.within(second.put('photos', 'b', [Uint8Array.of(2)]))
    const known = new Set(machine.consumer.status().map(({ node }) => node))
    const strange = keepers.filter(({ node }) => !known.has(node)).slice(0, 2)
    expect(strange).toHaveLength(2)
    for (const seller of strange) world.kill(seller)
    await world.within(machine.consumer.look())
    await world.clock.advance(3 * HOUR_MS)
    await world.within(machine.consumer.look())
    await world.within(machine.consumer.round())
    const [next] = keepers.filter((seller) => !strange.includes(seller))
    if (next !== undefined) world.kill(next)
    await world.within(second.put('photos', 'c', [Uint8Array.of(3)]))
    await machine.consumer.stop()
  }, 60_000)
})

describe('two machines with one phrase', () => {
  it('see at once what the other wrote, and both write', async () => {
    const world = await NetworkWorld.of(14)
    const one = objectsOf(world, world.payer)
    await world.within(one.createBucket('shared'))
    await world.within(one.put('shared', 'from one', [Uint8Array.of(1)]))
    const two = objectsOf(world, await world.addMachine())
    const keys = async (objects: TreeObjectStore): Promise<readonly string[]> =>
      (await world.within(objects.list('shared', { limit: 10 }))).objects.map(({ key }) => key)
    expect(await keys(two)).toEqual(['from one'])
    await world.within(two.put('shared', 'from two', [Uint8Array.of(2)]))
    expect(await keys(one)).toEqual(['from one', 'from two'])
    const together = [one.put('shared', 'x', [Uint8Array.of(3)]), two.put('shared', 'y', [Uint8Array.of(4)])]
    await world.within(Promise.all(together))
    expect(await keys(one)).toEqual(['from one', 'from two', 'x', 'y'])
    expect(await keys(two)).toEqual(['from one', 'from two', 'x', 'y'])
  }, 60_000)
})
