import { formatMicroUsd, type Hash } from '@stead/core'
import type { Command } from 'commander'
import { auditBill } from '../audit/audit-bill.ts'
import type { AuditOptions } from '../audit/audit-chain.ts'
import { type AuditedStorageNode, auditStorage } from '../audit/audit-storage.ts'
import { type AuditVerdict, differenceOfError } from '../audit/audit-verdict.ts'
import { addChainOptions, chainPlace, type GivenChain } from '../chain/chain-place.ts'
import type { CommandContext } from '../command-context.ts'
import { defineEpochAudits } from '../epoch/audit-commands.ts'
import { CliError } from '../errors.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { printMismatch } from '../terminal/print-mismatch.ts'
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
  const storage = command
    .command('storage')
    .description(
      'recompute what nodes billed for storage in the last month: revisions, proofs, amounts, claims; exits 9 on a difference',
    )
  addMemberOption(addChainOptions(storage), 'payer').action((given: GivenChain & GivenMember) =>
    auditKept(given, context),
  )
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
  printMismatch(context, error, { job: id, audit: verdict.what, ...verdict })
}

async function auditKept(given: GivenChain & GivenMember, context: CommandContext): Promise<void> {
  const { terminal } = context
  const verdict = await auditStorage(clientFor(context, given), await chainPlace(given, context))
  if (verdict.kind === 'match') {
    const { nodes } = verdict
    terminal.out(terminal.isJson ? toJson({ audit: 'match', nodes }) : `MATCH\n${describeStorage(nodes)}`)
    return
  }
  const { what, node, details } = verdict
  const error = new CliError('CLI_AUDIT_MISMATCH', what, { details: { node, ...details } })
  printMismatch(context, error, { audit: what, ...verdict })
}

const GIB_HOUR = 2n ** 30n * 3600n

function describeStorage(nodes: readonly AuditedStorageNode[]): string {
  if (nodes.length === 0) return 'nothing was billed for storage'
  const table = renderTable<AuditedStorageNode>(
    [
      { title: 'NODE', value: ({ node }) => node },
      { title: 'PERIODS', value: ({ periods }) => String(periods), isNumber: true },
      { title: 'GIB HOURS', value: ({ byteSeconds }) => gibHours(byteSeconds), isNumber: true },
      { title: 'BILLED', value: ({ amountMicroUsd }) => formatMicroUsd(amountMicroUsd), isNumber: true },
      { title: 'VOUCHERS', value: ({ voucherMicroUsd }) => formatMicroUsd(voucherMicroUsd), isNumber: true },
      { title: 'CLAIMED', value: ({ claimedMicroUsd }) => formatMicroUsd(claimedMicroUsd), isNumber: true },
    ],
    nodes,
  )
  const sum = (count: (node: AuditedStorageNode) => number): number => nodes.reduce((all, node) => all + count(node), 0)
  const waiting = sum((node) => node.waiting)
  const older = sum(({ older: { entries } }) => entries)
  return [
    table,
    ...(waiting === 0 ? [] : [`${waiting} paid periods wait for their receipt`]),
    ...(older === 0
      ? []
      : [`${older} periods are older than the month of which evidence is kept: their receipts are right`]),
  ].join('\n')
}

function gibHours(byteSeconds: bigint): string {
  return (Number(byteSeconds) / Number(GIB_HOUR)).toFixed(3)
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
