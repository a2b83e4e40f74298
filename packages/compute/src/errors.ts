import { type ErrorCatalog, SteadError, type SteadErrorOptions } from '@stead/core'

/** Codes of {@link ComputeError}. */
export type ComputeErrorCode =
  | 'COMPUTE_BAD_JOB'
  | 'COMPUTE_JOB_UNKNOWN'
  | 'COMPUTE_JOURNAL'
  | 'COMPUTE_FEWER_OPERATORS'
  | 'COMPUTE_STOPPED'
  | 'COMPUTE_BUSY'
  | 'COMPUTE_PAUSED'
  | 'COMPUTE_FINISHING'
  | 'COMPUTE_LIMIT'
  | 'COMPUTE_METER_VERSION'
  | 'COMPUTE_MAXIMUM_TOO_LOW'
  | 'COMPUTE_TIMED_OUT'
  | 'COMPUTE_NODE_FAULT'
  | 'COMPUTE_CANCELLED'
  | 'COMPUTE_BLOB_MISSING'
  | 'COMPUTE_BLOB_UNAVAILABLE'
  | 'COMPUTE_BLOB_TOO_LARGE'

/** What each code of this package means. */
export const computeErrorCatalog: ErrorCatalog<ComputeErrorCode> = {
  COMPUTE_BAD_JOB: {
    kind: 'user',
    retryable: false,
    meaning: 'A job cannot be run as it is written; the message names the field.',
    next: 'Correct the named field and submit again.',
  },
  COMPUTE_JOB_UNKNOWN: {
    kind: 'user',
    retryable: false,
    meaning: 'No job with this id is known here.',
    next: 'List the jobs of this node: stead jobs',
  },
  COMPUTE_JOURNAL: {
    kind: 'system',
    retryable: false,
    meaning: 'The journal of a job cannot be read; other jobs go on.',
    next: 'Keep a copy of the data directory, then run: stead doctor',
  },
  COMPUTE_FEWER_OPERATORS: {
    kind: 'user',
    retryable: true,
    meaning: 'Fewer distinct operators match a job than its verification needs.',
    next: 'Use --verification trust, loosen the limits of the job, or wait for more nodes: stead peers',
  },
  COMPUTE_STOPPED: {
    kind: 'system',
    retryable: true,
    meaning: 'Compute was used before it was started or after it was stopped.',
    next: 'Start the node again: stead up',
  },
  COMPUTE_BUSY: {
    kind: 'peer',
    retryable: true,
    meaning: 'The provider runs and queues as many tasks as it accepts.',
    next: 'Wait a moment; placement uses another node meanwhile.',
  },
  COMPUTE_PAUSED: {
    kind: 'peer',
    retryable: true,
    meaning: "The provider's operator has paused it.",
    next: 'Use another node, or wait until it resumes.',
  },
  COMPUTE_FINISHING: {
    kind: 'peer',
    retryable: false,
    meaning: 'The provider finishes what it has and takes no more.',
    next: 'Use another node.',
  },
  COMPUTE_LIMIT: {
    kind: 'user',
    retryable: false,
    meaning: 'A task asks for more than the quoted terms allow.',
    next: 'Lower the named limit of the task, or choose a node with more: stead quote',
  },
  COMPUTE_METER_VERSION: {
    kind: 'user',
    retryable: false,
    meaning: 'The task is metered by another version of the cost table than the provider has.',
    next: 'Update Stead on the side with the older version.',
  },
  COMPUTE_MAXIMUM_TOO_LOW: {
    kind: 'user',
    retryable: false,
    meaning: 'The amount reserved for a task is less than its fuel limit may cost.',
    next: 'Lower the fuel limit of the task, or reserve what it may cost.',
  },
  COMPUTE_TIMED_OUT: {
    kind: 'peer',
    retryable: true,
    meaning: 'The task reached its time limit on the provider; nothing is billed.',
    next: 'Raise timeMs in the limits of the task if this happens on several nodes.',
  },
  COMPUTE_NODE_FAULT: {
    kind: 'peer',
    retryable: true,
    meaning: "The provider's machine failed while it ran the task; nothing is billed.",
    next: 'Nothing to do; the task is placed again elsewhere.',
  },
  COMPUTE_CANCELLED: {
    kind: 'user',
    retryable: true,
    meaning: 'The payer cancelled the task before it was done; nothing is billed.',
    next: 'Submit it again when you want it to finish.',
  },
  COMPUTE_BLOB_MISSING: {
    kind: 'user',
    retryable: false,
    meaning: 'A task names bytes that this node does not have.',
    next: 'Put the named module or input into the blob store first, then submit again.',
  },
  COMPUTE_BLOB_UNAVAILABLE: {
    kind: 'peer',
    retryable: true,
    meaning: 'A peer does not give the bytes with this content id, or not to this node.',
    next: 'Nothing to do; the task is placed again.',
  },
  COMPUTE_BLOB_TOO_LARGE: {
    kind: 'peer',
    retryable: false,
    meaning: 'Bytes that a peer names are more than the limit for them.',
    next: 'Send less, or choose a node with a larger limit: stead quote',
  },
}

/** A job, task or blob that is refused or cannot be served. */
export class ComputeError extends SteadError<ComputeErrorCode> {
  constructor(code: ComputeErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(computeErrorCatalog, code, message, options)
  }
}
