import { formatMicroUsd } from '@stead/core'
import { type AuditVerdict, auditVerdictText } from '../audit/audit-verdict.ts'
import type { JobOutcome } from '../job/job-outcome.ts'
import { renderTable } from '../terminal/table.ts'
import type { SettledJob } from './settlement.ts'

/** Everything that `npm start` has to say at the end. */
export function describeStart(
  outcome: JobOutcome,
  after: { readonly settled: SettledJob; readonly verdict: AuditVerdict; readonly auditAdvice: string },
): string {
  const { settled, verdict, auditAdvice } = after
  return [
    ...outcome.report.lines,
    '',
    describeTasks(outcome),
    '',
    earningsTable(settled),
    "net = gross - fee, credited by the Escrow; each node pays its gas apart, in the chain's own coin",
    '',
    describeBooks(outcome, settled),
    '',
    transactionsTable(settled),
    '',
    `audit: ${auditVerdictText(verdict)}`,
    auditAdvice,
  ].join('\n')
}

function describeTasks({ job }: JobOutcome): string {
  const { counts } = job
  const fuel = job.nodes.reduce((sum, node) => sum + node.fuel, 0n)
  const agreement =
    counts.replicated === 0 ? 'none' : `${counts.replicated - counts.disagreed} of ${counts.replicated} agreed`
  return [
    `tasks: ${counts.succeeded} of ${counts.tasks} succeeded, ${counts.failed} failed, ${counts.timedOut} timed out, ${counts.rejected} rejected`,
    `replicas: ${agreement}; ${counts.disagreed} disagreed`,
    `fuel: ${fuel}`,
  ].join('\n')
}

function earningsTable({ nodes }: SettledJob): string {
  return renderTable(
    [
      { title: 'NODE', value: (each) => each.node },
      { title: 'TASKS', value: (each) => String(each.tasks), isNumber: true },
      { title: 'FUEL', value: (each) => String(each.fuel), isNumber: true },
      { title: 'GROSS', value: (each) => formatMicroUsd(each.grossMicroUsd), isNumber: true },
      { title: 'FEE', value: (each) => formatMicroUsd(each.feeMicroUsd), isNumber: true },
      { title: 'NET', value: (each) => formatMicroUsd(each.netMicroUsd), isNumber: true },
      { title: 'GAS USED', value: (each) => String(each.gasUsed), isNumber: true },
    ],
    nodes,
  )
}

function describeBooks({ job }: JobOutcome, { settlement }: SettledJob): string {
  const { depositedMicroUsd, paidMicroUsd, feesMicroUsd, remainingMicroUsd, gasUsed } = settlement
  const books =
    `deposited ${formatMicroUsd(depositedMicroUsd)} = paid ${formatMicroUsd(paidMicroUsd)} + fees ${formatMicroUsd(feesMicroUsd)} ` +
    `+ remaining ${formatMicroUsd(remainingMicroUsd)}; gas used ${gasUsed}`
  const ofOthers = paidMicroUsd + feesMicroUsd - job.costMicroUsd
  if (ofOthers === 0n) return books
  // Open channels are used again, so that a second job need not lock money first.
  return `${books}\nthis job cost ${formatMicroUsd(job.costMicroUsd)}; the same purses paid ${formatMicroUsd(ofOthers)} for earlier jobs`
}

function transactionsTable({ settlement }: SettledJob): string {
  return renderTable(
    [
      { title: 'TRANSACTION', value: (each) => each.transaction },
      { title: 'ACTION', value: (each) => each.action },
      { title: 'WHY', value: (each) => each.reason },
      { title: 'GAS USED', value: (each) => String(each.gasUsed), isNumber: true },
    ],
    settlement.transactions,
  )
}
