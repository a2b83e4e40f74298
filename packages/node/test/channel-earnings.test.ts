import type { EarningsReport } from '@stead/market'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { channelEarnings, claimOutlook } from '../src/api/channel-earnings.ts'

const channel = {
  channel: '0xc1',
  payer: '0x0a',
  state: 'open',
  paidMicroUsd: 0n,
  claimedMicroUsd: 0n,
  outstandingMicroUsd: 0n,
}
const claim = { reason: 'nothing-to-claim', claimableMicroUsd: 0n }

function reportOf(change: Record<string, unknown>): EarningsReport {
  return { channels: [channel], settlements: [], claim, ...change } as unknown as EarningsReport
}

const settled = (ids: readonly string[], gasCostWei: bigint) => ({
  gasCostWei,
  channels: ids.map((id) => ({ channel: id, grossMicroUsd: 1000n, feeMicroUsd: 50n })),
})

describe('what a channel brought', () => {
  it('is what its claims brought, with its part of their gas', () => {
    const settlements = [settled(['0xc1', '0xc2'], 11n), settled(['0xc1'], 4n)]
    const channels = [channel, { ...channel, channel: '0xc2' }, { ...channel, channel: '0xc3' }].map((each) =>
      each.channel === '0xc3' ? each : { ...each, paidMicroUsd: 1000n, claimedMicroUsd: 1000n },
    )
    const found = channelEarnings(reportOf({ channels, settlements }))
    expect(found.map((each) => [each.grossMicroUsd, each.feeMicroUsd, each.netMicroUsd, each.gasWei])).toEqual([
      [2000n, 100n, 1900n, 10n],
      [1000n, 50n, 950n, 5n],
      [0n, 0n, 0n, 0n],
    ])
    expect(found.map(({ reason }) => reason)).toEqual([null, null, 'nothing-delivered'])
  })

  it('adds up to the gas that was paid, however claims are put together', () => {
    const ids = ['0xc1', '0xc2', '0xc3', '0xc4']
    const batch = fc.tuple(fc.subarray(ids, { minLength: 1 }), fc.bigInt(0n, 10n ** 20n))
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 8 }), (batches) => {
        const settlements = batches.map(([some, gas]) => settled(some, gas))
        const channels = ids.map((id) => ({ ...channel, channel: id }))
        const found = channelEarnings(reportOf({ channels, settlements }))
        const sum = (of: (each: (typeof found)[number]) => bigint) =>
          found.reduce((total, each) => total + of(each), 0n)
        expect(sum((each) => each.gasWei)).toBe(batches.reduce((total, [, gas]) => total + gas, 0n))
        expect(sum((each) => each.grossMicroUsd)).toBe(sum((each) => each.feeMicroUsd + each.netMicroUsd))
      }),
    )
  })
})

describe('why a channel is not claimed', () => {
  const reasonOf = (change: Record<string, unknown>, reason = 'below-minimum') =>
    channelEarnings(reportOf({ channels: [{ ...channel, ...change }], claim: { ...claim, reason } }))[0]?.reason

  it('is what the policy waits for, or that it has not looked since', () => {
    expect(reasonOf({ paidMicroUsd: 5n })).toBe('below-minimum')
    expect(reasonOf({ paidMicroUsd: 5n }, 'chain-unreachable')).toBe('chain-unreachable')
    for (const past of ['nothing-to-claim', 'worth-it', 'asked']) {
      expect(reasonOf({ paidMicroUsd: 5n }, past)).toBe('not-weighed-yet')
    }
  })

  it('is the payer where no voucher came, and too late where the purse is closed', () => {
    expect(reasonOf({ outstandingMicroUsd: 7n })).toBe('not-paid-yet')
    expect(reasonOf({ paidMicroUsd: 5n, claimedMicroUsd: 2n, state: 'closed' })).toBe('purse-closed')
  })

  it('comes with the numbers of the policy', () => {
    const waiting = { reason: 'gas-too-dear', claimableMicroUsd: 7n, gasMicroUsd: 9n, retryAt: undefined }
    expect(claimOutlook(reportOf({ claim: waiting }), 100n as never)).toEqual({
      reason: 'gas-too-dear',
      unclaimedMicroUsd: 7n,
      minimumMicroUsd: 100n,
      gasMicroUsd: 9n,
      feeMicroUsd: null,
      retryAt: null,
      error: null,
    })
    expect(claimOutlook(reportOf({}), 100n as never).reason).toBe('nothing-to-claim')
  })
})
