import type { Address, Hash } from '@stead/core'
import { type EpochEarnings, explainEarnings } from '@stead/rewards'
import type { OpenEconomy } from '../chain/with-economy.ts'
import { CliError } from '../errors.ts'
import type { DocumentSource } from './document-source.ts'
import { EpochAuditor, type EpochVerdict } from './epoch-auditor.ts'

/** What one program owes an operator by recomputed epochs, and what the chain says that it paid. */
export interface ProgramAccount {
  readonly program: Hash
  /** Token units; micro-dollars by all others. */
  readonly isMinting: boolean
  readonly cumulativeUnits: bigint
  readonly paidUnits: bigint
}

/** What an audit of an operator came to. */
export interface AddressAudit {
  readonly operator: Address
  readonly epochs: readonly EpochEarnings[]
  readonly programs: readonly ProgramAccount[]
  /** Epochs of which nobody could say whether their evidence leaves probe logs out. */
  readonly unheardEpochs: readonly number[]
  /** The first epoch whose root does not follow from evidence and chain. */
  readonly difference?: EpochVerdict & { readonly kind: 'difference' }
  /** A program that paid more than all epochs together allow. */
  readonly overpaid?: ProgramAccount
}

/** What an audit of an operator works with. */
export interface AddressAuditComponents {
  readonly open: OpenEconomy
  readonly source: DocumentSource
  readonly onProgress: (line: string) => void
}

/**
 * Recomputes all epochs up to the newest root, and compares what an operator earned with what it was paid.
 * @throws CliError CLI_USAGE for a first epoch after the newest root; and as an audit of an epoch
 */
export async function auditAddress(
  { open, source, onProgress }: AddressAuditComponents,
  { operator, fromEpoch }: { readonly operator: Address; readonly fromEpoch: number },
): Promise<AddressAudit> {
  const auditor = await EpochAuditor.open(open, source)
  const last = await auditor.latest()
  if (fromEpoch > last) {
    throw new CliError('CLI_USAGE', `--from ${fromEpoch} is after the newest epoch that has a root, ${last}`)
  }
  const epochs: EpochEarnings[] = []
  const unheardEpochs: number[] = []
  const empty = { operator, programs: [], unheardEpochs }
  let utility: Hash | undefined
  for (let epoch = fromEpoch; epoch <= last; epoch++) {
    onProgress(`auditing epoch ${epoch} of ${last} …`)
    const root = await auditor.countedRootOf(epoch)
    // An epoch that nobody proposed, or whose proposal was dropped, is part of the next one.
    if (root === undefined) continue
    const verdict = await auditor.auditRoot(root)
    if (verdict.kind === 'difference') return { ...empty, epochs, difference: verdict }
    if (verdict.owedLogs === undefined) unheardEpochs.push(epoch)
    utility = verdict.computed.facts.utility
    epochs.push(...explainEarnings(operator, [verdict.computed]))
  }
  const programs = await accountsOf(open, { operator, utility, newest: epochs.at(-1) })
  const overpaid = programs.find(({ cumulativeUnits, paidUnits }) => paidUnits > cumulativeUnits)
  return { operator, epochs, programs, unheardEpochs, ...(overpaid === undefined ? {} : { overpaid }) }
}

async function accountsOf(
  { history, ledger }: OpenEconomy,
  { operator, utility, newest }: { operator: Address; utility: Hash | undefined; newest: EpochEarnings | undefined },
): Promise<readonly ProgramAccount[]> {
  const span = { fromBlock: history.firstBlock, toBlock: (await history.head()).number }
  const paid = new Map<Hash, bigint>()
  for (const { program, amountUnits } of await ledger.rewardsPaid(span, operator)) {
    paid.set(program, (paid.get(program) ?? 0n) + amountUnits)
  }
  const earned = new Map((newest?.programs ?? []).map(({ program, cumulativeUnits }) => [program, cumulativeUnits]))
  return [...new Set([...earned.keys(), ...paid.keys()])].map((program) => ({
    program,
    isMinting: program === utility,
    cumulativeUnits: earned.get(program) ?? 0n,
    paidUnits: paid.get(program) ?? 0n,
  }))
}
