import type { Address, MicroUsd } from '@stead/core'
import { type AccruableEpoch, type ClaimableLine, planRewardClaim } from '@stead/rewards'
import type { OpenEconomy } from '../chain/with-economy.ts'
import type { DocumentSource } from '../epoch/document-source.ts'
import { EpochAuditor } from '../epoch/epoch-auditor.ts'

/** All that an operator can have now. */
export interface ClaimPlan {
  readonly operator: Address
  /** Claimed by settlement and not paid out of the Escrow. */
  readonly owedMicroUsd: MicroUsd
  /** The epoch of the final root; undefined while there is none. */
  readonly finalEpoch: number | undefined
  /** Epochs whose fees are sold, and on whose account the cap has to rise first. */
  readonly accruable: readonly AccruableEpoch[]
  readonly lines: readonly ClaimableLine[]
}

/** Questions to one endpoint at a time. */
const READS_AT_ONCE = 16

/**
 * Finds out what an operator can claim. The final root is computed again from its evidence, which gives the lines and
 * their proofs.
 * @throws CliError CLI_EVIDENCE_MISSING, CLI_AUDIT_MISMATCH; ChainError
 */
export async function planClaim(open: OpenEconomy, source: DocumentSource, operator: Address): Promise<ClaimPlan> {
  const [owedMicroUsd, final] = await Promise.all([open.chain.owedMicroUsd(operator), open.economy.finalRoot()])
  if (final === undefined) return { operator, owedMicroUsd, finalEpoch: undefined, accruable: [], lines: [] }
  const auditor = await EpochAuditor.open(open, source)
  const { result } = await auditor.computed(final)
  const accruable = await accruableEpochs(open, operator, final.epoch)
  const claim = await planRewardClaim(open.economy, { operator, result, accruable })
  return { operator, owedMicroUsd, finalEpoch: final.epoch, ...claim }
}

/** Epochs up to the final one that are sold, and whose cap has not risen. */
async function accruableEpochs(
  { economy, history, ledger }: OpenEconomy,
  operator: Address,
  finalEpoch: number,
): Promise<readonly AccruableEpoch[]> {
  const span = { fromBlock: history.firstBlock, toBlock: (await history.head()).number }
  const last = Math.min(finalEpoch, (await ledger.lotsBought(span)).at(-1)?.lastEpoch ?? -1)
  const done = new Set((await ledger.capsAccrued(span, operator)).map(({ epoch }) => epoch))
  const open = Array.from({ length: last + 1 }, (_, epoch) => epoch).filter((epoch) => !done.has(epoch))
  const found: AccruableEpoch[] = []
  for (let from = 0; from < open.length; from += READS_AT_ONCE) {
    const some = open.slice(from, from + READS_AT_ONCE)
    const amounts = await Promise.all(some.map((epoch) => economy.accruable(operator, epoch)))
    found.push(...some.map((epoch, index) => ({ epoch, tokenUnits: amounts[index] ?? 0n })))
  }
  return found.filter(({ tokenUnits }) => tokenUnits > 0n)
}

/** Nothing of it can be sent. */
export function isEmptyPlan({ owedMicroUsd, lines }: ClaimPlan): boolean {
  return owedMicroUsd === 0n && lines.every(({ payableUnits }) => payableUnits === 0n)
}
