import { type Address, type Hash, microUsd } from '@stead/core'
import { type DaemonClient, prepareJob } from '@stead/sdk'
import type { JobSubmission } from '@stead/sdk/api'
import type { JobPlan } from '@stead/sdk/job'
import { daemonClient } from '../daemon-access.ts'
import type { DevMember } from '../dev/dev-network.ts'
import { CliError } from '../errors.ts'
import { type LoadedPackage, planJob } from '../job/load-package.ts'
import { patiently } from '../patiently.ts'
import { TASKS_PER_OPERATOR } from './epoch-terms.ts'

/** A job, planned once. */
export interface SmallJob {
  readonly name: string
  readonly plan: JobPlan
}

const MAX_COST_MICRO_USD = microUsd(1_000_000n)
/** Jobs at once: all of these nodes share one machine, and one that is too busy to quote in time is left out. */
const JOBS_AT_ONCE = 3
/** How often a job whose node did not quote in time is tried. */
const ATTEMPTS_MAX = 3

/** The job that everybody is paid for. @throws as planning a job does */
export async function smallJob(loaded: LoadedPackage): Promise<SmallJob> {
  const names = Array.from({ length: TASKS_PER_OPERATOR }, (_, index) => `task ${index + 1}`).join(',')
  return { name: loaded.job.name, plan: await planJob(loaded, { inputs: [], options: { names } }) }
}

/** Asks every operator's node for its price, so that what it needs for its first work is loaded before time counts. */
export async function wakeEverybody(payer: DaemonClient, operators: readonly Address[], job: SmallJob): Promise<void> {
  for (const operator of operators) await payer.quoteJob(await submissionOf(payer, operator, job))
}

/** Runs the same small job on each operator's node and pays for it. @throws CliError CLI_JOB_FAILED */
export async function payEverybody(payer: DaemonClient, operators: readonly Address[], job: SmallJob): Promise<void> {
  const waiting = [...operators]
  const work = async (): Promise<void> => {
    for (let operator = waiting.shift(); operator !== undefined; operator = waiting.shift())
      await runJob(payer, operator, job)
  }
  await Promise.all(Array.from({ length: JOBS_AT_ONCE }, work))
  await patiently(() => payer.settle())
}

/** Lets each provider claim what it was paid, so that the fees belong to the epoch that runs. */
export async function claimEverything(members: readonly DevMember[]): Promise<void> {
  await Promise.all(members.map(({ dataDir }) => patiently(() => daemonClient(dataDir).settle())))
}

async function runJob(client: DaemonClient, operator: Address, job: SmallJob): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const { id } = await client.submitJob(await submissionOf(client, operator, job))
    const missing = await shortfallOf(client, id)
    if (missing === undefined) return
    if (attempt < ATTEMPTS_MAX) continue
    const message = `the job of ${operator} failed ${attempt} times: ${missing}`
    throw new CliError('CLI_JOB_FAILED', message, { details: { job: id } })
  }
}

async function submissionOf(client: DaemonClient, operator: Address, { name, plan }: SmallJob): Promise<JobSubmission> {
  const submission = await prepareJob(client, plan, {
    name: `${name} on ${operator.slice(0, 8)}`,
    // Which node does it is given, so there is nobody to compare with.
    verification: { mode: 'trust' },
    maxCostMicroUsd: MAX_COST_MICRO_USD,
  })
  return { ...submission, operators: [operator] }
}

/** Waits for a job's end; why it is not complete, or undefined. */
async function shortfallOf(client: DaemonClient, id: Hash): Promise<string | undefined> {
  for await (const event of client.watchJob(id)) if (event.type === 'finished') break
  const { state, reasons } = await patiently(() => client.getJob(id))
  if (state === 'complete') return undefined
  return `${state}: ${reasons.map(({ reason, count }) => `${count} ${reason}`).join('; ')}`
}
