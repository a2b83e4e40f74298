import type { CrashMoment } from '@stead/testkit'
import { describe, expect, it } from 'vitest'
import { CareWorld, HASTY, HOUR_MS, KEY } from './care-world.ts'

const QUICK = { ...HASTY, absentAfterMs: HOUR_MS, takeOverAfterMs: 2 * HOUR_MS }
/** What an absence and a return come to. */
interface Outcome {
  readonly accepted: bigint
  readonly refused: bigint
  readonly spent: bigint
}

async function absent(): Promise<CareWorld> {
  const cared = await CareWorld.of({
    nodes: 5,
    profile: { dataPieces: 2, pieces: 3, enough: 3 },
    care: QUICK,
  })
  await cared.world.closePayer()
  return cared
}

/** The payer comes back, and both go on until nothing is open between them. */
async function settled(cared: CareWorld): Promise<Outcome> {
  for (let hour = 0; hour < 3; hour++) {
    await cared.hours(1)
    await cared.payerRound()
  }
  const { appointed } = cared.world.payer.consumer.care
  expect(await cared.world.within(cared.world.payer.segments.read(cared.reference, KEY, cared.all))).toEqual(
    cared.plaintext,
  )
  expect(await cared.kept()).toBe(3)
  expect(cared.status.pieces).toBe(0)
  const { acceptedMicroUsd: accepted = 0n, refusedMicroUsd: refused = 0n } = appointed ?? {}
  return { accepted, refused, spent: cared.status.spentMicroUsd }
}

describe('care over crashes', () => {
  it('spends, bills and is paid for once what the caretaker did, wherever its process dies', async () => {
    const whole = await absent()
    const first = whole.care.store.writeCount
    await whole.hours(6)
    const writes = whole.care.store.writeCount - first
    expect(writes).toBeGreaterThan(20)
    for (let point = 0; point < 7; point++) {
      const cared = await absent()
      const moment: CrashMoment = point % 2 === 0 ? 'before' : 'after'
      cared.care.store.crashAtWrite(1 + Math.floor((point * writes) / 7), moment)
      for (let hour = 0; hour < 7; hour++) {
        const { caretaker, store } = cared.care
        await cared.world.clock.advance(HOUR_MS)
        const isAlive =
          (await cared.untilDone(caretaker.look(), store)) && (await cared.untilDone(caretaker.round(), store))
        if (!isAlive) cared.care = await cared.world.restartCaretaker(QUICK)
      }
      expect(cared.status.pieces).toBe(3)
      await cared.world.restartPayer(cared.world.payerStore.reopen())
      const { accepted, refused, spent } = await settled(cared)
      expect({ point, refused, open: spent - accepted }).toEqual({ point, refused: 0n, open: 0n })
      expect(accepted).toBeGreaterThan(0n)
    }
  }, 180_000)

  it('accepts each bill once, wherever the payer dies while it is back', async () => {
    const counted = await absent()
    await counted.hours(6)
    await counted.world.restartPayer(counted.world.payerStore.reopen())
    const first = counted.world.payerStore.writeCount
    await counted.payerRound()
    const writes = counted.world.payerStore.writeCount - first
    expect(writes).toBeGreaterThan(10)
    for (let point = 0; point < 6; point++) {
      const cared = await absent()
      await cared.hours(6)
      await cared.world.restartPayer(cared.world.payerStore.reopen())
      cared.world.payerStore.crashAtWrite(1 + Math.floor((point * writes) / 6), point % 2 === 0 ? 'after' : 'before')
      await cared.untilDone(cared.world.payer.consumer.round(), cared.world.payerStore)
      if (cared.world.payerStore.isCrashed) await cared.world.restartPayer(cared.world.payerStore.reopen())
      const { accepted, refused, spent } = await settled(cared)
      expect({ point, refused, open: spent - accepted }).toEqual({ point, refused: 0n, open: 0n })
    }
  }, 180_000)
})
