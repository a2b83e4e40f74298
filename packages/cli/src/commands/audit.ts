import { formatMicroUsd, type Hash } from '@stead/core'
import type { Command } from 'commander'
import { type AuditOptions, auditBill } from '../audit/audit-bill.ts'
import { type AuditVerdict, differenceOfError } from '../audit/audit-verdict.ts'
import { addChainOptions, chainPlace, type GivenChain } from '../chain/chain-place.ts'
import type { CommandContext } from '../command-context.ts'
import { defineEpochAudits } from '../epoch/audit-commands.ts'
import { CliError } from '../errors.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { clientFor } from '../node-place.ts'
import { errorFacts, printError } from '../terminal/print-error.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'
import { jobIdOf } from './jobs.ts'

/** `stead audit`: recomputes bills and rewards from public evidence. */
export function define(command: Command, context: CommandContext): void {
  const bill = command
    .command('bill')
    .description(
      'check every signature and sum, compare with the chain, run every billed task again; exits 9 on a difference',
    )
    .argument('<job>', 'id of the job')
  addChainOptions(bill).action((id: string, options: GivenChain) => audit(jobIdOf(id), options, context))
  defineEpochAudits(command, context)
}

async function audit(id: Hash, given: GivenChain, context: CommandContext): Promise<void> {
  const { terminal } = context
  const options = await chainPlace(given, context)
  const verdict = await verdictOf(id, options, context)
  if (verdict.kind === 'match') {
    terminal.out(terminal.isJson ? toJson({ job: id, audit: 'match', ...verdict }) : describe(verdict))
    return
  }
  const error = new CliError('CLI_AUDIT_MISMATCH', verdict.what, { details: { job: id, ...verdict.details } })
  context.exitWith(exitCodeOf(error))
  if (terminal.isJson) terminal.out(toJson({ job: id, audit: verdict.what, ...verdict, error: errorFacts(error) }))
  else {
    terminal.out('MISMATCH')
    printError(terminal, error)
  }
}

async function verdictOf(id: Hash, options: AuditOptions, context: CommandContext): Promise<AuditVerdict> {
  const client = clientFor(context)
  // The node itself refuses to bundle receipts with a gap; that is a finding about the bill.
  const evidence = await client.getJobEvidence(id).catch(differenceOfError)
  if ('kind' in evidence) return evidence
  context.terminal.message(`auditing ${evidence.accepted.length} billed deliveries of ${evidence.tasks.length} tasks …`)
  return await auditBill({ fetchBlob: (blob) => client.getBlob(blob) }, evidence, options)
}

function describe(verdict: AuditVerdict & { readonly kind: 'match' }): string {
  const table = renderTable(
    [
      { title: 'CHANNEL', value: (each) => each.channel },
      { title: 'ENTRIES', value: (each) => String(each.entries), isNumber: true },
      { title: 'OF THIS JOB', value: (each) => formatMicroUsd(each.amountMicroUsd), isNumber: true },
      { title: 'VOUCHER', value: (each) => formatMicroUsd(each.cumulativeMicroUsd), isNumber: true },
      { title: 'CLAIMED', value: (each) => formatMicroUsd(each.claimedMicroUsd), isNumber: true },
    ],
    verdict.channels,
  )
  const { tasks, entries, fuel, amountMicroUsd } = verdict
  return `MATCH\n${tasks} tasks run again, ${entries} billed deliveries, ${fuel} fuel, ${formatMicroUsd(amountMicroUsd)}\n\n${table}`
}
