import { formatMicroUsd, type Hash, microUsd } from '@stead/core'
import { type DaemonClient, prepareJob } from '@stead/sdk'
import type { JobDetail } from '@stead/sdk/api'
import { followJob } from '../job/follow-job.ts'
import { interruptible } from '../job/interruptible.ts'
import { type JobOutcome, jobOutcome } from '../job/job-outcome.ts'
import { type LoadedPackage, planJob } from '../job/load-package.ts'
import type { Terminal } from '../terminal/terminal.ts'
import { untilQuoted } from './until-quoted.ts'

/** Hard cap of the main job: one dollar of test money. */
const MAX_COST_MICRO_USD = microUsd(1_000_000n)

/** What running the main job needs. */
export interface MainJobComponents {
  readonly client: DaemonClient
  readonly terminal: Terminal
  readonly signal: AbortSignal
  /** Distinct operators of the network that it runs on. */
  readonly operators: number
}

/** Results of strangers are compared, which takes two. */
const OPERATORS_MIN = 2
/** As long as offers are waited for: on a busy machine many processes take long to come up. */
const QUOTES_TIMEOUT_MS = 120_000
const QUOTES_LOOK_MS = 500

/** Runs a package's job with its own inputs, or goes on with one that an earlier start left unfinished. */
export async function runMainJob(components: MainJobComponents, loaded: LoadedPackage): Promise<JobOutcome> {
  const { client, terminal } = components
  const unfinished = await findUnfinished(client, loaded.job.name)
  const { id, tasks } =
    unfinished ??
    (await interruptible(components.signal, 'interrupted; nothing was paid', () => submit(components, loaded)))
  const verb = unfinished === undefined ? 'submitted' : 'found unfinished and resumed'
  terminal.message(`job ${id} ${verb}: ${tasks} tasks, at most ${formatMicroUsd(MAX_COST_MICRO_USD)}`)
  const job = await followJob(components, id, tasks)
  return await jobOutcome(client, job, { jobPackage: loaded.job })
}

interface Submitted {
  readonly id: Hash
  readonly tasks: number
}

async function findUnfinished(client: DaemonClient, name: string): Promise<Submitted | undefined> {
  const { jobs } = await client.listJobs()
  const found: Pick<JobDetail, 'id' | 'counts'> | undefined = jobs.find(
    (job) => job.name === name && job.state === 'running',
  )
  return found === undefined ? undefined : { id: found.id, tasks: found.counts.tasks }
}

async function submit(
  { client, terminal, signal, operators }: MainJobComponents,
  loaded: LoadedPackage,
): Promise<Submitted> {
  const plan = await planJob(loaded, { inputs: [], options: {} })
  for (const notice of plan.notices) terminal.message(notice)
  const submission = await prepareJob(client, plan, {
    name: loaded.job.name,
    verification: { mode: 'adaptive' },
    maxCostMicroUsd: MAX_COST_MICRO_USD,
    signal,
  })
  await untilQuoted({ client, terminal, signal }, submission, {
    operators,
    operatorsMin: OPERATORS_MIN,
    giveUpMs: QUOTES_TIMEOUT_MS,
    lookMs: QUOTES_LOOK_MS,
  })
  return await client.submitJob(submission, { signal })
}
