import type { BlobExchange, JobRequest, JobTask } from '@stead/compute'
import type { ContentId, Fuel, UnixMs } from '@stead/core'
import type { TaskFile } from '@stead/protocol'
import { METER_VERSION } from '@stead/sandbox/facts'
import type { JobSubmission, SubmittedBytes, SubmittedTask } from '@stead/sdk/api'

const SEED_BYTES = 32
/** Inputs of so many tasks share the transactions that store them. */
const TASKS_AT_ONCE = 512

/** A submitted job as the consumer takes it; bytes that came inline are stored as blobs. */
export async function jobRequestOf(submission: JobSubmission, blobs: BlobExchange): Promise<JobRequest> {
  const idOf = async (part: SubmittedBytes): Promise<ContentId> =>
    'blob' in part ? part.blob : await blobs.cache.put(part.bytes)
  const tasks: JobTask[] = []
  for (let at = 0; at < submission.tasks.length; at += TASKS_AT_ONCE) {
    const part = submission.tasks.slice(at, at + TASKS_AT_ONCE)
    tasks.push(...(await Promise.all(part.map((task) => jobTaskOf(submission, task, idOf)))))
  }
  const { name, verification, maxCostMicroUsd, maxRttMs, deadlineMs, operators, hedge, context } = submission
  return {
    name,
    tasks,
    verification,
    maxCostMicroUsd,
    ...(maxRttMs === undefined ? {} : { maxRttMs }),
    ...(deadlineMs === undefined ? {} : { deadlineMs }),
    ...(operators === undefined ? {} : { operators }),
    ...(hedge === undefined ? {} : { hedge }),
    ...(context === undefined ? {} : { context: new TextEncoder().encode(JSON.stringify(context)) }),
  }
}

async function jobTaskOf(
  submission: JobSubmission,
  task: SubmittedTask,
  idOf: (part: SubmittedBytes) => Promise<ContentId>,
): Promise<JobTask> {
  const { kind, module, limits, floats } = submission
  const files: TaskFile[] = []
  for (const { path, content } of task.files ?? []) files.push({ path, content: await idOf(content) })
  const input: ContentId[] = []
  for (const part of task.input ?? []) input.push(await idOf(part))
  const fuel: Fuel = task.fuel ?? limits.fuel
  return {
    key: task.key,
    task: {
      version: 1,
      kind,
      module,
      meterVersion: METER_VERSION,
      args: task.args ?? [],
      input,
      files,
      limits: { ...limits, fuel },
      seed: submission.seed ?? new Uint8Array(SEED_BYTES),
      declaredTime: submission.declaredTimeMs ?? (0 as UnixMs),
      ...(floats === undefined ? {} : { floats }),
    },
  }
}
