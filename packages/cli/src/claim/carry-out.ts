import { type Address, type Hash, hasCode, type Wei } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import type { OpenEconomy } from '../chain/with-economy.ts'
import { CliError } from '../errors.ts'
import type { ClaimPlan } from './claim-plan.ts'

/** A transaction of a claim. */
export interface ClaimStep {
  /** `payout`, `accrue`, `claim-reward`; in this order, and rewards in the order of the plan. */
  readonly kind: string
  readonly transaction: Hash
  readonly gasCostWei: Wei
}

/** Epochs in one transaction that raises a cap; about 45,000 gas each. */
const ACCRUALS_MAX = 32

/** Sends a plan from an account of one's own, as a node would. @throws ChainError */
export async function carryOut({ chain, economy }: OpenEconomy, plan: ClaimPlan): Promise<readonly ClaimStep[]> {
  const { operator, owedMicroUsd, accruable, lines } = plan
  const steps: ClaimStep[] = []
  const note = (kind: string, { transaction, gasCostWei }: Omit<ClaimStep, 'kind'>): void =>
    void steps.push({ kind, transaction, gasCostWei })
  // What is certain first: a reward that is refused does not keep it back.
  if (owedMicroUsd > 0n) note('payout', await chain.payout(operator))
  for (let from = 0; from < accruable.length; from += ACCRUALS_MAX) {
    const epochs = accruable.slice(from, from + ACCRUALS_MAX).map(({ epoch }) => epoch)
    note('accrue', await economy.accrue(operator, epochs))
  }
  for (const { claim, payableUnits } of lines) {
    if (payableUnits > 0n) note('claim-reward', await economy.claimReward(claim))
  }
  return steps
}

/** The operator's own node, when it runs; undefined for another operator's. @throws SdkError of a node that is broken */
export async function nodeOf(client: DaemonClient, operator: Address): Promise<DaemonClient | undefined> {
  try {
    return (await client.getStatus()).operator === operator ? client : undefined
  } catch (error) {
    if (hasCode(error, 'API_NO_DAEMON')) return undefined
    throw error
  }
}

/**
 * Lets the operator's node claim: it keeps account of the gas, and does not claim the same by itself in that moment.
 * Undefined when it takes no part in epochs.
 * @throws CliError CLI_NOTHING_TO_DO when it was faster; ChainError
 */
export async function carryOutByNode(client: DaemonClient): Promise<readonly ClaimStep[] | undefined> {
  try {
    const { transactions, reason } = await client.claimRewards()
    if (reason === null) return transactions
    throw new CliError('CLI_NOTHING_TO_DO', `the node has claimed it by itself in the meantime (${reason})`, {
      next: 'See what is left: stead claim --dry-run',
    })
  } catch (error) {
    if (hasCode(error, 'NODE_EPOCHS_OFF')) return undefined
    throw error
  }
}
