import type { Address, ContentId, MicroUsd } from '@stead/core'
import type { JobResultLine, JobSubmission, JobVerification, SubmittedBytes, SubmittedTask } from '../api/jobs.ts'
import { checkJobPlan } from '../job/define-job.ts'
import { isInputRange } from '../job/job-input.ts'
import type { InputRange, JobInput, JobPlan, PlannedBytes, PlannedTask, TaskResult } from '../job/job-package.ts'
import type { DaemonClient } from './daemon-client.ts'
import type { CallOptions } from './daemon-transport.ts'

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
/** Ranges of inputs at once. */
const RANGES_MAX = 2

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
  const call = signal === undefined ? {} : { signal }
  const ids = await upload(client, uploadsOf(plan), call)
  const ranges = await uploadRanges(client, rangesOf(plan), call)
  const idOf = (bytes: Uint8Array): ContentId => {
    const id = ids.get(bytes)
    if (id === undefined) throw new TypeError('a part of the plan was not uploaded')
    return id
  }
  const partOf = (part: PlannedBytes): SubmittedBytes => {
    if (isInputRange(part)) {
      const id = ranges.get(part.input)?.get(rangeName(part))
      if (id === undefined) throw new TypeError('a part of an input was not uploaded')
      return { blob: id }
    }
    const bytes = bytesHere(plan, part)
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

function partsOf(plan: JobPlan): readonly PlannedBytes[] {
  return plan.tasks.flatMap(({ input, files }) => [...(input ?? []), ...(files?.values() ?? [])])
}

function uploadsOf(plan: JobPlan): Set<Uint8Array> {
  const uploads = new Set<Uint8Array>([plan.module, ...(plan.blobs?.values() ?? [])])
  for (const part of partsOf(plan)) {
    if (isInputRange(part)) continue
    const bytes = bytesHere(plan, part)
    if (bytes.length > INLINE_BYTES_MAX) uploads.add(bytes)
  }
  return uploads
}

function bytesHere(plan: JobPlan, part: Exclude<PlannedBytes, InputRange>): Uint8Array {
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
  await forAll(uploads.values(), UPLOADS_MAX, async (bytes) => {
    ids.set(bytes, (await client.putBlob(bytes, options)).id)
  })
  return ids
}

function rangeName({ fromByte, toByte }: InputRange): string {
  return `${fromByte}-${toByte}`
}

/** Each once, however many tasks take it. */
function rangesOf(plan: JobPlan): readonly InputRange[] {
  const seen = new Map<JobInput, Set<string>>()
  return partsOf(plan)
    .filter(isInputRange)
    .filter((range) => {
      const names = seen.get(range.input) ?? new Set()
      seen.set(range.input, names)
      const isNew = !names.has(rangeName(range))
      names.add(rangeName(range))
      return isNew
    })
}

/** Few at once: each is in memory once, here or in the daemon. */
async function uploadRanges(
  client: DaemonClient,
  ranges: readonly InputRange[],
  options: CallOptions,
): Promise<ReadonlyMap<JobInput, ReadonlyMap<string, ContentId>>> {
  const ids = new Map<JobInput, Map<string, ContentId>>()
  await forAll(ranges.values(), RANGES_MAX, async (range) => {
    const known = ids.get(range.input) ?? new Map<string, ContentId>()
    ids.set(range.input, known)
    known.set(rangeName(range), await storeRange(client, range, options))
  })
  return ids
}

async function storeRange(
  client: DaemonClient,
  { input, fromByte, toByte }: InputRange,
  options: CallOptions,
): Promise<ContentId> {
  if (input.object === undefined) return (await client.putBlob(await input.read(fromByte, toByte), options)).id
  // An object without bytes has no range that one could ask for.
  if (fromByte === toByte) return (await client.putBlob(new Uint8Array(0), options)).id
  const { etag, ...where } = input.object
  return (await client.putBlobOfObject({ ...where, fromByte, toByte, ifMatch: etag }, options)).id
}

async function forAll<Item>(
  items: IteratorObject<Item>,
  atOnce: number,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const worker = async (): Promise<void> => {
    for (const item of items) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}
