import { evidenceIdOf, openEvidence, openResult } from '@stead/rewards'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { EpochWorld, type WorldMember } from './epoch-world.ts'

const TIMEOUT_MS = 180_000

describe('an epoch from its first probe to minted tokens', () => {
  const world = new EpochWorld()
  let [proposer, earner]: WorldMember[] = []
  beforeAll(async () => {
    await world.start()
    proposer = await world.join('proposer', { 'epochs.propose': true, 'claim.nativeCoinMicroUsd': '0' })
    earner = await world.join('earner', { 'claim.nativeCoinMicroUsd': '0', 'claim.minimumMicroUsd': '0' })
    await world.join('third', {})
    await world.join('fourth', {})
  }, TIMEOUT_MS)
  afterAll(() => world.stop(), TIMEOUT_MS)

  it(
    'collects all logs, proposes a root that everybody confirms, makes it final, and pays the operator',
    async () => {
      if (proposer === undefined || earner === undefined) throw new TypeError('no members')
      const { economy, time } = proposer.epochs.ports
      const paidIn = time.epoch() + 1
      await world.until('the next epoch', async () => (time.epoch() >= paidIn ? true : undefined))
      await world.pay(earner, 100)
      const fees = await economy.feesOf(paidIn, earner.operator.address)
      expect(fees).toBe(5_000_000n)
      await world.until('the end of the epoch', async () => (time.epoch() > paidIn ? true : undefined))
      const market = world.holder.economy(world.book)
      const { lot, costTokenUnits } = await market.lotForSale()
      await market.buyLot(lot, 2n * costTokenUnits)
      const final = await world.until('a final root of the sale', async () => {
        const root = await economy.finalRoot()
        return root !== undefined && root.epoch > paidIn ? root : undefined
      })
      const evidence = await proposer.epochs.shelf.get(evidenceIdOf(final.evidence))
      if (evidence === undefined) throw new TypeError('no evidence')
      expect(openEvidence(evidence).logs).toHaveLength(4)
      for (const { epochs } of world.members) {
        expect(epochs.watcher.verdictOf(final.epoch)).toMatchObject({ verdict: 'match' })
      }
      const minted = await world.until('the claim', async () => {
        const balance = await economy.tokenBalance(earner?.operator.address ?? world.holder.account)
        return balance > 3000n * 10n ** 18n ? balance - 3000n * 10n ** 18n : undefined
      })
      const known = await earner.epochs.computer.resultOf(final.epoch as never, final.evidence)
      const result = openResult((await earner.epochs.shelf.get(known.result)) ?? new Uint8Array(0))
      const line = result.lines.find(({ operator }) => operator === earner?.operator.address)
      expect(line?.cumulativeUnits).toBe(minted)
      expect(minted).toBeGreaterThan(0n)
      expect(await world.holder.owedMicroUsd(earner.operator.address)).toBe(0n)
    },
    TIMEOUT_MS,
  )
})
