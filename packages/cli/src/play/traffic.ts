import type { Address, Hash } from '@stead/core'
import { microUsd } from '@stead/core'
import { type DaemonClient, prepareJob } from '@stead/sdk'
import type { JobPlan } from '@stead/sdk/job'
import { daemonClient } from '../daemon-access.ts'
import type { DevMember } from '../dev/dev-network.ts'
import { CliError } from '../errors.ts'
import type { LoadedPackage } from '../job/load-package.ts'
import { planJob } from '../job/load-package.ts'
import { patiently } from '../patiently.ts'
import { TASKS_PER_OPERATOR } from './epoch-terms.ts'

const MAX_COST_MICRO_USD = microUsd(1_000_000n)

/** Jobs at once: all of these nodes share one machine, and one that is too busy to quote in time is left out. */
const JOBS_AT_ONCE = 3
/** How often a job whose node did not quote in time is tried. */
const ATTEMPTS_MAX = 3

/** Runs the same small job on each operator's node and pays for it. @throws CliError CLI_JOB_FAILED */
export async function payEverybody(
  payer: DaemonClient,
  operators: readonly Address[],
  loaded: LoadedPackage,
): Promise<void> {
  const names = Array.from({ length: TASKS_PER_OPERATOR }, (_, index) => `task ${index + 1}`).join(',')
  const plan = await planJob(loaded, { inputs: [], options: { names } })
  const name = loaded.job.name
  const waiting = [...operators]
  const work = async (): Promise<void> => {
    for (let operator = waiting.shift(); operator !== undefined; operator = waiting.shift())
      await runJob(payer, operator, { name, plan })
  }
  await Promise.all(Array.from({ length: JOBS_AT_ONCE }, work))
  await patiently(() => payer.settle())
}

interface SmallJob {
  readonly name: string
  readonly plan: JobPlan
}

async function runJob(client: DaemonClient, operator: Address, job: SmallJob): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const id = await submit(client, operator, job)
    const missing = await shortfallOf(client, id)
    if (missing === undefined) return
    if (attempt === ATTEMPTS_MAX) {
      const message = `the job of ${operator} failed ${attempt} times: ${missing}`
      throw new CliError('CLI_JOB_FAILED', message, { details: { job: id } })
    }
  }
}

async function submit(client: DaemonClient, operator: Address, { name, plan }: SmallJob): Promise<Hash> {
  const submission = await prepareJob(client, plan, {
    name: `${name} on ${operator.slice(0, 8)}`,
    // Which node does it is given, so there is nobody to compare with.
    verification: { mode: 'trust' },
    maxCostMicroUsd: MAX_COST_MICRO_USD,
  })
  return (await client.submitJob({ ...submission, operators: [operator] })).id
}

/** Waits for a job's end; why it is not complete, or undefined. */
async function shortfallOf(client: DaemonClient, id: Hash): Promise<string | undefined> {
  for await (const event of client.watchJob(id)) if (event.type === 'finished') break
  const { state, reasons } = await patiently(() => client.getJob(id))
  if (state === 'complete') return undefined
  return `${state}: ${reasons.map(({ reason, count }) => `${count} ${reason}`).join('; ')}`
}

/** Lets each provider claim what it was paid, so that the fees belong to the epoch that runs. */
export async function claimEverything(members: readonly DevMember[]): Promise<void> {
  await Promise.all(members.map(({ dataDir }) => patiently(() => daemonClient(dataDir).settle())))
}
