import { SeededRandom } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { NetworkWorld } from './support/network-world.ts'

const KEY = new Uint8Array(32).fill(9)
const WHOLE = { fromByte: 0, toByte: 30_000 }
const HOUR_MS = 3_600_000

/** A machine whose place another one took, which kept something with its key since. */
async function oldMachine() {
  const world = await NetworkWorld.of(3, { dataPieces: 2, pieces: 3, enough: 3 })
  const bytes = (seed: number): Uint8Array => new SeededRandom(seed).bytes(30_000)
  const before = await world.within(world.payer.segments.put(KEY, bytes(1)))
  await world.closePayer()
  const [old, recovered] = [world.payerStore.reopen(), world.payerStore.reopen()]
  world.payerStore = recovered
  await world.startPayer()
  const after = await world.within(world.payer.segments.put(KEY, bytes(2)))
  await world.closePayer()
  world.payerStore = old
  await world.startPayer()
  return { world, before, after, bytes }
}

const TAKEN = { code: 'STORAGE_PLACE_TAKEN', next: expect.stringContaining('Stop this machine for good') }

describe('a machine whose place was taken', () => {
  it('is told so when it meets what the other one kept, also where most nodes are away', async () => {
    const { world, after } = await oldMachine()
    for (const seller of world.sellers.slice(1)) world.kill(seller)
    await expect(world.within(world.payer.segments.read(after, KEY, WHOLE))).rejects.toMatchObject(TAKEN)
  })

  it('is told so still when its agreements have gone on from those of the other one', async () => {
    const { world, before, after, bytes } = await oldMachine()
    await world.clock.advance(HOUR_MS)
    for (let round = 0; round < 2; round++) await world.within(world.payer.consumer.round())
    expect(await world.within(world.payer.segments.read(before, KEY, WHOLE))).toEqual(bytes(1))
    for (const seller of world.sellers) world.kill(seller)
    await expect(world.within(world.payer.segments.read(after, KEY, WHOLE))).rejects.toMatchObject(TAKEN)
  })

  it('hears that it may be so where no node can be asked', async () => {
    const { world, after } = await oldMachine()
    for (const seller of world.sellers) world.kill(seller)
    await expect(world.within(world.payer.segments.read(after, KEY, WHOLE))).rejects.toMatchObject({
      code: 'STORAGE_SEGMENT_UNKNOWN',
      next: expect.stringContaining('taken the place of this one'),
    })
  })
})

describe('a segment that this machine released', () => {
  it('is not kept any more, while nodes are told of it and afterwards', async () => {
    const world = await NetworkWorld.of(3, { dataPieces: 2, pieces: 3, enough: 3 })
    const { segments } = world.payer
    const reference = await world.within(segments.put(KEY, new SeededRandom(1).bytes(30_000)))
    const gone = { code: 'STORAGE_SEGMENT_UNKNOWN' }
    await segments.release(reference)
    await expect(world.within(segments.read(reference, KEY, WHOLE))).rejects.toMatchObject(gone)
    await world.clock.advance(60_000)
    for (let time = 0; time < 3; time++) await world.within(segments.finishReleases())
    await expect(world.within(segments.read(reference, KEY, WHOLE))).rejects.toMatchObject(gone)
    await world.restartPayer()
    await expect(world.within(world.payer.segments.read(reference, KEY, WHOLE))).rejects.toMatchObject(gone)
  })
})
