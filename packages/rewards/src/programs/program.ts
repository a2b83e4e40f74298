import type { Address, Hash, MicroUsd } from '@stead/core'
import { bytesField, defineSchema, payloadOf, type Schema, textField, uintField, versionField } from '@stead/protocol'
import { RewardsError } from '../errors.ts'
import type { LotSale } from '../facts/chain-facts.ts'
import type { QualityTable } from '../quality/node-quality.ts'
import type { EpochNumber, Ppm, RewardUnits } from '../units.ts'
import type { ShareReason } from './reasons.ts'

/** One operator's part in a lot: the fees on its traffic in that epoch, and the quality with which it was served. */
export interface LotPart {
  readonly operator: Address
  readonly feeMicroUsd: MicroUsd
  /** The fee-weighted q of its nodes. */
  readonly qualityPpm: Ppm
  /** Why q is 0 although nothing was measured, `not-bonded` or `quality-unknown`, or what took a part of it, `storage-unproven`; empty otherwise. */
  readonly reason: string
}

/** An epoch's fees that were sold in this epoch, with all who earned them. */
export interface SoldLot extends LotSale {
  /** By operator. */
  readonly parts: readonly LotPart[]
}

/** What a program sees: the same for everybody. */
export interface ProgramInput {
  readonly epoch: EpochNumber
  /** All operators that have bonded nodes, fees, a part in a sold lot, or anything from earlier; ascending. */
  readonly operators: readonly Address[]
  readonly quality: QualityTable
  /** Parts in the lot of this epoch, which is not sold yet. By operator. */
  readonly parts: readonly LotPart[]
  readonly soldLots: readonly SoldLot[]
  /** What is left of the program's deposit; 0 for the program that mints. */
  readonly budgetMicroUsd: MicroUsd
  /** What this program gave each operator in all earlier epochs together: the only state that a program has. */
  readonly given: ReadonlyMap<Address, RewardUnits>
}

/** What a program sees that is the same for all programs of an epoch. */
export type SharedInput = Omit<ProgramInput, 'budgetMicroUsd' | 'given'>

/** What a program gives one operator for one epoch. */
export interface Share {
  readonly operator: Address
  /** Token units by program 0, micro-dollars by all others. */
  readonly amountUnits: RewardUnits
  /** At least one when the amount is zero. */
  readonly reasons: readonly ShareReason[]
}

/**
 * A deterministic function from public evidence to shares. It must give the same shares wherever it runs: integers only,
 * no clock, no chance, no order of a map or set that the input does not fix. A change of what it gives is a new
 * `codeVersion`, and so a new policy id.
 */
export interface Program<Parameters extends object> {
  /** Kebab-case, at most 48 bytes. */
  readonly name: string
  readonly codeVersion: number
  /** `mint` is for program 0 alone; all others pay out of their deposits. */
  readonly funding: 'mint' | 'deposit'
  readonly parametersSchema: Schema<Parameters>
  /** @throws RewardsError REWARDS_MALFORMED for parameters that contradict each other */
  checkParameters(parameters: Parameters): void
  /** Each operator at most once, in any order; together at most the budget unless it mints. */
  shares(input: ProgramInput, parameters: Parameters): readonly Share[]
}

/** A program with its parameters, as governance enables it: the SHA-256 of these bytes is its id. */
export interface Policy {
  readonly version: 1
  readonly program: string
  readonly codeVersion: number
  /** DAG-CBOR by the program's own schema. */
  readonly parameters: Uint8Array
}

/** Largest policy in bytes. */
export const POLICY_BYTES_MAX = 8192

const policySchema: Schema<Policy> = defineSchema<Policy>('Policy', POLICY_BYTES_MAX, {
  version: [1, versionField(1)],
  program: [2, textField(48)],
  codeVersion: [3, uintField(0xffff_ffff)],
  parameters: [4, bytesField(POLICY_BYTES_MAX - 128)],
})

/** A program bound to parameters: ready to run. */
export interface BoundProgram {
  readonly id: Hash
  readonly name: string
  readonly funding: 'mint' | 'deposit'
  readonly parameters: object
  shares(input: ProgramInput): readonly Share[]
}

/** The bytes of a policy. @throws RewardsError REWARDS_MALFORMED for parameters that contradict each other */
export function encodePolicy<Parameters extends object>(
  program: Program<Parameters>,
  parameters: Parameters,
): Uint8Array {
  program.checkParameters(parameters)
  const { name, codeVersion, parametersSchema } = program
  const encoded = parametersSchema.encodeDocument(parameters)
  return policySchema.encodeDocument({ version: 1, program: name, codeVersion, parameters: encoded })
}

/** The id (bytes32 on chain) of a policy: the SHA-256 of its bytes. */
export function policyId(policy: Uint8Array): Hash {
  return payloadOf(policy)
}

/** The programs that this installation can run. Adding one touches nothing of the others. */
export class ProgramRegistry {
  readonly #binders = new Map<string, (id: Hash, parameters: Uint8Array) => BoundProgram>()

  /** Adds a program. @throws RangeError when this name and version is there already */
  add<Parameters extends object>(program: Program<Parameters>): this {
    const key = keyOf(program.name, program.codeVersion)
    if (this.#binders.has(key)) throw new RangeError(`program ${key} is there already`)
    this.#binders.set(key, (id, bytes) => bind(program, id, bytes))
    return this
  }

  /**
   * Binds a policy. @throws RewardsError REWARDS_POLICY_UNKNOWN for a program or version that is not here,
   * REWARDS_MALFORMED; ProtocolError for hostile bytes
   */
  bind(policy: Uint8Array): BoundProgram {
    const { program, codeVersion, parameters } = policySchema.decodeDocument(policy)
    const id = policyId(policy)
    const binder = this.#binders.get(keyOf(program, codeVersion))
    if (binder === undefined) {
      const message = `no program ${keyOf(program, codeVersion)} here; there are: ${[...this.#binders.keys()].join(', ')}`
      throw new RewardsError('REWARDS_POLICY_UNKNOWN', message, { details: { policy: id, program, codeVersion } })
    }
    return binder(id, parameters)
  }
}

function keyOf(name: string, codeVersion: number): string {
  return `${name}@${codeVersion}`
}

function bind<Parameters extends object>(program: Program<Parameters>, id: Hash, bytes: Uint8Array): BoundProgram {
  const parameters = program.parametersSchema.decodeDocument(bytes)
  program.checkParameters(parameters)
  const { name, funding } = program
  return { id, name, funding, parameters, shares: (input) => program.shares(input, parameters) }
}
