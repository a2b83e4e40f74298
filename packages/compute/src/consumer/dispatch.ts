import { type ContentId, hasCode, isSteadError, type MicroUsd, messageOf, type Network, type PeerId } from '@stead/core'
import type { Reservation } from '@stead/market'
import { contentIdOf, type OutcomeRecord, outcomeRecordSchema } from '@stead/protocol'
import type { BlobExchange } from '../blobs/blob-exchange.ts'
import { EMPTY_BLOB } from '../evidence.ts'
import {
  COMPUTE_PROTOCOL,
  INLINE_BLOB_BYTES_MAX,
  INLINE_TOTAL_BYTES_MAX,
  runTaskSchema,
  type TaskAnswer,
  taskAnswerSchema,
} from '../messages.ts'
import { amountOf } from '../meter.ts'
import { isAboutTask } from '../sandbox-verdicts.ts'
import type { ComputeTerms } from '../terms.ts'
import type { LossReason } from './job-event.ts'
import type { PlannedTask } from './job-plan.ts'

/** One task on its way to one node. */
export interface DispatchRequest {
  readonly task: PlannedTask
  readonly peer: PeerId
  readonly channel: `0x${string}`
  readonly reservation: Reservation
  /** The terms that price this delivery. */
  readonly terms: ComputeTerms
  /** True when the node is known to have the module, so that it need not travel again. */
  readonly hasModule: boolean
  readonly timeoutMs: number
  readonly pullTimeoutMs: number
  readonly outputBytesMax: number
  readonly signal: AbortSignal
}

/** What came of it. */
export type DispatchResult =
  | {
      readonly kind: 'answer'
      readonly outcome: ContentId
      readonly record: OutcomeRecord
      readonly amountMicroUsd: MicroUsd
      /** Output, stderr and files that are not in the blob store yet, checked against their ids. */
      readonly blobs: readonly (readonly [ContentId, Uint8Array])[]
    }
  | { readonly kind: 'lie'; readonly reason: 'malformed' | 'over-billed'; readonly detail: string }
  | { readonly kind: 'loss'; readonly reason: LossReason; readonly code: string; readonly detail: string }

/** What dispatching stands on. */
export interface DispatchComponents {
  readonly network: Network
  readonly blobs: BlobExchange
}

class Lie extends Error {
  readonly reason: 'malformed' | 'over-billed'
  constructor(reason: 'malformed' | 'over-billed', message: string) {
    super(message)
    this.reason = reason
  }
}

/** The answer is there and what it names is not. */
class OutputLost extends Error {}

/** Sends a task and checks what comes back as far as that is possible without another node's result. Never throws. */
export async function dispatch(components: DispatchComponents, request: DispatchRequest): Promise<DispatchResult> {
  const { network, blobs } = components
  const { peer, timeoutMs, signal } = request
  const { payload, granted } = messageOfTask(blobs, request)
  for (const id of granted) blobs.grant(peer, id)
  try {
    const bytes = await network.request(peer, COMPUTE_PROTOCOL, payload, { timeoutMs, signal })
    return await checkedAnswer(blobs, request, bytes)
  } catch (error) {
    if (error instanceof Lie) return { kind: 'lie', reason: error.reason, detail: error.message }
    return lossOf(error, signal)
  } finally {
    for (const id of granted) blobs.revoke(peer, id)
  }
}

function messageOfTask(blobs: BlobExchange, request: DispatchRequest) {
  const { task, channel, reservation } = request
  const inline: Uint8Array[] = []
  const granted: ContentId[] = []
  let roomBytes = INLINE_TOTAL_BYTES_MAX
  for (const [index, id] of task.blobs.entries()) {
    const isKnownModule = index === 0 && request.hasModule
    const bytes = isKnownModule ? undefined : blobs.cache.peek(id)
    if (bytes !== undefined && bytes.length <= INLINE_BLOB_BYTES_MAX && bytes.length <= roomBytes) {
      roomBytes -= bytes.length
      inline.push(bytes)
    } else {
      granted.push(id)
    }
  }
  const { delivery, maximumMicroUsd } = reservation
  const message = { channel: channel as never, delivery, task: task.document, blobs: inline, maximumMicroUsd }
  return { payload: runTaskSchema.encodeMessage(message), granted }
}

/** @throws Lie when the answer is wrong whatever other nodes say, and the errors of a pull */
async function checkedAnswer(
  blobs: BlobExchange,
  request: DispatchRequest,
  bytes: Uint8Array,
): Promise<DispatchResult> {
  const answer = decoded(() => taskAnswerSchema.decodeMessage(bytes))
  const record = decoded(() => outcomeRecordSchema.decodeDocument(answer.record))
  checkRecord(request, answer, record)
  const taken = await outputBlobs(blobs, request, { answer, record })
  const outcome = contentIdOf('dag-cbor', answer.record)
  return { kind: 'answer', outcome, record, amountMicroUsd: answer.amountMicroUsd, blobs: taken }
}

function checkRecord(request: DispatchRequest, answer: TaskAnswer, record: OutcomeRecord): void {
  const { task, terms } = request
  if (record.task !== task.id) throw new Lie('malformed', `the record is of task ${record.task}`)
  const allowed = task.fuelMax
  if (record.fuel > allowed) throw new Lie('over-billed', `fuel ${record.fuel} is above the limit ${allowed}`)
  const due = amountOf(terms, record.fuel)
  if (answer.amountMicroUsd !== due) {
    const reason = answer.amountMicroUsd > due ? 'over-billed' : 'malformed'
    throw new Lie(reason, `${answer.amountMicroUsd} micro-dollars for ${record.fuel} fuel, ${due} are due`)
  }
  // Replicas are compared by the id of these bytes, so there must be one spelling only.
  const spelling = outcomeRecordSchema.encodeDocument(record)
  const isCanonical = spelling.length === answer.record.length && spelling.every((byte, i) => byte === answer.record[i])
  if (!isCanonical) throw new Lie('malformed', 'the record is not in its canonical form')
}

async function outputBlobs(
  blobs: BlobExchange,
  request: DispatchRequest,
  { answer, record }: { readonly answer: TaskAnswer; readonly record: OutcomeRecord },
): Promise<(readonly [ContentId, Uint8Array])[]> {
  const named = new Set([record.output, record.stderr, ...record.files.map(({ content }) => content)])
  named.delete(EMPTY_BLOB)
  const taken = new Map<ContentId, Uint8Array>()
  let leftBytes = request.outputBytesMax
  const take = (id: ContentId, bytes: Uint8Array): void => {
    leftBytes -= bytes.length
    // An abort message, put into stderr, is not the guest's output and has a limit of its own.
    if (leftBytes < -TRAP_DETAIL_BYTES_MAX)
      throw new Lie('malformed', `the output is above ${request.outputBytesMax} bytes`)
    if (!blobs.cache.isStored(id)) taken.set(id, bytes)
  }
  for (const bytes of answer.blobs) {
    const id = contentIdOf('raw', bytes)
    if (!named.delete(id)) throw new Lie('malformed', 'the answer carries bytes that its record does not name')
    take(id, bytes)
  }
  for (const id of named) {
    if (blobs.cache.has(id)) continue
    take(id, await pulled(blobs, request, { id, bytesMax: Math.max(leftBytes, 0) }))
  }
  return [...taken]
}

async function pulled(
  blobs: BlobExchange,
  request: DispatchRequest,
  { id, bytesMax }: { readonly id: ContentId; readonly bytesMax: number },
): Promise<Uint8Array> {
  const { peer, pullTimeoutMs: timeoutMs, signal } = request
  try {
    return await blobs.pull(peer, id, { bytesMax, timeoutMs, signal })
  } catch (error) {
    if (hasCode(error, 'PROTOCOL_CONTENT') || hasCode(error, 'COMPUTE_BLOB_TOO_LARGE'))
      throw new Lie('malformed', error.message)
    throw new OutputLost(messageOf(error))
  }
}

const TRAP_DETAIL_BYTES_MAX = 4096

function decoded<T>(decode: () => T): T {
  try {
    return decode()
  } catch (error) {
    throw new Lie('malformed', messageOf(error))
  }
}

const LOSSES: Readonly<Record<string, LossReason>> = {
  NETWORK_TIMEOUT: 'silent',
  NETWORK_UNREACHABLE: 'unreachable',
  NETWORK_UNSUPPORTED: 'refused',
  NETWORK_BUSY: 'busy',
  COMPUTE_BUSY: 'busy',
  MARKET_BUSY: 'busy',
  MARKET_CREDIT_EXHAUSTED: 'credit',
  COMPUTE_TIMED_OUT: 'timed-out',
  COMPUTE_NODE_FAULT: 'node-fault',
}

/** What an error of the request means for the delivery. */
function lossOf(error: unknown, signal: AbortSignal): DispatchResult {
  if (signal.aborted) return { kind: 'loss', reason: 'cancelled', code: 'CORE_ABORTED', detail: '' }
  if (error instanceof OutputLost)
    return { kind: 'loss', reason: 'output-unavailable', code: 'COMPUTE_BLOB_UNAVAILABLE', detail: error.message }
  if (hasCode(error, 'NETWORK_BAD_MESSAGE')) return { kind: 'lie', reason: 'malformed', detail: error.message }
  if (!isSteadError(error)) return { kind: 'loss', reason: 'node-fault', code: 'internal', detail: messageOf(error) }
  if (error.code !== 'NETWORK_REMOTE') {
    return { kind: 'loss', reason: LOSSES[error.code] ?? 'unreachable', code: error.code, detail: error.message }
  }
  const code = String(error.details.remoteCode ?? 'unknown')
  const detail = String(error.details.remoteMessage ?? error.message)
  return { kind: 'loss', reason: remoteLoss(code), code, detail }
}

function remoteLoss(code: string): LossReason {
  if (isAboutTask(code)) return 'module-refused'
  // How long a module took to load, or whether the executor was up, says nothing about the module.
  if (code.startsWith('SANDBOX_')) return 'node-fault'
  // What the provider could not pull was ours to give; it is a fault of the way, not of the task.
  if (code === 'COMPUTE_BLOB_UNAVAILABLE' || code === 'PEER_INTERNAL') return 'node-fault'
  return LOSSES[code] ?? 'refused'
}
