import { formatMicroUsd, type Hash } from '@stead/core'
import { type Command, Option } from 'commander'
import { type AuditOptions, auditBill } from '../audit/audit-bill.ts'
import { type AuditVerdict, differenceOfError } from '../audit/audit-verdict.ts'
import type { CommandContext } from '../command-context.ts'
import { clientFor, devNetworkOf } from '../daemon-access.ts'
import { devLayout } from '../dev/dev-layout.ts'
import { CliError } from '../errors.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { errorFacts, printError } from '../terminal/print-error.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'
import { jobIdOf } from './jobs.ts'

interface GivenAuditOptions {
  readonly rpc?: string
  readonly addressBook?: string
}

/** `stead audit bill`: recomputes what a job cost from receipts, modules and chain. */
export function define(command: Command, context: CommandContext): void {
  command
    .command('bill')
    .description(
      'check every signature and sum, compare with the chain, run every billed task again; exits 9 on a difference',
    )
    .argument('<job>', 'id of the job')
    .addOption(new Option('--rpc <url>', "ask this endpoint of the chain instead of the node's own"))
    .addOption(new Option('--address-book <file>', "the contracts, instead of the node's own file"))
    .action((id: string, options: GivenAuditOptions) => audit(jobIdOf(id), options, context))
}

async function audit(id: Hash, given: GivenAuditOptions, context: CommandContext): Promise<void> {
  const { terminal } = context
  const options = await chainOptions(given, context)
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

/** The auditor's own way to the chain: flags, else the local network's, else the node's configuration. */
async function chainOptions(given: GivenAuditOptions, context: CommandContext): Promise<AuditOptions> {
  const dev = devNetworkOf(context)
  const { loadNodeConfig } = await import('@stead/node')
  const { nodeDirectories } = await import('@stead/node/files')
  const directories = nodeDirectories(context.dataDir, context.environment)
  const { config } = loadNodeConfig({ directories, environment: context.environment, flags: {} })
  const rpcUrl = given.rpc ?? dev?.state.rpcUrl ?? config.chain.rpcUrl
  const addressBook =
    given.addressBook ?? (dev === undefined ? config.chain.addressBook : devLayout(dev.root).addressBook)
  if (rpcUrl !== undefined && addressBook !== undefined) return { rpcUrl, addressBook }
  throw new CliError('CLI_USAGE', 'the auditor must know the chain', {
    next: 'Name it: stead audit bill <job> --rpc <url> --address-book <file>',
  })
}
