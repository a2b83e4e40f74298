import { type Hash, type MicroUsd, microUsd } from '@stead/core'
import { RewardsError } from '../errors.ts'
import type { ChainFacts } from '../facts/chain-facts.ts'
import { type BoundProgram, type ProgramRegistry, policyId } from '../programs/program.ts'
import { type UtilityParameters, utilityProgram } from '../programs/utility.ts'
import type { QualityParameters } from '../quality/quality-parameters.ts'

/** A program that is enabled in an epoch. */
export interface EnabledProgram {
  readonly program: BoundProgram
  /** All that was ever deposited for it; 0 for program 0. */
  readonly depositedMicroUsd: MicroUsd
}

/** All programs of an epoch, and how its probes become q. */
export interface EpochPrograms {
  /** Program 0 first, then by id. */
  readonly enabled: readonly EnabledProgram[]
  readonly quality: QualityParameters
}

/**
 * Binds what the chain enables to the policies that the evidence carries.
 * @throws RewardsError REWARDS_POLICY_UNKNOWN when a policy is missing, is of a program that is not here, or would mint
 * without being program 0
 */
export function bindPrograms(
  registry: ProgramRegistry,
  facts: Pick<ChainFacts, 'utility' | 'programs'>,
  policies: readonly Uint8Array[],
): EpochPrograms {
  const byId = new Map(policies.map((policy) => [policyId(policy), policy]))
  const bound = (id: Hash): BoundProgram => {
    const policy = byId.get(id)
    if (policy === undefined) unknown(id, 'the evidence does not carry its policy')
    return registry.bind(policy)
  }
  const utility = bound(facts.utility)
  if (utility.funding !== 'mint' || utility.name !== utilityProgram.name) unknown(facts.utility, 'it is no utility')
  const enabled: EnabledProgram[] = [{ program: utility, depositedMicroUsd: microUsd(0n) }]
  for (const { program: id, depositedMicroUsd } of facts.programs) {
    const program = bound(id)
    if (program.funding !== 'deposit') unknown(id, 'only program 0 mints')
    enabled.push({ program, depositedMicroUsd })
  }
  return { enabled, quality: (utility.parameters as UtilityParameters).quality }
}

function unknown(id: Hash, why: string): never {
  throw new RewardsError('REWARDS_POLICY_UNKNOWN', `program ${id}: ${why}`, { details: { policy: id } })
}
