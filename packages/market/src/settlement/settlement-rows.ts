import {
  type Address,
  type Hash,
  type MicroUsd,
  microUsd,
  type Store,
  type StoreOperation,
  type UnixMs,
  type Wei,
} from '@stead/core'
import {
  addressField,
  defineSchema,
  hashField,
  listField,
  microUsdField,
  optionalField,
  type Schema,
  textField,
  timeField,
  uint64Field,
  versionField,
  wordField,
} from '@stead/protocol'
import { numberKey, PROVIDER_TABLES, put } from '../journal/tables.ts'
import type { ClaimReason, SettledChannel, SettlementRecord } from './settlement-record.ts'

interface SettledChannelRow {
  readonly channel: Hash
  readonly purse: Hash
  readonly payer: Address
  readonly cumulativeMicroUsd: MicroUsd
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
}

interface SettlementRow {
  readonly version: 1
  readonly at: UnixMs
  readonly transaction: Hash
  readonly reason: ClaimReason
  readonly channels: readonly SettledChannelRow[]
  readonly gasUsed: bigint
  /** Decimal digits: some chains' coins are so cheap that 64 bits of their smallest unit do not pay a transaction. */
  readonly gasCostWei: string
  readonly gasMicroUsd: MicroUsd
  readonly blockNumber?: bigint
}

const settledChannelSchema: Schema<SettledChannelRow> = defineSchema<SettledChannelRow>('SettledChannel', 256, {
  channel: [1, hashField],
  purse: [2, hashField],
  payer: [3, addressField],
  cumulativeMicroUsd: [4, microUsdField],
  grossMicroUsd: [5, microUsdField],
  feeMicroUsd: [6, microUsdField],
})

const settlementRowSchema: Schema<SettlementRow> = defineSchema<SettlementRow>('SettlementRow', 131_072, {
  version: [1, versionField(1)],
  at: [2, timeField],
  transaction: [3, hashField],
  reason: [4, wordField(['worth-it', 'asked', 'thaw-ending', 'stopping', 'found-on-chain'])],
  channels: [5, listField(settledChannelSchema.asField(), 256)],
  gasUsed: [6, uint64Field()],
  gasCostWei: [7, textField(80)],
  gasMicroUsd: [8, microUsdField],
  blockNumber: [9, optionalField(uint64Field())],
})

/** What a settlement is before its sums. */
export interface SettlementFacts {
  readonly at: UnixMs
  readonly transaction: Hash
  readonly reason: ClaimReason
  readonly channels: readonly SettledChannel[]
  readonly gasUsed: bigint
  readonly gasCostWei: Wei
  readonly gasMicroUsd: MicroUsd
  readonly blockNumber: bigint | undefined
}

/** Adds the sums. */
export function settlementOf(facts: SettlementFacts): SettlementRecord {
  const gross = facts.channels.reduce((sum, channel) => sum + channel.grossMicroUsd, 0n)
  const fee = facts.channels.reduce((sum, channel) => sum + channel.feeMicroUsd, 0n)
  const net = gross - fee - facts.gasMicroUsd
  return { ...facts, grossMicroUsd: microUsd(gross), feeMicroUsd: microUsd(fee), netMicroUsd: net }
}

/** The row of the settlement with this number. */
export function settlementRow(number: number, record: SettlementRecord): StoreOperation {
  const { at, transaction, reason, channels, gasUsed, gasCostWei, gasMicroUsd, blockNumber } = record
  const row = {
    version: 1,
    at,
    transaction,
    reason,
    channels,
    gasUsed,
    gasCostWei: `${gasCostWei}`,
    gasMicroUsd,
    ...(blockNumber === undefined ? {} : { blockNumber }),
  } as const
  return put(PROVIDER_TABLES.settlements, numberKey(number), settlementRowSchema.encodeMessage(row))
}

/** All settlements, oldest first. */
export async function loadSettlements(store: Store): Promise<SettlementRecord[]> {
  const rows = await store.scan(PROVIDER_TABLES.settlements)
  return rows.map(({ value }) => {
    const { version: _, ...row } = settlementRowSchema.decodeMessage(value)
    const { blockNumber } = row
    return settlementOf({ ...row, blockNumber, gasCostWei: BigInt(row.gasCostWei) as Wei })
  })
}
