import { formatMicroUsd, type Hash } from '@stead/core'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { followJob } from '../job/follow-job.ts'
import { describeJob, describeNodes, jobFailure } from '../job/job-outcome.ts'
import { openOutput, writeResult } from '../job/job-outputs.ts'
import { clientFor } from '../node-place.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead jobs`: what was submitted to this node. */
export function define(command: Command, context: CommandContext): void {
  command.action(() => list(context))
  command
    .command('watch')
    .description('show a job until it ends, then its numbers')
    .argument('<job>', 'id of the job')
    .action((id: string) => watch(jobIdOf(id), context))
  command
    .command('save')
    .description('write the results of a job that has ended into a folder')
    .argument('<job>', 'id of the job')
    .argument('<place>', 'a folder, or stead://bucket/folder/')
    .action((id: string, place: string) => save(jobIdOf(id), place, context))
  command
    .command('cancel')
    .description('end a job in what it has; delivered work is paid')
    .argument('<job>', 'id of the job')
    .action((id: string) => cancel(jobIdOf(id), context))
}

async function save(id: Hash, place: string, context: CommandContext): Promise<void> {
  const client = clientFor(context)
  const { state } = await client.getJob(id)
  if (state === 'running')
    throw new CliError('CLI_USAGE', `job ${id} runs yet`, { next: `Wait for its end: stead jobs watch ${id}` })
  const output = await openOutput(place, client)
  let saved = 0
  for await (const line of client.jobResults(id)) {
    await writeResult(output, line)
    if (line.status === 'ok') saved++
  }
  const { terminal } = context
  terminal.out(terminal.isJson ? toJson({ place: output.name, saved }) : `${saved} results are in ${output.name}`)
}

/** A job's id as a person gives it. @throws CliError CLI_USAGE */
export function jobIdOf(text: string): Hash {
  if (/^0x[0-9a-f]{64}$/.test(text)) return text as Hash
  throw new CliError(
    'CLI_USAGE',
    `a job's id is 0x and 64 hexadecimal digits, not ${JSON.stringify(text.slice(0, 80))}`,
    {
      next: 'List the jobs of this node: stead jobs',
    },
  )
}

async function list(context: CommandContext): Promise<void> {
  const { jobs } = await clientFor(context).listJobs()
  if (context.terminal.isJson) return context.terminal.out(toJson({ jobs }))
  if (jobs.length === 0) return context.terminal.message('no jobs yet; try: stead run examples/signal-search')
  const table = renderTable(
    [
      { title: 'JOB', value: (job) => job.id },
      { title: 'NAME', value: (job) => job.name },
      { title: 'STATE', value: (job) => job.state },
      { title: 'DONE', value: (job) => `${job.counts.succeeded}/${job.counts.tasks}`, isNumber: true },
      { title: 'COST', value: (job) => formatMicroUsd(job.costMicroUsd), isNumber: true },
      { title: 'SUBMITTED', value: (job) => new Date(job.createdAt).toISOString() },
    ],
    jobs,
  )
  context.terminal.out(table)
}

async function watch(id: Hash, context: CommandContext): Promise<void> {
  const { terminal } = context
  const client = clientFor(context)
  const { counts } = await client.getJob(id)
  const job = await followJob({ client, terminal, signal: context.interruption() }, id, counts.tasks)
  const failure = jobFailure(job)
  if (failure !== undefined) context.exitWith(exitCodeOf(failure))
  if (terminal.isJson) return terminal.out(toJson(job))
  terminal.out(`${describeJob(job)}\n\n${describeNodes(job)}`)
  for await (const result of client.jobResults(id)) {
    if (result.status !== 'ok')
      terminal.out(`${result.key}: ${result.status}${result.reason === undefined ? '' : ` (${result.reason})`}`)
  }
}

async function cancel(id: Hash, context: CommandContext): Promise<void> {
  const job = await clientFor(context).cancelJob(id)
  context.terminal.out(context.terminal.isJson ? toJson(job) : describeJob(job))
}
