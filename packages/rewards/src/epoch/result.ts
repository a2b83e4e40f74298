import type { Address, ContentId, Hash } from '@stead/core'
import {
  addressField,
  contentIdField,
  defineSchema,
  hashField,
  listField,
  optionalField,
  type Schema,
  versionField,
} from '@stead/protocol'
import { checkAscending, malformed } from '../errors.ts'
import { FACT_NODES_MAX } from '../facts/chain-facts.ts'
import { REASONS_MAX, reasonField, type ShareReason } from '../programs/reasons.ts'
import { type EpochNumber, epochField, type RewardUnits, rewardUnitsField } from '../units.ts'
import { type RewardLeaf, RewardTree } from './reward-tree.ts'

/** What one program gives one operator: in this epoch and since the beginning. */
export interface ResultLine extends RewardLeaf {
  readonly shareUnits: RewardUnits
  /** Why the share is zero or less than it could be, at most 16. */
  readonly reasons: readonly ShareReason[]
}

/** A lot that is not sold yet. */
export interface OpenLot {
  readonly lot: EpochNumber
  /** Its quality sheet. */
  readonly sheet: ContentId
}

/** What an epoch comes to: a function of its evidence alone, the same bytes everywhere. */
export interface EpochResult {
  readonly version: 1
  readonly epoch: EpochNumber
  readonly evidence: ContentId
  /** Of the tree over all lines with a cumulative above 0. */
  readonly root: Hash
  /** By program, then operator. */
  readonly lines: readonly ResultLine[]
  /** By lot. */
  readonly openLots: readonly OpenLot[]
  /** What the next epoch has to know of the audits; missing where the policy has none. */
  readonly audits?: ResultAudits
}

/** What audits leave behind. */
export interface ResultAudits {
  /** Nodes that are warned: they were not proven, and have not been since. Ascending. */
  readonly unproven: readonly Address[]
}

/** Most lines of a result. */
export const RESULT_LINES_MAX = 131_072
/** Most unsold lots that are carried: eleven years of days. */
export const OPEN_LOTS_MAX = 4096
/** Largest result in bytes. */
export const RESULT_BYTES_MAX: number = 32 * 1024 * 1024

const lineSchema = defineSchema<ResultLine>('ResultLine', 4608, {
  program: [1, hashField],
  operator: [2, addressField],
  shareUnits: [3, rewardUnitsField],
  cumulativeUnits: [4, rewardUnitsField],
  reasons: [5, listField(reasonField, REASONS_MAX)],
})

const openLotSchema = defineSchema<OpenLot>('OpenLot', 128, {
  lot: [1, epochField],
  sheet: [2, contentIdField],
})

const auditsSchema = defineSchema<ResultAudits>('ResultAudits', 4 * 1024 * 1024, {
  unproven: [1, listField(addressField, FACT_NODES_MAX)],
})

const resultSchema: Schema<EpochResult> = defineSchema<EpochResult>('EpochResult', RESULT_BYTES_MAX, {
  version: [1, versionField(1)],
  epoch: [2, epochField],
  evidence: [3, contentIdField],
  root: [4, hashField],
  lines: [5, listField(lineSchema.asField(), RESULT_LINES_MAX)],
  openLots: [6, listField(openLotSchema.asField(), OPEN_LOTS_MAX)],
  audits: [7, optionalField(auditsSchema.asField())],
})

/** DAG-CBOR of a result whose lists are in order. */
export function encodeResult(result: EpochResult): Uint8Array {
  return resultSchema.encodeDocument(result)
}

/** Decodes a result and checks its order; not that it follows from its evidence. @throws RewardsError REWARDS_MALFORMED; ProtocolError for other bytes */
export function openResult(bytes: Uint8Array): EpochResult {
  const result = resultSchema.decodeDocument(bytes)
  checkAscending('lines', result.lines.map(lineKey))
  checkAscending('unproven', result.audits?.unproven ?? [])
  for (const [index, { lot }] of result.openLots.entries()) {
    const before = result.openLots[index - 1]?.lot ?? -1
    if (lot <= before || lot > result.epoch) malformed('open lots', `${before + 1} .. ${result.epoch}`, lot)
  }
  return result
}

/** What lines are sorted by. */
export function lineKey(line: { readonly program: Hash; readonly operator: Address }): string {
  return line.program + line.operator
}

/** The tree of a result: its root and the branches of claims. */
export function treeOfResult(result: Pick<EpochResult, 'lines'>): RewardTree {
  return new RewardTree(result.lines.filter(({ cumulativeUnits }) => cumulativeUnits > 0n))
}
