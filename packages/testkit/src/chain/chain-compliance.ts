import {
  type Chain,
  type ErrorDetails,
  type Hash,
  hasCode,
  type MicroUsd,
  microUsd,
  type Signer,
  type SteadError,
} from '@stead/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { buildTestPurse, type TestPurse } from './test-purse.ts'

/** A chain with the contracts on it, as the suite needs it. */
export interface ChainFixture {
  /** A started adapter for a new account with 1000 dollars and gas, or for one that the suite made and that has none. */
  connect(signer?: Signer): Promise<Chain>
  /** A key that nobody else uses. */
  newSigner(): Signer
  newSalt(): Hash
  passSeconds(seconds: number): Promise<void>
  stop(): Promise<void>
}

const dollars = (amount: number): MicroUsd => microUsd(BigInt(Math.round(amount * 1_000_000)))

async function refusal(promise: Promise<unknown>, code: string): Promise<ErrorDetails> {
  const error: unknown = await promise.then(
    () => new Error(`it was not refused with ${code}`),
    (thrown: unknown) => thrown,
  )
  if (!hasCode(error, code)) throw error
  return (error as SteadError).details
}

/** What every Chain must do; run on the simulated chain and on the real adapter over a real chain. */
export function chainCompliance(name: string, makeFixture: () => Promise<ChainFixture>): void {
  describe(`Chain: ${name}`, () => {
    let fixture: ChainFixture
    beforeAll(async () => {
      fixture = await makeFixture()
    })
    afterAll(() => fixture.stop())

    const purseFor = (payer: Chain, allocations: readonly number[], voucherKey = fixture.newSigner()): TestPurse => {
      const leaves = allocations.map((allocation) => ({
        node: fixture.newSigner().address,
        operator: fixture.newSigner().address,
        allocationMicroUsd: dollars(allocation),
      }))
      return buildTestPurse(payer.identity, { payer: payer.account, voucherKey, salt: fixture.newSalt() }, leaves)
    }
    const operatorOf = (purse: TestPurse, leaf: number): TestPurse['leaves'][number]['operator'] =>
      purse.termsOf(leaf).operator

    it('accounts for every micro-dollar from fund to close', async () => {
      const [payer, provider] = [await fixture.connect(), await fixture.connect()]
      const { feeBps, thawSeconds } = await payer.escrowTerms()
      const feeOf = (amount: bigint): bigint => (amount * BigInt(feeBps)) / 10_000n
      const purse = purseFor(payer, [3, 2, 5])
      expect(await payer.purse(purse.purse)).toBeUndefined()
      const funded = await payer.fund(purse)
      expect(funded.purse).toBe(purse.purse)
      expect(funded.gasCostWei).toBeGreaterThan(0n)
      expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(990))
      expect(await provider.purse(purse.purse)).toEqual({
        purse: purse.purse,
        payer: payer.account,
        voucherSigner: purse.voucherSigner,
        root: purse.root,
        totalMicroUsd: dollars(10),
        claimedMicroUsd: 0n,
        thawEndsAt: undefined,
        feeBps,
        closed: false,
      })

      // Amounts that the fee does not divide, so that rounding would show.
      const first = await provider.claim([purse.claimOf(0, microUsd(1_000_001n))])
      const later = await provider.claim([
        purse.claimOf(1, dollars(2)),
        purse.claimOf(0, microUsd(1_000_019n), false),
        purse.claimOf(2, microUsd(1n)),
      ])
      expect(first.channels[0]).toEqual({
        channel: purse.channelOf(0),
        purse: purse.purse,
        node: purse.termsOf(0).node,
        operator: operatorOf(purse, 0),
        cumulativeMicroUsd: 1_000_001n,
        grossMicroUsd: 1_000_001n,
        feeMicroUsd: feeOf(1_000_001n),
      })
      expect(later.channels.map(({ channel, grossMicroUsd }) => [channel, grossMicroUsd])).toEqual([
        [purse.channelOf(1), dollars(2)],
        [purse.channelOf(0), 18n],
        [purse.channelOf(2), 1n],
      ])
      expect(await payer.claimedMicroUsd(purse.channelOf(0))).toBe(1_000_019n)
      const owed = await provider.owedMicroUsd(operatorOf(purse, 0))
      expect(owed).toBe(1_000_019n - feeOf(1_000_019n))

      await provider.payout(operatorOf(purse, 0))
      expect((await payer.balances(operatorOf(purse, 0))).dollarMicroUsd).toBe(owed)
      expect(await provider.owedMicroUsd(operatorOf(purse, 0))).toBe(0n)

      const { endsAt } = await payer.thaw(purse.purse)
      expect(endsAt).toBe((await payer.blockTime()) + thawSeconds * 1000)
      expect((await provider.purse(purse.purse))?.thawEndsAt).toBe(endsAt)
      await refusal(payer.close(purse.purse), 'CHAIN_REVERTED')
      await provider.claim([purse.claimOf(2, dollars(4), false)])
      await fixture.passSeconds(thawSeconds + 2)
      const claimed = 1_000_019n + dollars(2) + dollars(4)
      expect((await provider.close(purse.purse)).refundMicroUsd).toBe(dollars(10) - claimed)
      expect((await payer.purse(purse.purse))?.closed).toBe(true)
      expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(1000) - claimed)
      await refusal(provider.claim([purse.claimOf(2, dollars(5), false)]), 'CHAIN_REVERTED')

      const claims = await payer.claimsOf(purse.leaves.map((_, leaf) => purse.termsOf(leaf)))
      expect(claims.map((claim) => claim.cumulativeMicroUsd)).toEqual([
        1_000_001n,
        dollars(2),
        1_000_019n,
        1n,
        dollars(4),
      ])
      expect(claims.map((claim) => claim.transaction).slice(0, 2)).toEqual([first.transaction, later.transaction])
      const { channels: _, ...firstOutcome } = first
      expect(await payer.transaction(first.transaction)).toEqual(firstOutcome)
      expect(await payer.transaction(purse.purse)).toBeUndefined()
      expect(claims.reduce((sum, claim) => sum + claim.grossMicroUsd, 0n)).toBe(claimed)
    })

    it('a claim that somebody else already made changes nothing and fails nobody’s batch', async () => {
      const [payer, left, right] = [await fixture.connect(), await fixture.connect(), await fixture.connect()]
      const purse = purseFor(payer, [1, 1])
      await payer.fund(purse)
      await left.claim([purse.claimOf(0, dollars(0.5))])
      const stale = [purse.claimOf(0, dollars(0.5)), purse.claimOf(0, dollars(0.2)), purse.claimOf(1, dollars(1))]
      const outcome = await right.claim(stale)
      expect(outcome.channels.map((channel) => channel.channel)).toEqual([purse.channelOf(1)])
      expect((await payer.purse(purse.purse))?.claimedMicroUsd).toBe(dollars(1.5))
    })

    it('refuses by the contract’s own error, and one bad claim takes its whole batch with it', async () => {
      const [payer, other] = [await fixture.connect(), await fixture.connect()]
      const purse = purseFor(payer, [1, 1])
      await payer.fund(purse)
      const good = purse.claimOf(0, dollars(0.5))
      const unfunded = purseFor(payer, [1])
      const cases: readonly (readonly [() => Promise<unknown>, ErrorDetails])[] = [
        [() => other.thaw(purse.purse), { error: 'NotThePayer', caller: other.account, payer: payer.account }],
        [() => other.thaw(fixture.newSalt()), { error: 'PurseUnknown' }],
        [() => other.close(purse.purse), { error: 'PurseNotThawed', thawEndsAt: 0n }],
        [() => other.payout(fixture.newSigner().address), { error: 'NothingOwed' }],
        [() => other.claim([good, unfunded.claimOf(0, dollars(1))]), { error: 'ClaimPurseUnknown', claimIndex: 1n }],
        [() => other.claim([{ ...good, cumulativeMicroUsd: dollars(2) }]), { error: 'ClaimAboveAllocation' }],
        [() => other.claim([good, { ...purse.claimOf(1, dollars(1)), branch: [] }]), { error: 'ClaimBranchMismatch' }],
        [() => other.claim([{ ...good, cumulativeMicroUsd: dollars(0.6) }]), { error: 'ClaimSignerMismatch' }],
        [() => other.claim([{ ...good, operator: other.account }]), { error: 'ClaimBranchMismatch' }],
      ]
      for (const [call, details] of cases) expect(await refusal(call(), 'CHAIN_REVERTED')).toMatchObject(details)
      expect((await payer.purse(purse.purse))?.claimedMicroUsd).toBe(0n)
      await payer.thaw(purse.purse)
      expect(await refusal(payer.thaw(purse.purse), 'CHAIN_REVERTED')).toMatchObject({ error: 'PurseAlreadyThawing' })
    })

    it('funds once however often it is asked, as a payer does that was killed before it saw the answer', async () => {
      const payer = await fixture.connect()
      const purse = purseFor(payer, [7])
      const first = await payer.fund(purse)
      expect(await payer.fund(purse)).toEqual(first)
      expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(993))
    })

    it('says what an account needs and has', async () => {
      const payer = await fixture.connect()
      const poor = await fixture.connect(fixture.newSigner())
      const tooMuch = purseFor(payer, [1001])
      expect(await refusal(payer.fund(tooMuch), 'CHAIN_INSUFFICIENT_FUNDS')).toEqual({
        account: payer.account,
        needMicroUsd: dollars(1001),
        haveMicroUsd: dollars(1000),
      })
      const purse = purseFor(payer, [1])
      await payer.fund(purse)
      const noGas = await refusal(poor.claim([purse.claimOf(0, dollars(1))]), 'CHAIN_INSUFFICIENT_FUNDS')
      expect(noGas).toMatchObject({ account: poor.account, haveWei: 0n })
    })

    it('sends many at once from one account', async () => {
      const payer = await fixture.connect()
      const purses = Array.from({ length: 6 }, () => purseFor(payer, [1]))
      const outcomes = await Promise.all(purses.map((purse) => payer.fund(purse)))
      expect(new Set(outcomes.map((outcome) => outcome.transaction)).size).toBe(6)
      expect((await payer.balances(payer.account)).dollarMicroUsd).toBe(dollars(994))
    })

    it('tells of each purse that thaws, once', async () => {
      const [payer, watcher] = [await fixture.connect(), await fixture.connect()]
      const purses = [purseFor(payer, [1]), purseFor(payer, [2])]
      const seen: (readonly [Hash, number])[] = []
      const unwatch = watcher.watchThaws((purse, endsAt) => seen.push([purse, endsAt]))
      const expected: (readonly [Hash, number])[] = []
      for (const purse of purses) {
        await payer.fund(purse)
        expected.push([purse.purse, (await payer.thaw(purse.purse)).endsAt])
      }
      await expect.poll(() => seen, { timeout: 10_000 }).toEqual(expected)
      unwatch()
    })

    it('says CORE_STOPPED after it was stopped', async () => {
      const chain = await fixture.connect()
      await chain.stop()
      for (const call of [chain.blockTime(), chain.purse(fixture.newSalt()), chain.payout(chain.account)])
        await refusal(call, 'CORE_STOPPED')
    })
  })
}
