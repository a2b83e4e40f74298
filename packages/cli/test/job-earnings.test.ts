import type { Hash } from '@stead/core'
import type { ChannelEarnings, ReceiptLine } from '@stead/sdk/api'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type JobEarnings, jobEarnings, jobsByDelivery } from '../src/epoch/job-earnings.ts'

const channel = {
  channel: '0xc1',
  grossMicroUsd: 100n,
  feeMicroUsd: 5n,
  netMicroUsd: 95n,
  gasWei: 7n,
  unclaimedMicroUsd: 0n,
  unpaidMicroUsd: 0n,
  reason: null,
} as unknown as ChannelEarnings
const open = { ...channel, channel: '0xc2', unclaimedMicroUsd: 20n, unpaidMicroUsd: 3n, reason: 'below-minimum' }
const line = (on: string, increment: number, amountMicroUsd: bigint, job?: string): ReceiptLine =>
  ({ channel: on, increment, quantity: 1n, amountMicroUsd, ...(job === undefined ? {} : { job }) }) as never
const booksOf = (channels: readonly object[], lines: readonly ReceiptLine[]) => ({
  channels: channels as readonly ChannelEarnings[],
  // Only the payer has the job.
  receipts: lines.map(({ job: _, ...rest }) => rest),
  jobs: jobsByDelivery(lines),
})
const amounts = ({ job, grossMicroUsd, feeMicroUsd, gasWei, unclaimedMicroUsd, unpaidMicroUsd }: JobEarnings) => [
  job,
  grossMicroUsd,
  feeMicroUsd,
  gasWei,
  unclaimedMicroUsd,
  unpaidMicroUsd,
]

describe('earnings by job', () => {
  it('are each job its own where later jobs of the purse use the channel again', () => {
    const lines = [line('0xc1', 0, 30n, '0xfirst'), line('0xc1', 0, 20n, '0xsecond'), line('0xc1', 1, 50n, '0xsecond')]
    expect(jobEarnings(booksOf([channel], lines)).map(amounts)).toEqual([
      ['0xfirst', 30n, 1n, 2n, 0n, 0n],
      ['0xsecond', 70n, 4n, 5n, 0n, 0n],
    ])
  })

  it('are those of all channels together, with the reason of what is not claimed; what is on no voucher stays', () => {
    const lines = [line('0xc1', 0, 100n, '0xj'), line('0xc2', 0, 90n, '0xj'), line('0xc2', 1, 30n, '0xj')]
    expect(jobEarnings(booksOf([channel, open], [...lines, line('of another node', 0, 7n)]))).toEqual([
      {
        job: '0xj',
        channels: ['0xc1', '0xc2'],
        deliveries: 3,
        fuel: 3n,
        grossMicroUsd: 200n,
        feeMicroUsd: 10n,
        gasWei: 14n,
        netMicroUsd: 190n,
        unclaimedMicroUsd: 20n,
        unpaidMicroUsd: 0n,
        reason: 'below-minimum',
      },
      expect.objectContaining({ job: undefined, channels: ['0xc2'], unpaidMicroUsd: 3n, reason: 'not-paid-yet' }),
    ])
  })

  it('are claimed from the oldest delivery on, because vouchers are cumulative', () => {
    const lines = [line('0xc2', 0, 90n, '0xold'), line('0xc2', 1, 30n, '0xnew')]
    const found = jobEarnings(booksOf([{ ...open, unpaidMicroUsd: 0n }], lines))
    expect(found.map(amounts)).toEqual([
      ['0xold', 90n, 4n, 6n, 0n, 0n],
      ['0xnew', 10n, 1n, 1n, 20n, 0n],
    ])
    expect(found.map(({ reason }) => reason)).toEqual([null, 'below-minimum'])
  })

  it('are those of a channel where nobody knows the job, and of the newest deliveries where old receipts are gone', () => {
    const unknown = [line('0xc1', 0, 100n), line('0xc2', 0, 120n)]
    const found = jobEarnings(booksOf([channel, open], unknown))
    expect(found.map(({ job, channels, fuel }) => [job, channels, fuel])).toEqual([
      [undefined, ['0xc1'], 1n],
      [undefined, ['0xc2'], 1n],
    ])
    expect(jobEarnings(booksOf([channel], [line('0xc1', 3, 40n, '0xj')])).map(amounts)).toEqual([
      ['0xj', 40n, 2n, 3n, 0n, 0n],
      [undefined, 60n, 3n, 4n, 0n, 0n],
    ])
  })

  it('are nothing on a channel without work', () => {
    const idle = { ...channel, grossMicroUsd: 0n, feeMicroUsd: 0n, netMicroUsd: 0n, gasWei: 0n }
    const found = jobEarnings(booksOf([{ ...idle, reason: 'nothing-delivered' }], []))
    expect(found).toMatchObject([{ job: undefined, deliveries: 0, reason: 'nothing-delivered' }])
  })

  it('add up to what the channels brought, whoever knows what', () => {
    const amount = fc.bigInt(0n, 1000n)
    const delivery = fc.record({ amount, increment: fc.nat(5), job: fc.option(fc.constantFrom('0xa', '0xb')) })
    const facts = fc.record({ gross: amount, fee: amount, gas: amount, unclaimed: amount, unpaid: amount })
    fc.assert(
      fc.property(facts, fc.array(delivery), ({ gross, fee, gas, unclaimed, unpaid }, deliveries) => {
        const rest = { netMicroUsd: gross - fee, gasWei: gas, unclaimedMicroUsd: unclaimed, unpaidMicroUsd: unpaid }
        const one = { ...channel, grossMicroUsd: gross, feeMicroUsd: fee, ...rest }
        const lines = deliveries.map((each) => line('0xc1', each.increment, each.amount, each.job ?? undefined))
        const found = jobEarnings(booksOf([one], lines))
        for (const field of [
          'grossMicroUsd',
          'netMicroUsd',
          'gasWei',
          'unclaimedMicroUsd',
          'unpaidMicroUsd',
        ] as const) {
          expect(found.reduce((sum, row) => sum + row[field], 0n)).toBe(one[field])
          if (gross >= fee) for (const row of found) expect(row[field]).toBeGreaterThanOrEqual(0n)
        }
        expect(found.reduce((sum, row) => sum + row.deliveries, 0)).toBe(lines.length)
        expect(new Set(found.map(({ job }) => job as Hash | undefined)).size).toBe(found.length)
      }),
    )
  })
})
