import type { Hash } from '@stead/core'
import type { ChannelEarnings, ReceiptLine } from '@stead/sdk/api'

/** What one job paid a node. `net = gross - fee`. */
export interface JobEarnings {
  /** Undefined where only the payer knows it: then it is what one channel paid. */
  readonly job: Hash | undefined
  readonly channels: readonly Hash[]
  readonly deliveries: number
  readonly fuel: bigint
  readonly grossMicroUsd: bigint
  readonly feeMicroUsd: bigint
  readonly gasWei: bigint
  readonly netMicroUsd: bigint
  /** Earned, and not claimed: on vouchers, or delivered and on none yet. */
  readonly unclaimedMicroUsd: bigint
  readonly unpaidMicroUsd: bigint
  /** Why there is something that is not claimed, or nothing at all; null when everything is. */
  readonly reason: string | null
}

/** What the books of a job are made of. */
export interface JobBooks {
  readonly channels: readonly ChannelEarnings[]
  /** Receipts of the node; those on other channels are left out. */
  readonly receipts: readonly ReceiptLine[]
  /** The jobs that channels belong to, as far as somebody knows them. */
  readonly jobs: ReadonlyMap<Hash, Hash>
}

/** Adds channels up by job, in the order in which they were opened. */
export function jobEarnings({ channels, receipts, jobs }: JobBooks): readonly JobEarnings[] {
  const entries = Map.groupBy(receipts, ({ channel }) => channel)
  return [...Map.groupBy(channels, ({ channel }) => jobs.get(channel) ?? channel).values()].flatMap((own) => {
    const [first] = own
    if (first === undefined) return []
    const sum = (of: (each: ChannelEarnings) => bigint): bigint => own.reduce((total, each) => total + of(each), 0n)
    const lines = own.flatMap(({ channel }) => entries.get(channel) ?? [])
    return [
      {
        job: jobs.get(first.channel),
        channels: own.map(({ channel }) => channel),
        deliveries: lines.length,
        fuel: lines.reduce((total, { quantity }) => total + quantity, 0n),
        grossMicroUsd: sum((each) => each.grossMicroUsd),
        feeMicroUsd: sum((each) => each.feeMicroUsd),
        gasWei: sum((each) => each.gasWei),
        netMicroUsd: sum((each) => each.netMicroUsd),
        unclaimedMicroUsd: sum((each) => each.unclaimedMicroUsd),
        unpaidMicroUsd: sum((each) => each.unpaidMicroUsd),
        reason: own.find(({ reason }) => reason !== null)?.reason ?? null,
      },
    ]
  })
}

/** The job of each channel, from receipts of a payer, who knows it. */
export function jobsByChannel(receipts: readonly ReceiptLine[]): ReadonlyMap<Hash, Hash> {
  return new Map(receipts.flatMap(({ channel, job }) => (job === undefined ? [] : [[channel, job]])))
}
