import { type ContentId, type Fuel, messageOf } from '@stead/core'
import { contentIdOf, type OutcomeRecord, outcomeRecordSchema, type TaskFile } from '@stead/protocol'
import type { Outcome } from '@stead/sandbox'
import { ComputeError } from './errors.ts'

/** The content id of no bytes at all: what `output` and `stderr` are when there is nothing. */
export const EMPTY_BLOB: ContentId = contentIdOf('raw', new Uint8Array(0))

/** A billed outcome in the form that replicas agree on. */
export interface Evidence {
  readonly record: OutcomeRecord
  /** The record's DAG-CBOR bytes. */
  readonly bytes: Uint8Array
  /** The content id of `bytes`: the result's name. */
  readonly id: ContentId
  /** What the record names, without the empty blob. */
  readonly blobs: ReadonlyMap<ContentId, Uint8Array>
}

const text = new TextEncoder()

/**
 * Turns what the sandbox says into evidence; undefined for `timed-out` and `node-fault`, which say something about
 * the machine only, have no record and are not billed.
 * @throws ComputeError COMPUTE_NODE_FAULT when no payer could read the record: the sandbox broke its own limits
 */
export function evidenceOf(task: ContentId, outcome: Outcome): Evidence | undefined {
  const blobs = new Map<ContentId, Uint8Array>()
  const named = (bytes: Uint8Array): ContentId => {
    if (bytes.length === 0) return EMPTY_BLOB
    const id = contentIdOf('raw', bytes)
    blobs.set(id, bytes)
    return id
  }
  const record = recordOf(task, outcome, named)
  if (record === undefined) return undefined
  const bytes = encoded(record)
  return { record, bytes, id: contentIdOf('dag-cbor', bytes), blobs }
}

/** Only names can be too many or too long: the sandbox's words are bounded by its own types. */
function encoded(record: OutcomeRecord): Uint8Array {
  try {
    const bytes = outcomeRecordSchema.encodeDocument(record)
    if (record.files.length > 0) outcomeRecordSchema.decodeDocument(bytes)
    return bytes
  } catch (cause) {
    throw new ComputeError('COMPUTE_NODE_FAULT', `the result cannot be told: ${messageOf(cause)}`, { cause })
  }
}

function recordOf(
  task: ContentId,
  outcome: Outcome,
  named: (bytes: Uint8Array) => ContentId,
): OutcomeRecord | undefined {
  switch (outcome.status) {
    case 'ok': {
      const files: TaskFile[] = Array.from(outcome.files, ([path, content]) => ({ path, content: named(content) }))
      // Code unit order, whatever the sandbox's map says: equal results must have equal records.
      files.sort((left, right) => (left.path < right.path ? -1 : left.path > right.path ? 1 : 0))
      return {
        version: 1,
        task,
        status: 'ok',
        exitCode: outcome.exitCode,
        output: named(outcome.output),
        stderr: named(outcome.stderr),
        files,
        fuel: outcome.fuel,
      }
    }
    case 'trap': {
      // A guest's own last words are as deterministic as its output, and longer than a reason may be.
      const stderr = named(text.encode(outcome.detail))
      return { ...faulted(task, outcome.fuel), status: 'trap', reason: outcome.reason, stderr }
    }
    case 'out-of-fuel':
      return { ...faulted(task, outcome.fuel), status: 'out-of-fuel' }
    case 'limit': {
      const reason = `${outcome.limit} allowed=${outcome.allowed} wanted=${outcome.wanted}`
      return { ...faulted(task, outcome.fuel), status: 'limit', reason }
    }
    case 'timed-out':
    case 'node-fault':
      return undefined
  }
}

function faulted(task: ContentId, fuel: Fuel): Omit<OutcomeRecord, 'status'> {
  return { version: 1, task, exitCode: 0, output: EMPTY_BLOB, stderr: EMPTY_BLOB, files: [], fuel }
}

/** How a differing replica differs: `over-billed` when only the fuel does and is higher, else `wrong-result`. */
export function differenceOf(agreed: OutcomeRecord, other: OutcomeRecord): 'over-billed' | 'wrong-result' {
  if (other.fuel <= agreed.fuel) return 'wrong-result'
  const sameFuel = outcomeRecordSchema.encodeDocument({ ...other, fuel: agreed.fuel })
  const wanted = outcomeRecordSchema.encodeDocument(agreed)
  const isEqual = sameFuel.length === wanted.length && sameFuel.every((byte, index) => byte === wanted[index])
  return isEqual ? 'over-billed' : 'wrong-result'
}
