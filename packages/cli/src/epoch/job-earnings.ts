import type { Address, Hash } from '@stead/core'
import type { ReceiptLine } from '@stead/sdk/api'

/** What one job paid an operator; one channel where only the payer knows the job. */
export interface JobEarnings {
  readonly job: Hash | undefined
  readonly channel: Hash
  readonly deliveries: number
  readonly fuel: bigint
  readonly grossMicroUsd: bigint
  /** Of it, without the provider's own signature yet. */
  readonly waitingMicroUsd: bigint
}

/** Adds receipts up by job, in the order in which the jobs began. */
export function jobEarnings(receipts: readonly ReceiptLine[], operator: Address): readonly JobEarnings[] {
  const own = receipts.filter((line) => line.operator === operator)
  return [...Map.groupBy(own, ({ job, channel }) => job ?? channel).values()].flatMap((lines) => {
    const [first] = lines
    if (first === undefined) return []
    const sum = (of: readonly ReceiptLine[]): bigint => of.reduce((total, line) => total + line.amountMicroUsd, 0n)
    return [
      {
        job: first.job,
        channel: first.channel,
        deliveries: lines.length,
        fuel: lines.reduce((total, line) => total + line.quantity, 0n),
        grossMicroUsd: sum(lines),
        waitingMicroUsd: sum(lines.filter(({ receipted }) => !receipted)),
      },
    ]
  })
}
