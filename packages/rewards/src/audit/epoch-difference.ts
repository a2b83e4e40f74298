import type { Address, ContentId, Hash } from '@stead/core'
import type { EpochNumber } from '../units.ts'

/**
 * The first thing in which a proposal differs from what follows from the chain, in the order in which it is looked for:
 * what stands before makes what comes after meaningless. `need` is what this audit found, `have` what was proposed.
 */
export type EpochDifference =
  /** A document that the proposal builds on cannot be had: no verdict on it is possible. */
  | { readonly what: 'missing'; readonly document: string; readonly id: string }
  /** A document does not decode, contradicts itself, or asks for what cannot be computed. */
  | { readonly what: 'malformed'; readonly document: string; readonly message: string }
  | { readonly what: 'epoch'; readonly need: EpochNumber; readonly have: EpochNumber }
  /** A single value of the chain facts. */
  | { readonly what: 'facts'; readonly field: string; readonly need: string; readonly have: string }
  /** A bonded node that is left out, made up, or another operator's. */
  | {
      readonly what: 'facts-node'
      readonly node: Address
      readonly need: Address | undefined
      readonly have: Address | undefined
    }
  | {
      readonly what: 'facts-fees'
      readonly operator: Address
      readonly node: Address
      readonly field: 'gross' | 'fee'
      readonly needMicroUsd: bigint
      readonly haveMicroUsd: bigint
    }
  | {
      readonly what: 'facts-sale'
      readonly lot: EpochNumber
      readonly field: 'burned' | 'fees' | 'kappa'
      readonly need: bigint
      readonly have: bigint
    }
  | {
      readonly what: 'facts-program'
      readonly program: Hash
      readonly needMicroUsd: bigint | undefined
      readonly haveMicroUsd: bigint | undefined
    }
  /** What a payer's vouchers brought a node in the epochs before. */
  | {
      readonly what: 'facts-claimant'
      readonly node: Address
      readonly payer: Address
      readonly needMicroUsd: bigint | undefined
      readonly haveMicroUsd: bigint | undefined
    }
  /** A node that is warned, and should not be, or the other way round. */
  | { readonly what: 'unproven'; readonly node: Address; readonly need: boolean; readonly have: boolean }
  /** The epoch builds on another history. */
  | { readonly what: 'previous'; readonly need: ContentId | undefined; readonly have: ContentId | undefined }
  /** Logs that were published in time are left out. */
  | { readonly what: 'log-left-out'; readonly first: ContentId; readonly count: number }
  | {
      readonly what: 'line'
      readonly program: Hash
      readonly operator: Address
      readonly field: 'share' | 'cumulative' | 'reasons'
      readonly need: string
      readonly have: string
    }
  | {
      readonly what: 'open-lot'
      readonly lot: EpochNumber
      readonly need: ContentId | undefined
      readonly have: ContentId | undefined
    }
  | { readonly what: 'root'; readonly need: Hash; readonly have: Hash }

/** One sentence for a person. */
export function describeDifference(difference: EpochDifference): string {
  switch (difference.what) {
    case 'missing':
      return `the ${difference.document} ${difference.id} cannot be had`
    case 'malformed':
      return `the ${difference.document} cannot be used: ${difference.message}`
    case 'facts':
      return `chain facts, ${difference.field}: need ${difference.need}, have ${difference.have}`
    case 'facts-node':
      return `chain facts, operator of node ${difference.node}: ${sides(difference)}`
    case 'facts-fees':
      return `chain facts, ${difference.field} of node ${difference.node}: need ${difference.needMicroUsd}, have ${difference.haveMicroUsd} micro-dollars`
    case 'facts-sale':
      return `chain facts, ${difference.field} of lot ${difference.lot}: ${sides(difference)}`
    case 'facts-program':
      return `chain facts, deposit of program ${difference.program}: need ${difference.needMicroUsd ?? 'none'}, have ${difference.haveMicroUsd ?? 'none'}`
    case 'facts-claimant':
      return `chain facts, what ${difference.payer} brought ${difference.node}: need ${difference.needMicroUsd ?? 'none'}, have ${difference.haveMicroUsd ?? 'none'} micro-dollars`
    case 'unproven':
      return `warning of node ${difference.node} by its audits: ${sides(difference)}`
    case 'log-left-out':
      return `${difference.count} probe logs that were published in time are left out, the first is ${difference.first}`
    case 'line':
      return `${difference.field} of ${difference.operator} in program ${difference.program}: ${sides(difference)}`
    case 'open-lot':
      return `sheet of unsold lot ${difference.lot}: ${sides(difference)}`
    case 'epoch':
    case 'previous':
    case 'root':
      return `${difference.what}: ${sides(difference)}`
  }
}

function sides({ need, have }: { readonly need: unknown; readonly have: unknown }): string {
  return `need ${String(need ?? 'none')}, have ${String(have ?? 'none')}`
}
