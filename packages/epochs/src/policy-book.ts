import type { Hash } from '@stead/core'
import {
  defaultQualityParameters,
  encodePolicy,
  firstQualityParameters,
  firstUtilityProgram,
  type ProgramRegistry,
  policyId,
  type QualityParameters,
  type UtilityParameters,
  utilityProgram,
} from '@stead/rewards'
import { EpochsError } from './errors.ts'

/** The policies that this node knows, by id: those that a genesis had, those of its settings, and what evidence carries. */
export class PolicyBook {
  readonly #programs: ProgramRegistry
  readonly #policies: Map<Hash, Uint8Array> = new Map()

  constructor(programs: ProgramRegistry, policies: readonly Uint8Array[]) {
    this.#programs = programs
    this.add(encodePolicy(utilityProgram, { quality: defaultQualityParameters }))
    this.add(encodePolicy(firstUtilityProgram, { quality: firstQualityParameters }))
    for (const policy of policies) this.add(policy)
  }

  /** Adds a policy; what it says is its own proof, because its id is its hash. */
  add(policy: Uint8Array): void {
    this.#policies.set(policyId(policy), policy)
  }

  /** @throws EpochsError EPOCHS_NO_PROGRAM when the policy is not known here */
  policy(id: Hash): Uint8Array {
    const policy = this.#policies.get(id)
    if (policy !== undefined) return policy
    throw new EpochsError('EPOCHS_NO_PROGRAM', `the policy ${id} is not known here`, { details: { policy: id } })
  }

  /** How probes become q. @throws EpochsError EPOCHS_NO_PROGRAM; RewardsError when it cannot be run here */
  quality(utility: Hash): QualityParameters {
    const { parameters } = this.#programs.bind(this.policy(utility))
    return (parameters as UtilityParameters).quality
  }
}
