import type { ContentId, MicroUsd } from '@stead/core'
import type { StoredReceipt } from '@stead/market'
import type { BillEntry, Increment } from '@stead/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { type BillAuditInput, type JobEvidence, outcomeOfTask, recomputeBill } from '../src/index.ts'
import { World } from './support/world.ts'

let honest: BillAuditInput

/** A paid job with two nodes and several increments on each channel. */
beforeAll(async () => {
  const world = await World.of(2)
  world.hub.setDefaultLink({ latencyMs: 30 })
  const first = await world.submit(await world.job(6))
  await world.within(first.result())
  const handle = await world.submit(await world.job(20, { verification: { mode: 'quorum', replicas: 2 } }))
  await world.until(() => handle.status().tasks.succeeded > 5)
  await world.within(world.payer.market.settle())
  await world.within(handle.result())
  const { executor } = world
  const blobs = (id: ContentId) => world.payer.blobs.cache.get(id)
  honest = {
    job: await world.consumer.evidence(handle.id),
    receipts: await world.payer.market.receipts({}),
    run: (task) => outcomeOfTask(task, { executor, blobs }),
  }
})

type EntryChange = (entry: BillEntry) => Partial<BillEntry>

/** The receipts with the first entry that belongs to the job changed. */
function withEntry(change: EntryChange): BillAuditInput {
  const [accepted] = honest.job.accepted
  return withReceipts((increment) => ({
    ...increment,
    entries: increment.entries.map((entry) => {
      const isIt = Buffer.from(entry.delivery).toString('hex') === accepted?.delivery
      return isIt ? { ...entry, ...change(entry) } : entry
    }),
  }))
}

function withReceipts(change: (increment: Increment) => Increment): BillAuditInput {
  const receipts = honest.receipts.map((receipt) => ({ ...receipt, increment: change(receipt.increment) }))
  return { ...honest, receipts }
}

const withJob = (change: (job: JobEvidence) => Partial<JobEvidence>): BillAuditInput => ({
  ...honest,
  job: { ...honest.job, ...change(honest.job) },
})

describe('recomputing a bill', () => {
  it('confirms an honest one, and says what it adds up to', async () => {
    const audit = await recomputeBill(honest)
    expect(audit).toMatchObject({ kind: 'match', tasks: 20, entries: 40, amountMicroUsd: honest.job.spentMicroUsd })
    if (audit.kind !== 'match') return
    expect(audit.channels).toHaveLength(2)
    for (const { amountMicroUsd, cumulativeMicroUsd } of audit.channels)
      expect(cumulativeMicroUsd).toBeGreaterThan(amountMicroUsd)
    const increments = honest.receipts.filter(({ increment }) => increment.entries.length > 0)
    expect(increments.length).toBeGreaterThan(3)
  })

  const other = 'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku' as ContentId
  const lies: readonly (readonly [string, () => BillAuditInput, string])[] = [
    ['more fuel than the task takes', () => withEntry(({ quantity }) => ({ quantity: quantity + 1n })), 'fuel'],
    ['another outcome', () => withEntry(() => ({ evidence: other })), 'outcome'],
    ['another task', () => withEntry(() => ({ item: other })), 'task'],
    [
      'a delivery twice',
      () => {
        const [accepted] = honest.job.accepted
        const entries = honest.receipts.flatMap(({ increment }) => increment.entries)
        const twice = entries.find(({ delivery }) => Buffer.from(delivery).toString('hex') === accepted?.delivery)
        const last = honest.receipts.findLast(({ increment }) => increment.channel === accepted?.channel)
        if (twice === undefined) throw new Error('it was billed')
        const receipts = honest.receipts.map((receipt): StoredReceipt => {
          if (receipt !== last) return receipt
          const { increment } = receipt
          const deliveredMicroUsd = (increment.deliveredMicroUsd + twice.amountMicroUsd) as MicroUsd
          const cumulativeMicroUsd = (increment.cumulativeMicroUsd + twice.amountMicroUsd) as MicroUsd
          const changed = {
            ...increment,
            deliveredMicroUsd,
            cumulativeMicroUsd,
            entries: [...increment.entries, twice],
          }
          return { ...receipt, increment: changed }
        })
        return { ...honest, receipts }
      },
      'billed-twice',
    ],
    [
      'sums that do not add up',
      () =>
        withReceipts((increment) => ({
          ...increment,
          deliveredMicroUsd: (increment.deliveredMicroUsd + 1n) as MicroUsd,
        })),
      'increments',
    ],
    ['an increment that is missing', () => ({ ...honest, receipts: honest.receipts.slice(1) }), 'increments'],
    [
      'a receipt that the provider did not sign',
      () => ({ ...honest, receipts: honest.receipts.map((receipt) => ({ ...receipt, providerSignature: undefined })) }),
      'receipt',
    ],
    ['no receipts at all', () => ({ ...honest, receipts: [] }), 'not-billed'],
    [
      'an amount that the journal does not have',
      () =>
        withJob(({ accepted }) => ({
          accepted: accepted.map((entry) => ({ ...entry, amountMicroUsd: (entry.amountMicroUsd + 1n) as MicroUsd })),
        })),
      'journal',
    ],
    [
      'a total that is not the sum',
      () => withJob(({ spentMicroUsd }) => ({ spentMicroUsd: (spentMicroUsd + 1n) as MicroUsd })),
      'journal',
    ],
    ['tasks that the job does not have', () => withJob(() => ({ tasks: [] })), 'journal'],
    [
      'a result that nobody can repeat',
      () => ({ ...honest, run: async () => ({ status: 'timed-out', allowedMs: 5 }) as const }),
      'not-repeatable',
    ],
  ]
  it.each(lies)('finds %s, with its numbers', async (_, input, what) => {
    const audit = await recomputeBill(input())
    expect(audit).toMatchObject({ kind: 'difference', what })
    if (audit.kind !== 'difference') return
    expect(audit.message).not.toBe('')
    expect(audit.expected).not.toBe(audit.got)
  })

  it('finds an amount that no quote gives', async () => {
    const [accepted] = honest.job.accepted
    let added = false
    const receipts = honest.receipts.map((receipt): StoredReceipt => {
      const { increment } = receipt
      if (increment.channel !== accepted?.channel) return receipt
      const entries = increment.entries.map((entry) => {
        if (Buffer.from(entry.delivery).toString('hex') !== accepted.delivery) return entry
        added = true
        return { ...entry, amountMicroUsd: (entry.amountMicroUsd + 5n) as MicroUsd }
      })
      const more = added ? 5n : 0n
      const deliveredMicroUsd = (increment.deliveredMicroUsd + more) as MicroUsd
      const cumulativeMicroUsd = (increment.cumulativeMicroUsd + more) as MicroUsd
      return { ...receipt, increment: { ...increment, entries, deliveredMicroUsd, cumulativeMicroUsd } }
    })
    expect(await recomputeBill({ ...honest, receipts })).toMatchObject({
      kind: 'difference',
      what: 'amount',
      expected: '1',
      got: '6',
    })
  })
})
