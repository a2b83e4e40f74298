import type { Hash, MicroUsd, UnixMs } from '@stead/core'
import type { PurseSeed } from '@stead/protocol'
import type { PurseRow } from '../journal/rows.ts'

/** How a purse stands; `funding` until the chain is known to have it. */
export type PurseStage = 'funding' | 'funded' | 'thawing' | 'closed'

/** One purse of this payer. */
export interface PurseRecord {
  readonly purse: Hash
  readonly seed: PurseSeed
  readonly stage: PurseStage
  readonly createdAt: UnixMs
  readonly transactions: readonly Hash[]
  readonly thawEndsAt: UnixMs | undefined
  readonly refundMicroUsd: MicroUsd | undefined
  readonly channels: readonly Hash[]
}

/** A journaled purse as it is shown. */
export function purseRecordOf(purse: Hash, row: PurseRow): PurseRecord {
  const { seed, stage, createdAt, transactions, thawEndsAt, refundMicroUsd, channels } = row
  return { purse, seed, stage, createdAt, transactions, thawEndsAt, refundMicroUsd, channels }
}
