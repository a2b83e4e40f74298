import type { JobHandle } from '@stead/compute'
import { hash, type MicroUsd } from '@stead/core'
import { SdkError } from '@stead/sdk'
import type { JobDetail, JobEvent, JobResultLine } from '@stead/sdk/api'
import type { SteadNode } from '../daemon/stead-node.ts'
import { NodeError } from '../errors.ts'
import { ModuleCheck } from './check-module.ts'
import type { Handlers } from './handlers.ts'
import { jobEvidence } from './job-evidence.ts'
import { jobQuote } from './job-quote.ts'
import { jobRequestOf } from './job-request.ts'
import { costsByTask, jobEventView, jobStatusView, resultLineOf } from './job-view.ts'

type JobRoutes =
  | 'submitJob'
  | 'quoteJob'
  | 'listJobs'
  | 'getJob'
  | 'cancelJob'
  | 'watchJob'
  | 'getJobResults'
  | 'getJobEvidence'

/** Jobs of this payer. */
export function jobHandlers(node: SteadNode): Pick<Handlers, JobRoutes> {
  const { payer, blobs } = node.trade
  const modules = new ModuleCheck(node)
  return {
    submitJob: async ({ body }) => {
      if (node.intent !== 'run') throw new NodeError('NODE_FINISHING', 'this node takes no new jobs')
      await modules.check(body.module, body.kind, body.floats ?? 'raw')
      const handle = await payer.compute.submit(await jobRequestOf(body, blobs))
      return { id: handle.id, tasks: body.tasks.length }
    },
    quoteJob: async ({ body }) => {
      await modules.check(body.module, body.kind, body.floats ?? 'raw')
      return await jobQuote(node, await jobRequestOf(body, blobs))
    },
    listJobs: async () => {
      const jobs = []
      for (const { id } of await payer.compute.jobs()) jobs.push(jobStatusView((await payer.compute.job(id)).status()))
      return { jobs }
    },
    getJob: async ({ id }) => await detailOf(await jobOf(node, id)),
    cancelJob: async ({ id }) => {
      const handle = await jobOf(node, id)
      await handle.cancel()
      return jobStatusView(handle.status())
    },
    watchJob: async ({ id, lastEvent }) => eventsOf(await jobOf(node, id), (lastEvent ?? 0) + 1),
    getJobResults: async ({ id }) => resultsOf(node, await jobOf(node, id)),
    getJobEvidence: async ({ id }) => await jobEvidence(node, await jobOf(node, id)),
  }
}

/** @throws SdkError API_BAD_REQUEST, ComputeError COMPUTE_JOB_UNKNOWN */
async function jobOf(node: SteadNode, id: string): Promise<JobHandle> {
  if (!/^0x[0-9a-f]{64}$/.test(id)) {
    throw new SdkError(
      'API_BAD_REQUEST',
      `a job's id is 0x and 64 hexadecimal digits, not ${JSON.stringify(id.slice(0, 80))}`,
    )
  }
  return await node.trade.payer.compute.job(hash(id))
}

async function detailOf(handle: JobHandle): Promise<JobDetail> {
  const context = await handle.context()
  const status = jobStatusView(handle.status())
  if (context === undefined) return status
  return { ...status, context: JSON.parse(new TextDecoder().decode(context)) as NonNullable<JobDetail['context']> }
}

async function* eventsOf(handle: JobHandle, from: number): AsyncGenerator<JobEvent> {
  for await (const event of handle.events(from)) yield jobEventView(event)
}

/** Waits for the job's end, then gives one line a task. */
async function* resultsOf(node: SteadNode, handle: JobHandle): AsyncGenerator<JobResultLine> {
  const { tasks } = await handle.result()
  const costs = await costsByTask(handle)
  for (const task of tasks) {
    yield await resultLineOf(task, costs.get(task.key) ?? (0n as MicroUsd), node.trade.blobs)
  }
}
