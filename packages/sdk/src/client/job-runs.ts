import type { Address, ContentId, MicroUsd } from '@stead/core'
import type { JobResultLine, JobSubmission, JobVerification, SubmittedBytes, SubmittedTask } from '../api/jobs.ts'
import { checkJobPlan } from '../job/define-job.ts'
import type { JobPlan, PlannedBytes, PlannedTask, TaskResult } from '../job/job-package.ts'
import type { CallOptions, DaemonClient } from './daemon-client.ts'

/** On what terms a plan is run. */
export interface JobTerms {
  readonly name: string
  readonly verification: JobVerification
  /** Hard cap. */
  readonly maxCostMicroUsd: MicroUsd
  readonly maxRttMs?: number
  readonly deadlineMs?: number
  readonly operators?: readonly Address[]
  readonly hedge?: boolean
  /** Asks for strict floats even where the plan does not. */
  readonly floats?: 'strict'
}

/** Parts up to this size travel inside the submission; a larger one is uploaded first. */
const INLINE_BYTES_MAX = 4096
/** Uploads at once. */
const UPLOADS_MAX = 8

/**
 * Checks a plan, stores its module and blobs at the daemon, and gives the submission for {@link DaemonClient.submitJob}
 * or {@link DaemonClient.quoteJob}; nothing is placed or funded yet.
 * @throws SdkError as {@link checkJobPlan}, and what the daemon throws
 */
export async function prepareJob(
  client: DaemonClient,
  plan: JobPlan,
  terms: JobTerms & CallOptions,
): Promise<JobSubmission> {
  checkJobPlan(plan)
  const { signal, ...rest } = terms
  const ids = await upload(client, uploadsOf(plan), signal === undefined ? {} : { signal })
  const idOf = (bytes: Uint8Array): ContentId => {
    const id = ids.get(bytes)
    if (id === undefined) throw new TypeError('a part of the plan was not uploaded')
    return id
  }
  const partOf = (part: PlannedBytes): SubmittedBytes => {
    const bytes = bytesOf(plan, part)
    return ids.has(bytes) ? { blob: idOf(bytes) } : { bytes }
  }
  const floats = rest.floats ?? plan.floats
  return {
    ...rest,
    ...(floats === undefined ? {} : { floats }),
    kind: plan.kind,
    module: idOf(plan.module),
    limits: plan.limits,
    ...(plan.seed === undefined ? {} : { seed: plan.seed }),
    context: plan.context,
    tasks: plan.tasks.map((task) => submittedTask(task, partOf)),
  }
}

/** A line of results as {@link JobPackage.report} takes it. */
export function taskResultOf(line: JobResultLine): TaskResult {
  const { key, status, reason, output, exitCode, stderr, files, fuel } = line
  return {
    key,
    status,
    ...(reason === undefined ? {} : { reason }),
    output,
    exitCode,
    stderr,
    files: new Map(files.map((file) => [file.path, file.bytes])),
    fuel,
  }
}

function submittedTask(task: PlannedTask, partOf: (part: PlannedBytes) => SubmittedBytes): SubmittedTask {
  const { key, args, input, files, fuel } = task
  return {
    key,
    ...(args === undefined ? {} : { args }),
    ...(input === undefined ? {} : { input: input.map(partOf) }),
    ...(files === undefined ? {} : { files: [...files].map(([path, part]) => ({ path, content: partOf(part) })) }),
    ...(fuel === undefined ? {} : { fuel }),
  }
}

function uploadsOf(plan: JobPlan): Set<Uint8Array> {
  const uploads = new Set<Uint8Array>([plan.module, ...(plan.blobs?.values() ?? [])])
  for (const { input, files } of plan.tasks) {
    for (const part of [...(input ?? []), ...(files?.values() ?? [])]) {
      const bytes = bytesOf(plan, part)
      if (bytes.length > INLINE_BYTES_MAX) uploads.add(bytes)
    }
  }
  return uploads
}

function bytesOf(plan: JobPlan, part: PlannedBytes): Uint8Array {
  if (part instanceof Uint8Array) return part
  const shared = plan.blobs?.get(part.blob)
  if (shared === undefined) throw new TypeError(`the plan has no blob ${JSON.stringify(part.blob)}`)
  return shared
}

async function upload(
  client: DaemonClient,
  uploads: ReadonlySet<Uint8Array>,
  options: CallOptions,
): Promise<ReadonlyMap<Uint8Array, ContentId>> {
  const ids = new Map<Uint8Array, ContentId>()
  const queue = uploads.values()
  const worker = async (): Promise<void> => {
    for (const bytes of queue) ids.set(bytes, (await client.putBlob(bytes, options)).id)
  }
  await Promise.all(Array.from({ length: Math.min(UPLOADS_MAX, uploads.size) }, worker))
  return ids
}
