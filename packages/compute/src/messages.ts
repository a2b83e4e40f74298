import type { ContentId, Hash, MicroUsd } from '@stead/core'
import {
  bytesField,
  contentIdField,
  defineSchema,
  fixedBytesField,
  hashField,
  listField,
  microUsdField,
  type Schema,
  TASK_BYTES_MAX,
  uintField,
} from '@stead/protocol'

/** The protocol by which a payer has a task run: {@link RunTask} answered by {@link TaskAnswer}. */
export const COMPUTE_PROTOCOL = '/stead/compute/1'
/** The protocol by which blobs are pulled: {@link GetBlob} answered by {@link BlobChunk}. */
export const BLOBS_PROTOCOL = '/stead/blobs/1'

/** Largest blob that travels inside a RunTask. */
export const INLINE_BLOB_BYTES_MAX: number = 64 * 1024
/** Most bytes of all blobs inside one RunTask together. */
export const INLINE_TOTAL_BYTES_MAX: number = 256 * 1024
/** Most bytes of output, stderr and files inside one TaskAnswer; what does not fit is pulled. */
export const ANSWER_INLINE_BYTES_MAX: number = 1024 * 1024
/** Most bytes of a blob in one answer. */
export const BLOB_CHUNK_BYTES_MAX: number = 256 * 1024
/** Largest message of the compute protocol. */
export const COMPUTE_MESSAGE_BYTES_MAX: number = ANSWER_INLINE_BYTES_MAX + 128 * 1024
/** Largest message of the blob protocol. */
export const BLOBS_MESSAGE_BYTES_MAX: number = BLOB_CHUNK_BYTES_MAX + 1024
/** Most blobs inside one RunTask or TaskAnswer: a module, inputs and files; or output, stderr and files. */
const BLOBS_MAX = 130

/** A payer's request to run one task on a paid channel. Nothing in it tells a replica from an original. */
export interface RunTask {
  readonly channel: Hash
  /** 16 random bytes by the payer: the name of this delivery. */
  readonly delivery: Uint8Array
  /** The task's DAG-CBOR document. */
  readonly task: Uint8Array
  /** Blobs that the task names, each at most 64 KiB; others are pulled when they are not in the provider's cache. */
  readonly blobs: readonly Uint8Array[]
  /** What the payer has reserved: at least the price of the task's fuel limit. */
  readonly maximumMicroUsd: MicroUsd
}

/** Encoding of {@link RunTask}. */
export const runTaskSchema: Schema<RunTask> = defineSchema<RunTask>('RunTask', COMPUTE_MESSAGE_BYTES_MAX, {
  channel: [1, hashField],
  delivery: [2, fixedBytesField(16)],
  task: [3, bytesField(TASK_BYTES_MAX)],
  blobs: [4, listField(bytesField(INLINE_BLOB_BYTES_MAX), BLOBS_MAX)],
  maximumMicroUsd: [5, microUsdField],
})

/** A provider's answer to {@link RunTask}: a billed outcome. What is not billed is an error instead. */
export interface TaskAnswer {
  /** The outcome record's DAG-CBOR document; it carries the fuel. */
  readonly record: Uint8Array
  /** Output, stderr and files as far as they fit into 1 MiB; the others are pulled by content id. */
  readonly blobs: readonly Uint8Array[]
  /** What this delivery costs by the quoted price. */
  readonly amountMicroUsd: MicroUsd
}

/** Encoding of {@link TaskAnswer}. */
export const taskAnswerSchema: Schema<TaskAnswer> = defineSchema<TaskAnswer>('TaskAnswer', COMPUTE_MESSAGE_BYTES_MAX, {
  record: [1, bytesField(TASK_BYTES_MAX)],
  blobs: [2, listField(bytesField(ANSWER_INLINE_BYTES_MAX), BLOBS_MAX)],
  amountMicroUsd: [3, microUsdField],
})

/** A request for a part of a blob. */
export interface GetBlob {
  readonly id: ContentId
  readonly offset: number
  /** 1 .. 256 KiB. */
  readonly length: number
}

/** Encoding of {@link GetBlob}. */
export const getBlobSchema: Schema<GetBlob> = defineSchema<GetBlob>('GetBlob', 128, {
  id: [1, contentIdField],
  offset: [2, uintField()],
  length: [3, uintField(BLOB_CHUNK_BYTES_MAX)],
})

/** A part of a blob, and how large the whole is. */
export interface BlobChunk {
  readonly totalBytes: number
  readonly bytes: Uint8Array
}

/** Encoding of {@link BlobChunk}. */
export const blobChunkSchema: Schema<BlobChunk> = defineSchema<BlobChunk>('BlobChunk', BLOBS_MESSAGE_BYTES_MAX, {
  totalBytes: [1, uintField()],
  bytes: [2, bytesField(BLOB_CHUNK_BYTES_MAX)],
})
