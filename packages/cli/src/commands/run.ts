import { formatMicroUsd } from '@stead/core'
import { prepareJob } from '@stead/sdk'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { followJob } from '../job/follow-job.ts'
import { interruptible } from '../job/interruptible.ts'
import { jobInputs } from '../job/job-inputs.ts'
import {
  addJobOptions,
  describeOwnOptions,
  type GivenJobOptions,
  ownOptionsOf,
  runTermsOf,
} from '../job/job-options.ts'
import { describeJob, describeNodes, jobFailure, jobOutcome } from '../job/job-outcome.ts'
import { openOutput } from '../job/job-outputs.ts'
import { loadPackage, planJob } from '../job/load-package.ts'
import { clientFor } from '../node-place.ts'
import { errorFacts, printError } from '../terminal/print-error.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead run`: a job package from its inputs to its findings. */
export function define(command: Command, context: CommandContext): void {
  addJobOptions(command, '[directory]')
  command
    .usage('[options] <directory> [options...]')
    .addOption(
      new Option('--output <place>', 'write each result and the report into a folder, or stead://bucket/folder/'),
    )
    .addOption(new Option('--detach', 'print the id of the job and return; it goes on in the node'))
    .helpOption(false)
    .addOption(new Option('-h, --help', "print this help, with the job's own options after <directory>"))
    .action(async (directory: string | undefined, rest: string[], options: GivenJobOptions & RunOptions) => {
      if (options.help === true) return await printHelp(command, directory, context)
      if (directory === undefined) throw new CliError('CLI_USAGE', "missing required argument 'directory'")
      await run(directory, { rest, options }, context)
    })
}

interface RunOptions {
  readonly output?: string
  readonly detach?: boolean
  readonly help?: boolean
}

async function printHelp(command: Command, directory: string | undefined, context: CommandContext): Promise<void> {
  if (directory === undefined) {
    context.terminal.out(command.helpInformation())
    return
  }
  const { job } = await loadPackage(directory)
  context.terminal.out(`${command.helpInformation()}\n${job.name}: ${job.summary}\n${describeOwnOptions(job.options)}`)
}

async function run(
  directory: string,
  given: { readonly rest: readonly string[]; readonly options: GivenJobOptions & RunOptions },
  context: CommandContext,
): Promise<void> {
  const { terminal } = context
  const terms = runTermsOf(given.options)
  const signal = context.interruption()
  const loaded = await loadPackage(directory)
  const own = ownOptionsOf(loaded.job.options, given.rest)
  const client = clientFor(context)
  const inputs = await jobInputs(given.options.input ?? [], () => client)
  const plan = await planJob(loaded, { inputs, options: own })
  for (const notice of plan.notices) terminal.message(notice)
  const output = given.options.output === undefined ? undefined : await openOutput(given.options.output, client)
  const { id, tasks } = await interruptible(signal, 'interrupted; the job may have been taken on', async () => {
    const submission = await prepareJob(client, plan, { name: loaded.job.name, ...terms, signal })
    return await client.submitJob(submission, { signal })
  })
  terminal.message(`job ${id}: ${tasks} tasks, at most ${formatMicroUsd(terms.maxCostMicroUsd)}`)
  if (given.options.detach === true) {
    terminal.out(terminal.isJson ? toJson({ job: id, tasks }) : id)
    if (output !== undefined) terminal.message(`When it has ended: stead jobs save ${id} ${output.name}`)
    return
  }
  const job = await followJob({ client, terminal, signal }, id, tasks)
  const outcome = await jobOutcome(client, job, { jobPackage: loaded.job, output })
  const failure = jobFailure(job)
  if (failure !== undefined) context.exitWith(exitCodeOf(failure))
  if (terminal.isJson) {
    const { findings, complete } = outcome.report
    terminal.out(toJson({ findings, complete, job, ...(failure === undefined ? {} : { error: errorFacts(failure) }) }))
    return
  }
  for (const line of outcome.report.lines) terminal.out(line)
  if (output !== undefined) terminal.message(`\nresults and report are in ${output.name}`)
  terminal.message(`\n${describeJob(job)}\n\n${describeNodes(job)}\n\nRecompute the bill: stead audit bill ${id}`)
  if (failure !== undefined) printError(terminal, failure)
}
