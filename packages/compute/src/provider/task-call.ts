import type { ContentId, MicroUsd, PeerId } from '@stead/core'
import { contentIdOf, type Task, taskSchema } from '@stead/protocol'
import type { CallInput } from '@stead/sandbox'
import type { BlobExchange } from '../blobs/blob-exchange.ts'
import { callOfBlobs } from '../call-input.ts'
import { ComputeError } from '../errors.ts'
import type { RunTask } from '../messages.ts'
import { amountOf } from '../meter.ts'
import { type ComputeTerms, needOfTask, termsMismatch } from '../terms.ts'

/** A task that the quoted terms allow. */
export interface CheckedTask {
  readonly id: ContentId
  readonly task: Task
  readonly peer: PeerId
  readonly terms: ComputeTerms
  /** Blobs that came with the request, by id. */
  readonly inline: ReadonlyMap<ContentId, Uint8Array>
}

/**
 * Reads a task and holds it against the terms that were quoted, before anything is pulled for it.
 * @throws ProtocolError when it does not decode
 * @throws ComputeError COMPUTE_METER_VERSION, COMPUTE_LIMIT, COMPUTE_MAXIMUM_TOO_LOW
 */
export function checkTask(peer: PeerId, message: RunTask, terms: ComputeTerms): CheckedTask {
  const task = taskSchema.decodeDocument(message.task)
  const mismatch = termsMismatch(terms, { ...needOfTask(task), moduleBytes: 0, inputBytes: 0 })
  if (mismatch !== undefined) throw limitError(mismatch.limit, mismatch.need, mismatch.have)
  checkMaximum(task, message.maximumMicroUsd, terms)
  const inline = new Map(message.blobs.map((bytes) => [contentIdOf('raw', bytes), bytes]))
  return { id: contentIdOf('dag-cbor', message.task), task, peer, terms, inline }
}

function checkMaximum(task: Task, haveMicroUsd: MicroUsd, terms: ComputeTerms): void {
  const needMicroUsd = amountOf(terms, task.limits.fuel)
  if (haveMicroUsd >= needMicroUsd) return
  const message = `the task may cost ${needMicroUsd} micro-dollars, ${haveMicroUsd} are reserved for it`
  throw new ComputeError('COMPUTE_MAXIMUM_TOO_LOW', message, { details: { needMicroUsd, haveMicroUsd } })
}

/** Says which limit a task exceeds and by how much. */
function limitError(limit: string, need: bigint | number, have: bigint | number): ComputeError {
  const code = limit === 'meter-version' ? 'COMPUTE_METER_VERSION' : 'COMPUTE_LIMIT'
  const message = `${limit}: the task needs ${need}, the terms allow ${have}`
  return new ComputeError(code, message, { details: { limit, need, have } })
}

/** True when every input and file of a task came with its request. */
export function isComplete({ task, inline }: CheckedTask): boolean {
  return task.input.every((id) => inline.has(id)) && task.files.every(({ content }) => inline.has(content))
}

/**
 * Gathers what a task's call takes, from the request, the cache, or the payer.
 * @throws ComputeError COMPUTE_LIMIT when input and files are together more than the terms allow, and as BlobExchange.pull
 */
export async function callOf(
  checked: CheckedTask,
  blobs: BlobExchange,
  options: { readonly pullTimeoutMs: number; readonly signal: AbortSignal },
): Promise<CallInput> {
  const { task } = checked
  let leftBytes = checked.terms.inputBytesMax
  const gathered = async (id: ContentId): Promise<Uint8Array> => {
    const here = checked.inline.get(id) ?? blobs.cache.peek(id) ?? (await blobs.cache.get(id))
    const bytes = here ?? (await pulled(checked.peer, id, { blobs, bytesMax: leftBytes, ...options }))
    if (bytes.length > leftBytes) throw limitError('input-size', bytes.length, leftBytes)
    leftBytes -= bytes.length
    return bytes
  }
  return callOfBlobs(task, gathered)
}

async function pulled(
  peer: PeerId,
  id: ContentId,
  options: {
    readonly blobs: BlobExchange
    readonly bytesMax: number
    readonly pullTimeoutMs: number
    readonly signal: AbortSignal
  },
): Promise<Uint8Array> {
  const { blobs, bytesMax, pullTimeoutMs: timeoutMs, signal } = options
  const bytes = await blobs.pull(peer, id, { bytesMax, timeoutMs, signal })
  // In memory only: what a payer sends must not lie on the provider's disk.
  blobs.cache.hold(id, bytes)
  return bytes
}
