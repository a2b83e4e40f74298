import type { Address, Hash, MicroUsd, UnixMs, Wei } from '@stead/core'
import { z } from 'zod'
import {
  type SettledChannel,
  type SettlementTransaction,
  settledChannelWire,
  settlementTransactionWire,
} from './money.ts'
import {
  addressWire,
  countWire,
  hashWire,
  integerWire,
  microUsdWire,
  optionalWire,
  unixMsWire,
  type Wire,
  weiWire,
} from './scalars.ts'

const nullable = <Value>(wire: Wire<Value>): Wire<Value | null> => z.nullable(wire)

/** Query of `GET /v1/earnings`: epochs, both included. */
export interface EarningsQuery {
  readonly from?: number
  readonly to?: number
}

const epochTextWire: Wire<number> = z.codec(z.string().regex(/^[0-9]{1,10}$/), countWire, {
  decode: Number,
  encode: String,
})

/** Wire form of {@link EarningsQuery}. */
export const earningsQueryWire: Wire<EarningsQuery> = z.strictObject({
  from: optionalWire(epochTextWire),
  to: optionalWire(epochTextWire),
})

/** Why a share of an epoch is zero or reduced, as docs/economics.md lists them, with what was needed and there. */
export interface EpochReason {
  readonly code: string
  /** A lot, a node, a cell: what it is about. */
  readonly about: string
  /** Units are tokens where it mints, micro-dollars in other programs; some codes count something else. */
  readonly isMinting: boolean
  readonly need: bigint
  readonly have: bigint
}

/** What one epoch brought the operator, by all of its nodes. `net = gross - fee`; gas is another coin. */
export interface EpochEarningsRow {
  readonly epoch: number
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
  /** Of claims and rewards that this node sent in the epoch. */
  readonly gasWei: Wei
  readonly netMicroUsd: MicroUsd
  readonly mintedTokenUnits: bigint
  readonly sponsoredMicroUsd: MicroUsd
  /**
   * Why nothing was minted; null when something was. A code of docs/economics.md; `epoch-runs`, `logs-gathered` or
   * `evidence-missing` while shares are not known; else the code of the error.
   */
  readonly reason: string | null
  /** Why shares are zero or reduced; none while they are not known. */
  readonly reasons: readonly EpochReason[]
}

/** What one channel brought. `net = gross - fee`. */
export interface ChannelEarnings {
  readonly channel: Hash
  readonly payer: Address
  /** `missing` while the chain does not have the purse any more: another fork won. */
  readonly state: 'open' | 'resting' | 'thawing' | 'missing' | 'broken' | 'closed'
  /** Claimed on chain. */
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
  readonly netMicroUsd: MicroUsd
  /** Its part of the gas of claims that this node sent; channels of one claim share it evenly. */
  readonly gasWei: Wei
  /** On vouchers, and not claimed. */
  readonly unclaimedMicroUsd: MicroUsd
  /** Delivered, and not on a voucher. */
  readonly unpaidMicroUsd: MicroUsd
  /**
   * Why there is something that is not claimed, or nothing at all; null when everything is claimed. A reason of
   * {@link ClaimOutlook}; `not-paid-yet`, `nothing-delivered`, `purse-closed`.
   */
  readonly reason: string | null
}

/** What the node thinks of claiming its vouchers now. */
export interface ClaimOutlook {
  /** `below-minimum`, `gas-too-dear`, `chain-unreachable`, `chain-refused`, `claiming`, `nothing-to-claim`, `not-weighed-yet`. */
  readonly reason: string
  readonly unclaimedMicroUsd: MicroUsd
  /** What has to be left after fee and gas, so that it is claimed by itself. */
  readonly minimumMicroUsd: MicroUsd
  /** Estimated; null while it was not asked for. */
  readonly gasMicroUsd: MicroUsd | null
  readonly feeMicroUsd: MicroUsd | null
  readonly retryAt: UnixMs | null
  readonly error: string | null
}

/** Answer to `GET /v1/earnings`: a provider's ledger. */
export interface EarningsReport {
  readonly operator: Address
  /** By epoch, oldest first, the one that runs last; none where the node takes no part in epochs. */
  readonly rows: readonly EpochEarningsRow[]
  /** Delivered and receipted since this node began. */
  readonly receiptedMicroUsd: MicroUsd
  readonly claimedMicroUsd: MicroUsd
  readonly unclaimedMicroUsd: MicroUsd
  /** Delivered and never paid. */
  readonly writtenOffMicroUsd: MicroUsd
  readonly feesMicroUsd: MicroUsd
  readonly channels: readonly ChannelEarnings[]
  readonly claim: ClaimOutlook
  readonly settlements: readonly SettledChannel[]
  readonly transactions: readonly SettlementTransaction[]
}

const reasonWire: Wire<EpochReason> = z.object({
  code: z.string(),
  about: z.string(),
  isMinting: z.boolean(),
  need: integerWire,
  have: integerWire,
})

const rowWire: Wire<EpochEarningsRow> = z.object({
  epoch: countWire,
  grossMicroUsd: microUsdWire,
  feeMicroUsd: microUsdWire,
  gasWei: weiWire,
  netMicroUsd: microUsdWire,
  mintedTokenUnits: integerWire,
  sponsoredMicroUsd: microUsdWire,
  reason: nullable(z.string()),
  reasons: z.array(reasonWire),
})

const channelWire: Wire<ChannelEarnings> = z.object({
  channel: hashWire,
  payer: addressWire,
  state: z.enum(['open', 'resting', 'thawing', 'missing', 'broken', 'closed']),
  grossMicroUsd: microUsdWire,
  feeMicroUsd: microUsdWire,
  netMicroUsd: microUsdWire,
  gasWei: weiWire,
  unclaimedMicroUsd: microUsdWire,
  unpaidMicroUsd: microUsdWire,
  reason: nullable(z.string()),
})

const outlookWire: Wire<ClaimOutlook> = z.object({
  reason: z.string(),
  unclaimedMicroUsd: microUsdWire,
  minimumMicroUsd: microUsdWire,
  gasMicroUsd: nullable(microUsdWire),
  feeMicroUsd: nullable(microUsdWire),
  retryAt: nullable(unixMsWire),
  error: nullable(z.string()),
})

/** Wire form of {@link EarningsReport}. */
export const earningsReportWire: Wire<EarningsReport> = z.object({
  operator: addressWire,
  rows: z.array(rowWire),
  receiptedMicroUsd: microUsdWire,
  claimedMicroUsd: microUsdWire,
  unclaimedMicroUsd: microUsdWire,
  writtenOffMicroUsd: microUsdWire,
  feesMicroUsd: microUsdWire,
  channels: z.array(channelWire),
  claim: outlookWire,
  settlements: z.array(settledChannelWire),
  transactions: z.array(settlementTransactionWire),
})
