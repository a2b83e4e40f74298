import { formatMicroUsd, messageOf } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import { taskResultOf } from '@stead/sdk'
import type { JobDetail } from '@stead/sdk/api'
import type { JobPackage, JobReport, TaskResult } from '@stead/sdk/job'
import { CliError } from '../errors.ts'
import { isAway, patiently } from '../patiently.ts'
import { renderTable } from '../terminal/table.ts'
import type { FollowedJob } from './follow-job.ts'
import { type OutputPlace, writeReport, writeResult } from './job-outputs.ts'

/** What a job ended in. */
export interface JobOutcome {
  readonly job: JobDetail
  readonly results: readonly TaskResult[]
  readonly report: JobReport
}

/** Fetches the results of a job, lets its package make the report, and writes both where that was asked for. */
export async function jobOutcome(
  client: DaemonClient,
  job: JobDetail,
  { jobPackage, output }: { readonly jobPackage: JobPackage; readonly output?: OutputPlace | undefined },
): Promise<JobOutcome> {
  const results = await patiently(async () => {
    const lines: TaskResult[] = []
    for await (const line of client.jobResults(job.id)) {
      if (output !== undefined) await kept(output, job, () => writeResult(output, line))
      lines.push(taskResultOf(line))
    }
    return lines
  })
  const report = jobPackage.report(results, job.context ?? null)
  if (output !== undefined) await patiently(() => kept(output, job, () => writeReport(output, job, report)))
  return { job, results, report }
}

/** Results that were paid for are not lost when they cannot be written: the node keeps them. @throws CliError CLI_OUTPUT_UNWRITABLE */
async function kept(output: OutputPlace, job: JobDetail, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (cause) {
    if (isAway(cause)) throw cause
    const message = `the results cannot be written to ${output.name}: ${messageOf(cause)}`
    const next = `The node keeps them; write them elsewhere: stead jobs save ${job.id} <place>`
    throw new CliError('CLI_OUTPUT_UNWRITABLE', message, { next, cause })
  }
}

/** The job's numbers for a person. */
export function describeJob(job: JobDetail): string {
  const { counts } = job
  const fuel = job.nodes.reduce((sum, node) => sum + node.fuel, 0n)
  const lines = [
    `job ${job.id}: ${job.state}`,
    `tasks: ${counts.succeeded}/${counts.tasks} succeeded, ${counts.replicated} replicated, ${counts.disagreed} disagreed, ${counts.failed} failed, ${counts.timedOut} timed out, ${counts.rejected} rejected`,
    `fuel: ${fuel}; cost ${formatMicroUsd(job.costMicroUsd)} of at most ${formatMicroUsd(job.maxCostMicroUsd)}`,
  ]
  for (const { reason, count } of job.reasons) lines.push(`  ${count} × ${reason}`)
  return lines.join('\n')
}

/** What each node did, as a table. */
export function describeNodes(job: JobDetail): string {
  return renderTable(
    [
      { title: 'NODE', value: (node) => node.node },
      { title: 'TASKS', value: (node) => String(node.tasks), isNumber: true },
      { title: 'FUEL', value: (node) => String(node.fuel), isNumber: true },
      { title: 'EARNED (GROSS)', value: (node) => formatMicroUsd(node.grossMicroUsd), isNumber: true },
    ],
    job.nodes,
  )
}

const LIMIT_REASONS = ['cost-cap', 'deadline']
const PLACEMENT_REASONS = ['no-providers', 'fewer-operators']

/** The error that a job which did not end complete stands for; undefined when all is well. */
export function jobFailure(job: JobDetail | FollowedJob): CliError | undefined {
  if (job.state === 'complete') return undefined
  const unfinished = job.reasons.filter(({ reason }) => reason.startsWith('unfinished:'))
  const words = unfinished.map(({ reason, count }) => `${count} ${reason.slice('unfinished:'.length)}`).join(', ')
  const message = `job ended ${job.state}: ${job.counts.succeeded} of ${job.counts.tasks} tasks succeeded${words === '' ? '' : ` (${words})`}${'shortfall' in job ? `: ${job.shortfall}` : ''}`
  const details = { job: job.id, haveTasks: job.counts.succeeded, needTasks: job.counts.tasks }
  const has = (reasons: readonly string[]): boolean =>
    unfinished.some(({ reason }) => reasons.includes(reason.slice('unfinished:'.length)))
  if (job.state === 'cancelled') return new CliError('CLI_JOB_FAILED', message, { details })
  if (has(LIMIT_REASONS)) return new CliError('CLI_LIMIT_REACHED', message, { details })
  if (has(PLACEMENT_REASONS)) return new CliError('CLI_NO_PROVIDERS', message, { details })
  const next = `See each task with its reason: stead jobs watch ${job.id}`
  return new CliError('CLI_JOB_FAILED', message, { details, next })
}
