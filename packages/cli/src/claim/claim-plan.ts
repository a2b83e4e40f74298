import type { Address, Hash, MicroUsd, RewardClaim } from '@stead/core'
import type { OpenEconomy } from '../chain/with-economy.ts'
import type { DocumentSource } from '../epoch/document-source.ts'
import { EpochAuditor } from '../epoch/epoch-auditor.ts'

/** What one program has for an operator, by the final root. */
export interface ClaimLine {
  readonly claim: RewardClaim
  /** Token units when true, micro-dollars when not. */
  readonly isMinting: boolean
  readonly paidUnits: bigint
  /** What a claim pays after all caps have risen. */
  readonly payableUnits: bigint
}

/** All that an operator can have now. */
export interface ClaimPlan {
  readonly operator: Address
  /** Claimed by settlement and not paid out of the Escrow. */
  readonly owedMicroUsd: MicroUsd
  /** The epoch of the final root; undefined while there is none. */
  readonly finalEpoch: number | undefined
  /** Epochs whose fees are sold, and on whose account the cap has not risen yet. */
  readonly accruable: readonly { readonly epoch: number; readonly tokenUnits: bigint }[]
  readonly lines: readonly ClaimLine[]
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
  const accruable = await accruableEpochs(open, operator)
  if (final === undefined) return { operator, owedMicroUsd, finalEpoch: undefined, accruable, lines: [] }
  const auditor = await EpochAuditor.open(open, source)
  const { facts, result, tree } = await auditor.computed(final)
  const rising = accruable.reduce((sum, { tokenUnits }) => sum + tokenUnits, 0n)
  const lines: ClaimLine[] = []
  for (const line of result.lines) {
    if (line.operator !== operator || line.cumulativeUnits === 0n) continue
    const isMinting = line.program === facts.utility
    const claim = { program: line.program, operator, cumulative: line.cumulativeUnits, proof: tree.branch(line) }
    const state = await open.economy.rewardOf(line.program, operator)
    const available = state.available + (isMinting ? rising : 0n)
    const left = line.cumulativeUnits > state.paid ? line.cumulativeUnits - state.paid : 0n
    lines.push({ claim, isMinting, paidUnits: state.paid, payableUnits: left < available ? left : available })
  }
  return { operator, owedMicroUsd, finalEpoch: final.epoch, accruable, lines }
}

async function accruableEpochs(
  { economy, history, ledger }: OpenEconomy,
  operator: Address,
): Promise<ClaimPlan['accruable']> {
  const span = { fromBlock: history.firstBlock, toBlock: (await history.head()).number }
  const lastSold = (await ledger.lotsBought(span)).at(-1)?.lastEpoch ?? -1
  const done = new Set((await ledger.capsAccrued(span, operator)).map(({ epoch }) => epoch))
  const open = Array.from({ length: lastSold + 1 }, (_, epoch) => epoch).filter((epoch) => !done.has(epoch))
  const found: { epoch: number; tokenUnits: bigint }[] = []
  for (let from = 0; from < open.length; from += READS_AT_ONCE) {
    const some = open.slice(from, from + READS_AT_ONCE)
    const amounts = await Promise.all(some.map((epoch) => economy.accruable(operator, epoch)))
    found.push(...some.map((epoch, index) => ({ epoch, tokenUnits: amounts[index] ?? 0n })))
  }
  return found.filter(({ tokenUnits }) => tokenUnits > 0n)
}

/** A program of a claim, shortened for a line. */
export function shortProgram(program: Hash): string {
  return program.slice(0, 18)
}
