import { AgreementDriver } from '@stead/storage'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { agreementOfKey, BOUGHT_TABLE, decodeBoughtRow } from '../src/consumer/bought-rows.ts'
import { pieceOf, TradeWorld } from './support/trade-world.ts'

const HOUR_MS = 3_600_000

describe('an agreement over crashes', () => {
  /** What one life of both sides does: agrees, lets an hour pass, pays, changes, pays. */
  async function life(world: TradeWorld, step: (action: () => Promise<unknown>) => Promise<void>): Promise<void> {
    // The second one comes in parts.
    const [first, second] = [pieceOf(1, 65_536), pieceOf(2, 131_072)]
    const state: { driver?: AgreementDriver } = {}
    const driver = async (): Promise<AgreementDriver> => {
      const rows = await world.payerStore.scan(BOUGHT_TABLE)
      const [row] = rows
      if (row === undefined) {
        state.driver = await world.agreement(await world.channel())
        return state.driver
      }
      return await AgreementDriver.load(world.driverParts(), agreementOfKey(row.key), decodeBoughtRow(row.value))
    }
    const open = async (): Promise<AgreementDriver> => {
      const found = await driver()
      await world.within(found.open(await world.channel()))
      return found
    }
    await step(open)
    await step(async () => world.keep(await open(), await world.channel(), first))
    await world.clock.advance(HOUR_MS)
    await step(async () => expectPaid(await world.within((await open()).settle(await world.channel()))))
    await step(async () => world.keep(await open(), await world.channel(), second))
    await world.clock.advance(HOUR_MS)
    await step(async () => world.within((await open()).agree(await world.channel(), { drop: [first.piece] })))
    await step(async () => expectPaid(await world.within((await open()).settle(await world.channel()))))
  }

  function expectPaid(outcome: { readonly kind: string }): void {
    if (outcome.kind !== 'paid' && outcome.kind !== 'nothing-due') throw new Error(`not paid: ${outcome.kind}`)
  }

  async function stepsOf(): Promise<Readonly<Record<'payerStore' | 'nodeStore' | 'disk', number>>> {
    const world = await TradeWorld.started()
    await life(world, async (action) => void (await action()))
    const { payerStore, nodeStore, disk } = world
    return { payerStore: payerStore.writeCount, nodeStore: nodeStore.writeCount, disk: disk.stepCount }
  }

  const moments = fc.record({
    side: fc.constantFrom('payerStore' as const, 'nodeStore' as const, 'disk' as const),
    share: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
    moment: fc.constantFrom('before' as const, 'after' as const),
  })

  it('bills no second twice and forgets none, wherever one of them dies', async () => {
    const counts = await stepsOf()
    await fc.assert(
      fc.asyncProperty(moments, async ({ side, share, moment }) => {
        const world = await TradeWorld.started()
        const step = 1 + Math.floor(share * counts[side])
        if (side === 'disk') world.disk.crashAtStep(step, moment)
        else world[side].crashAtWrite(step, moment)
        await life(world, async (action) => {
          for (let attempt = 0; attempt < 4; attempt++) {
            const crashed = world[side].crashed.then(() => 'crashed' as const)
            const done = action().then(
              () => 'done' as const,
              (error: unknown) => error,
            )
            const result = await Promise.race([done, crashed])
            if (result === 'done') return
            if (result === 'crashed') await (side === 'payerStore' ? world.restartPayer() : world.restartNode())
            await world.clock.advance(2000)
            if (attempt === 3) throw result
          }
        })
        const exact = (10 ** 9 * (2 * 65_536 + 131_072)) / 2 ** 40
        const earned = Number(await world.earned())
        expect(earned).toBeGreaterThanOrEqual(exact * 0.98)
        expect(earned).toBeLessThanOrEqual(exact * 1.05 + 3)
      }),
      { numRuns: 60 },
    )
  }, 120_000)
})
