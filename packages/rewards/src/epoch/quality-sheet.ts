import type { Address, MicroUsd } from '@stead/core'
import {
  addressField,
  defineSchema,
  listField,
  microUsdField,
  type Schema,
  textField,
  versionField,
} from '@stead/protocol'
import { checkAscending, malformed } from '../errors.ts'
import { type ChainFacts, FACT_NODES_MAX, type NodeFees } from '../facts/chain-facts.ts'
import type { LotPart } from '../programs/program.ts'
import type { QualityTable } from '../quality/node-quality.ts'
import { type EpochNumber, epochField, type Ppm, ppm, ppmField } from '../units.ts'

/**
 * What remains of an epoch until its lot is sold: each operator's fees and quality. It is named by content id in the
 * results that follow, so that a lot that sells late is paid by what was measured when its fees were earned.
 */
export interface QualitySheet {
  readonly version: 1
  readonly epoch: EpochNumber
  readonly feeTotalMicroUsd: MicroUsd
  /** By operator. */
  readonly parts: readonly LotPart[]
}

/** Largest sheet in bytes. */
export const SHEET_BYTES_MAX: number = 12 * 1024 * 1024

const partSchema = defineSchema<LotPart>('LotPart', 192, {
  operator: [1, addressField],
  feeMicroUsd: [2, microUsdField],
  qualityPpm: [3, ppmField],
  reason: [4, textField(48)],
})

const sheetSchema: Schema<QualitySheet> = defineSchema<QualitySheet>('QualitySheet', SHEET_BYTES_MAX, {
  version: [1, versionField(1)],
  epoch: [2, epochField],
  feeTotalMicroUsd: [3, microUsdField],
  parts: [4, listField(partSchema.asField(), FACT_NODES_MAX)],
})

/** Fees by operator with the fee-weighted q of its nodes, rounded down. */
export function makeSheet(facts: ChainFacts, quality: QualityTable): QualitySheet {
  const byOperator = Map.groupBy(facts.fees, ({ operator }) => operator)
  const parts = [...byOperator].map(([operator, fees]) => partOf(operator, fees, quality))
  return { version: 1, epoch: facts.epoch, feeTotalMicroUsd: facts.feeTotalMicroUsd, parts }
}

function partOf(operator: Address, fees: readonly NodeFees[], quality: QualityTable): LotPart {
  let [fee, weighted] = [0n, 0n]
  let [isBonded, isKnown, isPenalised] = [false, false, false]
  for (const { node, feeMicroUsd } of fees) {
    const found = quality.of(node)
    // A node that changed hands is measured for whoever had it bonded as the epoch began.
    const own = found?.operator === operator ? found : undefined
    isBonded ||= own !== undefined
    isKnown ||= own?.qualityPpm !== undefined
    isPenalised ||= own?.isPenalised === true
    fee += feeMicroUsd
    weighted += feeMicroUsd * BigInt(own?.qualityPpm ?? 0)
  }
  const qualityPpm: Ppm = fee === 0n ? ppm(0) : ppm(Number(weighted / fee))
  const measured = isPenalised ? 'storage-unproven' : ''
  const reason = !isBonded ? 'not-bonded' : isKnown ? measured : 'quality-unknown'
  return { operator, feeMicroUsd: fee as MicroUsd, qualityPpm, reason }
}

/** DAG-CBOR of a sheet. */
export function encodeSheet(sheet: QualitySheet): Uint8Array {
  return sheetSchema.encodeDocument(sheet)
}

/** Decodes a sheet and checks order and sum. @throws RewardsError REWARDS_MALFORMED; ProtocolError for other bytes */
export function openSheet(bytes: Uint8Array): QualitySheet {
  const sheet = sheetSchema.decodeDocument(bytes)
  checkAscending(
    'parts',
    sheet.parts.map(({ operator }) => operator),
  )
  const total = sheet.parts.reduce((sum, { feeMicroUsd }) => sum + feeMicroUsd, 0n)
  if (total !== sheet.feeTotalMicroUsd) malformed('sum of a sheet', total, sheet.feeTotalMicroUsd)
  return sheet
}
