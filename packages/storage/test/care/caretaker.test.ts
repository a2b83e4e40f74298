import { describe, expect, it } from 'vitest'
import { CareWorld, HASTY, HOUR_MS, KEY } from './care-world.ts'

describe('a caretaker', () => {
  it('brings redundancy back after 30 % of the nodes died while the payer is away, and every reader finds it', async () => {
    const cared = await CareWorld.of({ nodes: 18 })
    const { world } = cared
    expect(cared.status).toMatchObject({ segments: 1, pieces: 0, budgetMicroUsd: 100_000n, spentMicroUsd: 0n })
    await world.closePayer()
    cared.kill(world.sellers.slice(0, 6))
    const left = await cared.kept()
    expect(left).toBeLessThan(12)
    await cared.hours(7)
    expect(await cared.kept()).toBe(12)
    expect(cared.status.pieces).toBe(12 - left)
    // Whoever has the old reference reads, when all that had the pieces at first are gone.
    cared.kill((await cared.holders()).slice(0, left - 2))
    const reader = await world.within(world.addReader())
    expect(await world.within(reader.read(cared.reference, KEY, cared.all))).toEqual(cared.plaintext)
  }, 60_000)

  it('makes everything its own before the nodes of a payer that does not come back give it up', async () => {
    const cared = await CareWorld.of({ nodes: 14 })
    await cared.world.closePayer()
    await cared.hours(7)
    expect(cared.status.pieces).toBe(0)
    await cared.hours(3)
    expect(cared.status.pieces).toBe(12)
    await cared.hours(8)
    const reader = await cared.world.within(cared.world.addReader())
    expect(await cared.world.within(reader.read(cared.reference, KEY, cared.all))).toEqual(cared.plaintext)
  }, 60_000)

  it('does nothing while the payer is there, and looks after what changed', async () => {
    const cared = await CareWorld.of({ nodes: 14 })
    const { world } = cared
    for (let hour = 0; hour < 4; hour++) {
      await cared.hours(1)
      await cared.payerRound()
    }
    expect(cared.status).toMatchObject({ pieces: 0, spentMicroUsd: 0n })
    const second = await world.within(world.payer.segments.put(KEY, cared.plaintext.subarray(0, 300_000)))
    await world.within(world.payer.segments.release(cared.reference))
    await cared.payerRound()
    expect(cared.status).toMatchObject({ segments: 1 })
    await world.closePayer()
    await cared.hours(10)
    expect(cared.status.pieces).toBe(12)
    const reader = await world.within(world.addReader())
    expect(await world.within(reader.read(second, KEY, { fromByte: 0, toByte: 300_000 }))).toHaveLength(300_000)
  }, 60_000)

  it('is paid for what its evidence shows when the payer is back, which takes its pieces over', async () => {
    const cared = await CareWorld.of({ nodes: 14 })
    const { world } = cared
    await world.closePayer()
    await cared.hours(14)
    expect(cared.status.pieces).toBe(12)
    const { spentMicroUsd } = cared.status
    expect(spentMicroUsd).toBeGreaterThan(0n)
    // Gone for longer than nodes wait.
    await cared.hours(4)
    await world.restartPayer(world.payerStore.reopen())
    await cared.payerRound()
    const { appointed } = world.payer.consumer.care
    expect(appointed).toMatchObject({ refusedMicroUsd: 0n, refusal: undefined })
    expect(appointed?.acceptedMicroUsd).toBeGreaterThan(spentMicroUsd)
    const own = (): number => world.payer.consumer.status().reduce((sum, { pieces }) => sum + pieces, 0)
    for (let hour = 0; hour < 3; hour++) {
      await cared.hours(1)
      await cared.payerRound()
    }
    expect(own()).toBe(12)
    expect(cared.status.pieces).toBe(0)
    expect(await cared.kept()).toBe(12)
    // What it did since then is billed as well, and all that it spent was paid ahead.
    expect(world.payer.consumer.care.appointed).toMatchObject({
      acceptedMicroUsd: cared.status.spentMicroUsd,
      refusedMicroUsd: 0n,
    })
    expect(await world.within(world.payer.segments.read(cared.reference, KEY, cared.all))).toEqual(cared.plaintext)
  }, 60_000)

  it('is paid for what its payer deleted and had no time to say before it went away', async () => {
    const quick = { ...HASTY, absentAfterMs: HOUR_MS, takeOverAfterMs: 2 * HOUR_MS }
    const cared = await CareWorld.of({ nodes: 5, profile: { dataPieces: 2, pieces: 3, enough: 3 }, care: quick })
    const { world } = cared
    const second = await world.within(world.payer.segments.put(KEY, cared.plaintext.subarray(0, 300_000)))
    await cared.payerRound()
    expect(cared.status).toMatchObject({ segments: 2 })
    await world.within(world.payer.segments.release(second))
    await world.closePayer()
    await cared.hours(6)
    expect(cared.status.pieces).toBe(6)
    await world.restartPayer(world.payerStore.reopen())
    await cared.payerRound()
    const { appointed } = world.payer.consumer.care
    expect(appointed?.refusedMicroUsd).toBe(0n)
    expect(appointed?.acceptedMicroUsd).toBeGreaterThan(0n)
    // By now it is told, and looked after no more.
    expect(cared.status).toMatchObject({ segments: 1 })
  }, 60_000)

  it('gives nothing up for what its payer said before an absence', async () => {
    const cared = await CareWorld.of({ nodes: 5, profile: { dataPieces: 2, pieces: 3, enough: 3 } })
    await cared.payerRound()
    await cared.world.closePayer()
    await cared.hours(10)
    expect(cared.status.pieces).toBe(3)
    // The payer is back, and has not said yet what it found.
    await cared.orderInPayersName({ isComplete: false })
    await cared.hours(1)
    expect(cared.status.pieces).toBe(3)
  }, 60_000)

  it('goes on where it was after its process died', async () => {
    const cared = await CareWorld.of({ nodes: 14 })
    await cared.world.closePayer()
    await cared.hours(10)
    const before = cared.status
    expect(before.pieces).toBe(12)
    cared.care = await cared.world.restartCaretaker(HASTY)
    expect(cared.status).toMatchObject({ ...before, silentMs: expect.any(Number) })
    await cared.hours(2)
    expect(cared.status.spentMicroUsd).toBeGreaterThan(before.spentMicroUsd)
  }, 60_000)
})
