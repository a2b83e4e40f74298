import type { Address, Clock, ContentId, Fuel, Hash, MicroUsd, Random, UnixMs } from '@stead/core'
import { contentIdOf, payloadOf, type Task, taskSchema } from '@stead/protocol'
import type { FloatMode } from '@stead/sandbox'
import type { BlobCache } from '../blobs/blob-cache.ts'
import { ComputeError } from '../errors.ts'
import { floatsOf } from '../floats.ts'
import { type ComputeNeed, needOfTask } from '../terms.ts'
import type { JobRequest, JobTask, Verification } from './job.ts'
import { encodeRow } from './json-row.ts'

/** Most tasks of one job. */
export const JOB_TASKS_MAX = 100_000
/** Largest context of one job in bytes. */
export const JOB_CONTEXT_BYTES_MAX: number = 1024 * 1024
const TEXT_LENGTH_MAX = 256
const REPLICAS_MAX = 64
/** Tasks that are encoded before other work gets its turn: some 20 ms. */
const TASKS_PER_TURN = 512

/** A task ready to be sent. */
export interface PlannedTask {
  readonly key: string
  /** The task's DAG-CBOR document. */
  readonly document: Uint8Array
  readonly id: ContentId
  readonly module: ContentId
  readonly fuelMax: Fuel
  readonly timeMs: number
  readonly floats: FloatMode
  /** Module, input and files, each once. */
  readonly blobs: readonly ContentId[]
}

/** What a job is, without its tasks: one row of the journal. */
export interface JobHeader {
  readonly version: 1
  readonly id: Hash
  readonly name: string
  readonly tasks: number
  readonly verification: Verification
  readonly maxCostMicroUsd: MicroUsd
  readonly maxRttMs: number | undefined
  readonly deadlineAt: UnixMs | undefined
  readonly operators: readonly Address[] | undefined
  readonly hedge: boolean
  readonly ifFewerOperators: 'fail' | 'trust'
  readonly submittedAt: UnixMs
  /** The most that any of its tasks needs in each respect. */
  readonly need: ComputeNeed
}

/** A job ready to be run. */
export interface JobPlan {
  readonly header: JobHeader
  readonly tasks: readonly PlannedTask[]
}

/** What planning needs. */
export interface PlanComponents {
  readonly blobs: BlobCache
  readonly clock: Clock
  readonly random: Random
}

function bad(field: string, message: string): ComputeError {
  return new ComputeError('COMPUTE_BAD_JOB', `${field}: ${message}`, { details: { field } })
}

/**
 * Checks a request and makes its tasks ready.
 * @throws ComputeError COMPUTE_BAD_JOB naming the field, COMPUTE_BLOB_MISSING naming task and content id
 */
export async function planJob(request: JobRequest, components: PlanComponents): Promise<JobPlan> {
  checkRequest(request)
  const tasks: PlannedTask[] = []
  const keys = new Set<string>()
  for (const [index, task] of request.tasks.entries()) {
    if (index % TASKS_PER_TURN === TASKS_PER_TURN - 1) await components.clock.sleep(0)
    checkKey(task.key, keys)
    tasks.push(planTask(task))
  }
  const need = needOf(request.tasks, components.blobs)
  const submittedAt = components.clock.now()
  const facts = {
    version: 1 as const,
    name: request.name,
    tasks: tasks.length,
    verification: request.verification,
    maxCostMicroUsd: request.maxCostMicroUsd,
    maxRttMs: request.maxRttMs,
    deadlineAt: request.deadlineMs === undefined ? undefined : ((submittedAt + request.deadlineMs) as UnixMs),
    operators: request.operators,
    hedge: request.hedge ?? true,
    ifFewerOperators: request.ifFewerOperators ?? 'fail',
    submittedAt,
    need,
  }
  const nonce = Array.from(components.random.bytes(16))
  const named = { nonce, name: facts.name, submittedAt, tasks: tasks.map(({ id }) => id) }
  return { header: { ...facts, id: payloadOf(encodeRow(named)) }, tasks }
}

function checkRequest(request: JobRequest): void {
  const { name, tasks, verification, context } = request
  checkText('name', name)
  if (tasks.length === 0) throw bad('tasks', 'a job needs at least one task; the input set is empty')
  if (tasks.length > JOB_TASKS_MAX) throw bad('tasks', `at most ${JOB_TASKS_MAX} are allowed, not ${tasks.length}`)
  if (request.maxCostMicroUsd <= 0n) throw bad('maxCostMicroUsd', 'must be above 0')
  checkDuration('maxRttMs', request.maxRttMs)
  checkDuration('deadlineMs', request.deadlineMs)
  if (request.operators?.length === 0) throw bad('operators', 'an empty list would match no node; leave it out for all')
  if (context !== undefined && context.length > JOB_CONTEXT_BYTES_MAX)
    throw bad('context', `at most ${JOB_CONTEXT_BYTES_MAX} bytes are kept, not ${context.length}`)
  checkVerification(verification)
}

function checkDuration(field: string, value: number | undefined): void {
  if (value !== undefined && !(Number.isFinite(value) && value > 0))
    throw bad(field, `must be above 0 ms, not ${value}`)
}

function checkVerification(verification: Verification): void {
  if (verification.mode === 'quorum') {
    const { replicas } = verification
    if (!Number.isInteger(replicas) || replicas < 1 || replicas > REPLICAS_MAX)
      throw bad('verification.replicas', `must be 1 .. ${REPLICAS_MAX}, not ${replicas}`)
  }
  if (verification.mode === 'adaptive' && verification.floor !== undefined) {
    const { floor } = verification
    if (!(floor >= 0 && floor <= 1)) throw bad('verification.floor', `must be 0 .. 1, not ${floor}`)
  }
}

function checkText(field: string, text: string): void {
  if (text.length < 1 || text.length > TEXT_LENGTH_MAX)
    throw bad(field, `must have 1 .. ${TEXT_LENGTH_MAX} characters, not ${text.length}`)
}

function checkKey(key: string, keys: Set<string>): void {
  checkText('tasks.key', key)
  if (keys.has(key)) throw bad('tasks.key', `two tasks are called ${JSON.stringify(key)}`)
  keys.add(key)
}

function planTask({ key, task }: JobTask): PlannedTask {
  let document: Uint8Array
  try {
    document = taskSchema.encodeDocument(task)
    // Whatever a provider would refuse to decode is refused here.
    taskSchema.decodeDocument(document)
  } catch (cause) {
    throw new ComputeError('COMPUTE_BAD_JOB', `task ${JSON.stringify(key)} cannot be encoded`, { cause })
  }
  return plannedOf(key, document, task)
}

/** A planned task from its journaled document. @throws ProtocolError when the document is damaged */
export function plannedFromDocument(key: string, document: Uint8Array): PlannedTask {
  return plannedOf(key, document, taskSchema.decodeDocument(document))
}

/** The same task with strict floats and the limits that they need. */
export function strictPlanOf(
  plan: PlannedTask,
  limits: { readonly fuelMax: Fuel; readonly timeMs: number },
): PlannedTask {
  const task = taskSchema.decodeDocument(plan.document)
  const { fuelMax: fuel, timeMs } = limits
  const strict: Task = { ...task, floats: 'strict', limits: { ...task.limits, fuel, timeMs } }
  return plannedOf(plan.key, taskSchema.encodeDocument(strict), strict)
}

function plannedOf(key: string, document: Uint8Array, task: Task): PlannedTask {
  const { fuel: fuelMax, timeMs } = task.limits
  return {
    key,
    document,
    id: contentIdOf('dag-cbor', document),
    module: task.module,
    fuelMax,
    timeMs,
    floats: floatsOf(task),
    blobs: blobsOf(task),
  }
}

function blobsOf(task: Task): readonly ContentId[] {
  if (task.input.length <= 1 && task.files.length === 0) return [task.module, ...task.input]
  return [...new Set([task.module, ...task.input, ...task.files.map(({ content }) => content)])]
}

/** @throws ComputeError COMPUTE_BLOB_MISSING */
function needOf(tasks: readonly JobTask[], blobs: BlobCache): ComputeNeed {
  const [first] = tasks
  if (first === undefined) throw bad('tasks', 'a job needs at least one task')
  const { meterVersion } = first.task
  const most = { fuel: 0n, memoryPages: 0, outputBytes: 0, timeMs: 0, moduleBytes: 0, inputBytes: 0 }
  for (const { key, task } of tasks) {
    const need = needOfTask(task)
    if (need.meterVersion !== meterVersion) throw bad('tasks.meterVersion', 'must be the same in all tasks')
    if (need.fuel < 1n) throw bad('tasks.limits.fuel', `must be above 0 in task ${JSON.stringify(key)}`)
    if (need.fuel > most.fuel) most.fuel = need.fuel
    most.memoryPages = Math.max(most.memoryPages, need.memoryPages)
    most.outputBytes = Math.max(most.outputBytes, need.outputBytes)
    most.timeMs = Math.max(most.timeMs, need.timeMs)
    most.moduleBytes = Math.max(most.moduleBytes, sizeOf(task.module, key, blobs))
    most.inputBytes = Math.max(most.inputBytes, inputBytesOf(task, key, blobs))
  }
  return { version: 1, module: first.task.module, meterVersion, ...most, fuel: most.fuel as Fuel }
}

function inputBytesOf(task: Task, key: string, blobs: BlobCache): number {
  let bytes = 0
  for (const id of task.input) bytes += sizeOf(id, key, blobs)
  for (const { content } of task.files) bytes += sizeOf(content, key, blobs)
  return bytes
}

function sizeOf(id: ContentId, key: string, blobs: BlobCache): number {
  const size = blobs.sizeOf(id)
  if (size !== undefined) return size
  const message = `task ${JSON.stringify(key)} names the blob ${id}, which is not in the blob store`
  throw new ComputeError('COMPUTE_BLOB_MISSING', message, { details: { task: key, id } })
}
