import type { Address, MicroUsd } from '@stead/core'
import { defineSchema, microUsdField, type Schema } from '@stead/protocol'
import {
  type EpochNumber,
  epochField,
  type Ppm,
  type Program,
  type ProgramInput,
  ppmField,
  type RewardUnits,
  rewardUnits,
  type Share,
} from '@stead/rewards'

/** What a sponsor chooses. */
export interface PioneerParameters {
  /** The last epoch in which anything is paid. */
  readonly lastEpoch: EpochNumber
  /** At most so much for an operator, over all epochs. */
  readonly bonusMicroUsd: MicroUsd
  /** Of it, at most so much in one epoch. */
  readonly stepMicroUsd: MicroUsd
  /** One of the operator's nodes must have answered this well. */
  readonly qualityFloorPpm: Ppm
}

const parametersSchema: Schema<PioneerParameters> = defineSchema<PioneerParameters>('PioneerParameters', 256, {
  lastEpoch: [1, epochField],
  bonusMicroUsd: [2, microUsdField],
  stepMicroUsd: [3, microUsdField],
  qualityFloorPpm: [4, ppmField],
})

/** Pays the first operators of a network for being there; one operator in each /24 or /64, so that names are no use. */
export const pioneerBonus: Program<PioneerParameters> = {
  name: 'pioneer-bonus',
  codeVersion: 1,
  funding: 'deposit',
  parametersSchema,
  checkParameters: () => undefined,
  shares(input, parameters) {
    const pioneers = pioneersOf(input, parameters)
    const steps = new Map([...pioneers].map((operator) => [operator, stepOf(input, parameters, operator)]))
    const total = [...steps.values()].reduce((sum, step) => sum + step, 0n)
    return input.operators.map((operator) => {
      const step = steps.get(operator)
      if (step === undefined) return nothing(operator, input.epoch > parameters.lastEpoch ? 'too-late' : 'no-pioneer')
      if (step === 0n) return nothing(operator, 'bonus-complete')
      if (total <= input.budgetMicroUsd) return { operator, amountUnits: step, reasons: [] }
      const amountUnits = rewardUnits((step * input.budgetMicroUsd) / total)
      const reasons = [{ code: 'deposit-limit', about: 'epoch', need: total, have: input.budgetMicroUsd }]
      return { operator, amountUnits, reasons }
    })
  },
}

/** In each network the operator with the best node; of equal ones the first by address. */
function pioneersOf({ epoch, quality }: ProgramInput, parameters: PioneerParameters): ReadonlySet<Address> {
  if (epoch > parameters.lastEpoch) return new Set()
  const best = new Map<string, { readonly operator: Address; readonly qualityPpm: Ppm }>()
  for (const { operator, network, qualityPpm } of quality.nodes) {
    if (network === undefined || qualityPpm === undefined || qualityPpm < parameters.qualityFloorPpm) continue
    const found = best.get(network)
    if (found === undefined || qualityPpm > found.qualityPpm) best.set(network, { operator, qualityPpm })
  }
  return new Set([...best.values()].map(({ operator }) => operator))
}

function stepOf({ given }: ProgramInput, parameters: PioneerParameters, operator: Address): RewardUnits {
  const left = parameters.bonusMicroUsd - (given.get(operator) ?? 0n)
  if (left <= 0n) return rewardUnits(0n)
  return rewardUnits(left < parameters.stepMicroUsd ? left : parameters.stepMicroUsd)
}

function nothing(operator: Address, code: string): Share {
  return { operator, amountUnits: rewardUnits(0n), reasons: [{ code, about: operator, need: 1n, have: 0n }] }
}
