import type { Address } from '@stead/core'
import { defineSchema, type Field } from '@stead/protocol'
import { malformed } from '../errors.ts'
import { mintCap } from '../facts/chain-facts.ts'
import {
  checkQualityParameters,
  firstQualityField,
  type QualityParameters,
  qualityField,
} from '../quality/quality-parameters.ts'
import { PPM, rewardUnits, type TokenUnits, tokenUnits } from '../units.ts'
import type { LotPart, Program, ProgramInput, Share, SoldLot } from './program.ts'
import type { ShareReason } from './reasons.ts'

/** Parameters of the utility program; κ is not among them, it is the chain's. */
export interface UtilityParameters {
  /** How probes become q: for every program of the epoch. */
  readonly quality: QualityParameters
}

/**
 * Program 0, the only one that mints: for each lot sold in the epoch ⌊κ·q·B·f/F⌋, never above the ⌊κ·B·f/F⌋ that the
 * contract accrues. It is linear in f: no split over identities, nodes or epochs changes the sum upwards.
 */
export const utilityProgram: Program<UtilityParameters> = utilityOf(2, qualityField)

/** Program 0 before there were audits: past epochs, and chains that go by it, are computed as they were. */
export const firstUtilityProgram: Program<UtilityParameters> = utilityOf(1, firstQualityField)

function utilityOf(codeVersion: number, quality: Field<QualityParameters>): Program<UtilityParameters> {
  return {
    name: 'utility',
    codeVersion,
    funding: 'mint',
    parametersSchema: defineSchema<UtilityParameters>('UtilityParameters', 4096, { quality: [1, quality] }),
    checkParameters: (parameters) => {
      const { audits } = checkQualityParameters(parameters.quality)
      if (quality === firstQualityField && audits !== undefined) malformed('audits', 'none in version 1', 'some')
    },
    shares,
  }
}

function shares(input: ProgramInput): readonly Share[] {
  const feeOf = new Map(input.parts.map((part) => [part.operator, part]))
  const sold = input.soldLots.map((lot) => ({ lot, parts: new Map(lot.parts.map((part) => [part.operator, part])) }))
  return input.operators.map((operator) => shareOf(input, operator, { current: feeOf.get(operator), sold }))
}

interface OperatorLots {
  readonly current: LotPart | undefined
  readonly sold: readonly { readonly lot: SoldLot; readonly parts: ReadonlyMap<Address, LotPart> }[]
}

function shareOf(input: ProgramInput, operator: Address, { current, sold }: OperatorLots): Share {
  const reasons: ShareReason[] = []
  let amount = 0n
  for (const { lot, parts } of sold) {
    const part = parts.get(operator)
    if (part === undefined) continue
    const { minted, cap } = mintOf(lot, part)
    amount += minted
    if (minted === cap && cap > 0n) continue
    const code = part.reason === '' ? 'quality' : part.reason
    reasons.push({ code, about: `lot ${lot.lot}`, need: cap, have: minted })
  }
  if (current === undefined || current.feeMicroUsd === 0n) {
    reasons.push({ code: 'no-fees', about: `lot ${input.epoch}`, need: 1n, have: 0n })
  } else {
    reasons.push({ code: 'unsold-lot', about: `lot ${input.epoch}`, need: current.feeMicroUsd, have: 0n })
  }
  return { operator, amountUnits: rewardUnits(amount), reasons }
}

function mintOf(lot: SoldLot, part: LotPart): { readonly minted: TokenUnits; readonly cap: TokenUnits } {
  const cap = mintCap(lot, part.feeMicroUsd)
  return { cap, minted: tokenUnits((cap * BigInt(part.qualityPpm)) / BigInt(PPM)) }
}
