import {
  type BlobExchange,
  ComputeError,
  type JobEvent,
  type JobHandle,
  type JobStatus,
  type TaskResult,
} from '@stead/compute'
import type { Fuel, MicroUsd, UnixMs } from '@stead/core'
import { contentIdOf, outcomeIdOf } from '@stead/protocol'
import type {
  JobEvent as ApiJobEvent,
  JobState as ApiJobState,
  JobStatus as ApiJobStatus,
  CountedReason,
  JobResultLine,
} from '@stead/sdk/api'
import type { JsonValue } from '@stead/sdk/job'

const STATES: Readonly<Record<JobStatus['state'], ApiJobState>> = {
  starting: 'running',
  running: 'running',
  settling: 'running',
  complete: 'complete',
  partial: 'partial',
  failed: 'failed',
  cancelled: 'cancelled',
}

/** A job's numbers as the API shows them. */
export function jobStatusView(status: JobStatus): ApiJobStatus {
  const { tasks } = status
  return {
    id: status.job,
    name: status.name,
    state: STATES[status.state],
    createdAt: status.submittedAt,
    ...(status.finishedAt === undefined ? {} : { finishedAt: status.finishedAt }),
    counts: {
      tasks: tasks.total,
      placed: tasks.placed,
      running: STATES[status.state] === 'running' ? Math.max(0, tasks.placed - tasks.succeeded - tasks.failed) : 0,
      succeeded: tasks.succeeded,
      replicated: tasks.replicated,
      disagreed: tasks.disagreed,
      failed: tasks.failed,
      timedOut: tasks.timedOut,
      rejected: tasks.rejected,
    },
    nodes: status.nodes.map(({ node, operator, tasks: done, fuel, grossMicroUsd }) => ({
      node,
      operator,
      tasks: done,
      fuel,
      grossMicroUsd,
    })),
    costMicroUsd: status.cost.spentMicroUsd,
    reservedMicroUsd: status.cost.reservedMicroUsd,
    maxCostMicroUsd: status.cost.capMicroUsd,
    reasons: reasonsOf(status),
  }
}

function reasonsOf(status: JobStatus): CountedReason[] {
  const reasons: CountedReason[] = []
  for (const [reason, count] of Object.entries(status.unfinished))
    reasons.push({ reason: `unfinished:${reason}`, count })
  for (const [reason, count] of Object.entries(status.match.excluded))
    reasons.push({ reason: `excluded:${reason}`, count })
  if (status.waitingFor !== undefined) reasons.push({ reason: `waiting:${status.waitingFor}`, count: 1 })
  return reasons
}

/** One fact of a job as the API shows it: what every event has, and the rest under `details`. */
export function jobEventView(event: JobEvent): ApiJobEvent {
  const { number, at, type, ...rest } = event
  const { task, node, reason, ...details } = rest as Record<string, JsonValue | undefined>
  return {
    number,
    at: at as UnixMs,
    type,
    ...(typeof task === 'string' ? { task } : {}),
    ...(typeof node === 'string' ? { node: node as NonNullable<ApiJobEvent['node']> } : {}),
    ...(typeof reason === 'string' ? { reason } : {}),
    details: Object.fromEntries(Object.entries(details).filter(([, value]) => value !== undefined)) as Record<
      string,
      JsonValue
    >,
  }
}

/** What a job knows of itself so far, without waiting for more. */
export async function* eventsSoFar(handle: JobHandle): AsyncGenerator<JobEvent> {
  const last = handle.status().events
  if (last === 0) return
  for await (const event of handle.events(1)) {
    yield event
    if (event.number >= last) return
  }
}

/** What each task's accepted answers cost, by key. */
export async function costsByTask(handle: JobHandle): Promise<ReadonlyMap<string, MicroUsd>> {
  const answers = new Map<string, Map<string, bigint>>()
  const costs = new Map<string, MicroUsd>()
  for await (const event of eventsSoFar(handle)) {
    if (event.type === 'answered') {
      const byOutcome = answers.get(event.task) ?? new Map<string, bigint>()
      byOutcome.set(event.outcome, (byOutcome.get(event.outcome) ?? 0n) + BigInt(event.amountMicroUsd))
      answers.set(event.task, byOutcome)
      if (costs.has(event.task)) costs.set(event.task, (byOutcome.get(event.outcome) ?? 0n) as MicroUsd)
    }
    if (event.type === 'agreed') {
      costs.set(event.task, (answers.get(event.task)?.get(event.outcome) ?? 0n) as MicroUsd)
    }
  }
  return costs
}

const NOTHING = new Uint8Array(0)
const NOTHING_ID = contentIdOf('raw', NOTHING)

/** One task's result with its bytes. @throws ComputeError COMPUTE_BLOB_MISSING when an output was lost */
export async function resultLineOf(
  result: TaskResult,
  costMicroUsd: MicroUsd,
  blobs: BlobExchange,
): Promise<JobResultLine> {
  const { key, task, record, reason, nodes } = result
  if (record === undefined) {
    const why = reason ?? 'not-done-yet'
    const bytes = { output: NOTHING, stderr: NOTHING, files: [] }
    return {
      key,
      task,
      status: 'unfinished',
      reason: why,
      exitCode: 0,
      ...bytes,
      fuel: 0n as Fuel,
      nodes,
      costMicroUsd,
    }
  }
  const load = async (id: typeof record.output): Promise<Uint8Array> => {
    // Nothing is never stored.
    const bytes = id === NOTHING_ID ? NOTHING : await blobs.cache.get(id)
    if (bytes !== undefined) return bytes
    throw new ComputeError('COMPUTE_BLOB_MISSING', `the output ${id} of task ${key} is not kept any more`, {
      details: { task: key, id },
    })
  }
  const files = []
  for (const { path, content } of record.files) files.push({ path, bytes: await load(content) })
  return {
    key,
    task,
    status: record.status,
    ...(record.reason === undefined ? {} : { reason: record.reason }),
    outcome: outcomeIdOf(record),
    exitCode: record.exitCode,
    output: await load(record.output),
    stderr: await load(record.stderr),
    files,
    fuel: record.fuel,
    nodes,
    costMicroUsd,
  }
}
