import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Address, type ChainIdentity, type Hash, type Signer, TOKEN_UNITS } from '@stead/core'
import { type EvmEconomy, signNodeConsent } from '@stead/evm'
import {
  defaultQualityParameters,
  encodePolicy,
  policyId,
  type QualityParameters,
  utilityProgram,
} from '@stead/rewards'

/** How epochs are on a local network. */
export interface LocalEpochs {
  readonly epochSeconds: number
  /** How long a root can be challenged, and a challenged one decided. */
  readonly challengeSeconds: number
  readonly decisionSeconds: number
  /** A block at least so often, so that epochs of seconds have beacons; undefined: only when something happens. */
  readonly blockSeconds: number | undefined
  /** In which the price of a lot halves. @default a 24th of an epoch */
  readonly halvingSeconds?: number
  readonly quality: QualityParameters
}

const DAY_SECONDS = 86_400
/** As on any chain: a day each; nothing happens in between, so no blocks are needed. */
export const DAILY_EPOCHS: LocalEpochs = {
  epochSeconds: DAY_SECONDS,
  challengeSeconds: DAY_SECONDS,
  decisionSeconds: 2 * DAY_SECONDS,
  blockSeconds: undefined,
  quality: defaultQualityParameters,
}

/** Twice what a node needs to count in epochs. */
const BOND_TOKEN_UNITS = 2000n * TOKEN_UNITS
/** For deposits behind some roots. */
const SPENDING_TOKEN_UNITS = 1000n * TOKEN_UNITS

/** The policy of program 0 on a local network, and its id for the genesis. */
export function utilityOf(epochs: LocalEpochs): { readonly policy: Uint8Array; readonly id: Hash } {
  const policy = encodePolicy(utilityProgram, { quality: epochs.quality })
  return { policy, id: policyId(policy) }
}

/** Where the policy of program 0 is, for every member to read. */
export function policyPath(directory: string): string {
  return join(directory, 'utility.policy')
}

/** Writes the policy. */
export function writePolicy(directory: string, epochs: LocalEpochs): void {
  writeFileSync(policyPath(directory), utilityOf(epochs).policy)
}

/** What bonding a member takes. */
export interface LocalBond {
  /** Sends with the account that holds the tokens of the genesis. */
  readonly holder: EvmEconomy
  /** Sends with the operator's account, which has gas. */
  readonly account: EvmEconomy
  readonly operator: Address
  readonly node: Signer
  readonly identity: ChainIdentity
}

/** Bonds a member's node, once. @throws ChainError */
export async function bondMember({ holder, account, operator, node, identity }: LocalBond): Promise<void> {
  const { operator: owner } = await account.bondOf(node.address)
  if (owner !== undefined) return
  await holder.transfer(operator, BOND_TOKEN_UNITS + SPENDING_TOKEN_UNITS)
  await account.bond(node.address, BOND_TOKEN_UNITS, signNodeConsent(node, operator, identity))
}
