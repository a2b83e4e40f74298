import { silentLogger } from '@stead/core'
import { equalBytes } from '@stead/protocol'
import { PathSecret, TreeObjectStore } from '@stead/storage'
import { SeededRandom } from '@stead/testkit'
import { beforeEach, describe, expect, it } from 'vitest'
import { bytesFrom } from './objects/workplace.ts'
import { NetworkWorld } from './support/network-world.ts'

const secret = new PathSecret(new Uint8Array(32).fill(3))
const LATENCY_MS = 20
const LENGTH_BYTES = 3_000_000

describe('the first byte of an object that was read before', () => {
  let world: NetworkWorld
  let objects: TreeObjectStore
  const large = new SeededRandom(4).bytes(LENGTH_BYTES)

  /** A machine with the phrase. */
  function machine(): TreeObjectStore {
    const { consumer, segments } = world.payer
    const { pointers } = consumer
    const ports = { segments, pointers: pointers.open, keepers: pointers.keepers, secret, clock: world.clock }
    return new TreeObjectStore({ ...ports, logger: silentLogger, random: new SeededRandom(1) }, { gatherMs: 0 })
  }

  beforeEach(async () => {
    world = await NetworkWorld.of(14)
    objects = machine()
    await world.within(objects.createBucket('photos'))
    await world.within(objects.put('photos', 'large', [large]))
    world.hub.setDefaultLink({ latencyMs: LATENCY_MS, jitterMs: 0 })
  })

  it('comes after one trip to the nodes: it is asked for while it is asked whether there is a newer object', async () => {
    for (const fromByte of [0, 700_000, LENGTH_BYTES - 1]) {
      const atMs = world.clock.monotonicMs()
      const first = await world.within(
        (async () => {
          const { body } = await objects.get('photos', 'large', { range: { fromByte, toByte: fromByte + 1 } })
          return await bytesFrom(body)
        })(),
      )
      expect(first).toEqual(large.subarray(fromByte, fromByte + 1))
      const trips = (world.clock.monotonicMs() - atMs) / (2 * LATENCY_MS)
      expect(trips).toBeGreaterThan(0.9)
      expect(trips).toBeLessThan(1.5)
    }
  }, 60_000)

  it('is that of the newer object where another machine has written one', async () => {
    const newer = new SeededRandom(5).bytes(LENGTH_BYTES)
    await world.within(machine().put('photos', 'large', [newer]))
    const { body, info } = await world.within(objects.get('photos', 'large'))
    expect(info.lengthBytes).toBe(LENGTH_BYTES)
    expect(equalBytes(await world.within(bytesFrom(body)), newer)).toBe(true)
  }, 60_000)

  it('is of no object where another machine has deleted it', async () => {
    await world.within(machine().delete('photos', 'large'))
    await expect(world.within(objects.get('photos', 'large'))).rejects.toMatchObject({ code: 'STORAGE_OBJECT_UNKNOWN' })
  }, 60_000)
})
