import { address, silentLogger } from '@stead/core'
import { addressOfPublicKey, bytesToHex } from '@stead/protocol'
import { PathSecret, TreeObjectStore } from '@stead/storage'
import { MemoryStore, SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { bytesFrom } from '../objects/workplace.ts'
import type { NetworkWorld, StoringPayer } from '../support/network-world.ts'
import { CareWorld } from './care-world.ts'

const PAYER = { payer: address(`0x${'12'.repeat(20)}`), privateKey: new Uint8Array(32).fill(200) }

function objectsOf(world: NetworkWorld, { consumer, segments }: StoringPayer): TreeObjectStore {
  const { clock } = world
  const { pointers } = consumer
  const ports = {
    segments,
    pointers: pointers.open,
    keepers: pointers.keepers,
    secret: new PathSecret(new Uint8Array(32).fill(3)),
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

describe('a recovery phrase on a new machine', () => {
  it('reads all of a payer that stopped, after 30 % of the nodes died at once and the caretaker made it whole', async () => {
    const cared = await CareWorld.of({ nodes: 20 })
    const { world } = cared
    const before = objectsOf(world, world.payer)
    await world.within(before.createBucket('photos'))
    const large = new SeededRandom(4).bytes(2_500_000)
    await world.within(before.put('photos', 'large', [large]))
    await world.within(before.put('photos', 'small', [Uint8Array.of(1, 2, 3)]))
    await cared.payerRound()
    // Of a root's seven keepers five must be left, whoever looks after the pieces.
    const keepers = new Set((await world.payer.consumer.pointers.keepersNow()).map(addressOfPublicKey))
    await world.closePayer()
    const spare = world.sellers.filter(({ node }) => !keepers.has(node))
    const kept = world.sellers.filter(({ node }) => keepers.has(node))
    const victims = [...kept.slice(0, 2), ...spare].slice(0, 6)
    expect(victims.length / world.sellers.length).toBe(0.3)
    cared.kill(victims)
    expect(await cared.kept()).toBeLessThan(12)
    // The nodes that live give up what nobody pays for; all of it is the caretaker's by then.
    await cared.hours(20)
    expect(await cared.kept()).toBe(12)
    const { pieces } = cared.status
    const segments = cared.care.caretaker.status()[0]?.segments ?? 0
    expect(segments).toBeGreaterThan(3)
    expect(pieces).toBe(12 * segments)
    await world.restartPayer(new MemoryStore())
    const after = objectsOf(world, world.payer)
    await world.within(world.payer.consumer.recall())
    expect((await world.within(after.buckets())).map(({ name }) => name)).toEqual(['photos'])
    expect(await world.within(after.get('photos', 'large').then(({ body }) => bytesFrom(body)))).toEqual(large)
    const small = await world.within(after.get('photos', 'small').then(({ body }) => bytesFrom(body)))
    expect(small).toEqual(Uint8Array.of(1, 2, 3))
    // With its books made again, the next round has everything in agreements of the payer's own.
    await world.within(world.payer.consumer.recover(await world.within(referencesOf(after))))
    for (let hour = 0; hour < 2; hour++) {
      await cared.hours(1)
      await cared.payerRound()
    }
    const own = world.payer.consumer.status().reduce((sum, each) => sum + each.pieces, 0)
    const referred = new Set((await world.within(referencesOf(after))).map(bytesToHex))
    expect(own).toBe(12 * referred.size)
  }, 120_000)
})
