export type { BillAudit, BillAuditInput, BillDifference, BilledChannel } from './audit.ts'
export { recomputeBill } from './audit.ts'
export type { BlobCacheComponents, BlobCacheOptions, PreparedBlob } from './blobs/blob-cache.ts'
export { BlobCache } from './blobs/blob-cache.ts'
export type { BlobExchangeComponents, PullOptions } from './blobs/blob-exchange.ts'
export { BlobExchange } from './blobs/blob-exchange.ts'
export type { ComputeConsumerComponents } from './consumer/compute-consumer.ts'
export { ComputeConsumer } from './consumer/compute-consumer.ts'
export type {
  JobHandle,
  JobNode,
  JobRequest,
  JobResult,
  JobState,
  JobStatus,
  JobTask,
  JobTaskCounts,
  TaskResult,
  UnfinishedReason,
  Verification,
} from './consumer/job.ts'
export { isFinal } from './consumer/job.ts'
export type {
  Digits,
  JobEvent,
  JobEventBody,
  LieReason,
  LossReason,
  NodeState,
  Purpose,
} from './consumer/job-event.ts'
export type { AcceptedDelivery, JobEvidence } from './consumer/job-evidence.ts'
export { JOB_CONTEXT_BYTES_MAX, JOB_TASKS_MAX } from './consumer/job-plan.ts'
export type { JobQuote, JobQuoteOffer } from './consumer/job-quote.ts'
export type { JobSummary } from './consumer/job-store.ts'
export { NEAR_PER_PROVIDER, PINGS_AT_ONCE } from './consumer/provider-search.ts'
export type { TrustRecord } from './consumer/trust-book.ts'
export type { ComputeErrorCode } from './errors.ts'
export { ComputeError, computeErrorCatalog } from './errors.ts'
export type { Evidence } from './evidence.ts'
export { EMPTY_BLOB, evidenceOf } from './evidence.ts'
export type { BlobChunk, GetBlob, RunTask, TaskAnswer } from './messages.ts'
export {
  BLOBS_PROTOCOL,
  blobChunkSchema,
  COMPUTE_PROTOCOL,
  getBlobSchema,
  runTaskSchema,
  taskAnswerSchema,
} from './messages.ts'
export type { ComputePrice } from './meter.ts'
export { amountOf } from './meter.ts'
export type {
  BlobInput,
  BlobOptions,
  ComputeConsumerInput,
  ComputeConsumerOptions,
  ComputeProviderInput,
  ComputeProviderOptions,
} from './options.ts'
export { blobOptionsSchema, computeConsumerOptionsSchema, computeProviderOptionsSchema } from './options.ts'
export type {
  ComputeProviderComponents,
  ComputeProviderState,
  ComputeProviderStatus,
} from './provider/compute-provider.ts'
export { ComputeProvider } from './provider/compute-provider.ts'
export type { ProviderTaskCounts } from './provider/provider-metrics.ts'
export { outcomeOfTask } from './rerun.ts'
export type { ComputeNeed, ComputeTerms } from './terms.ts'
export { computeNeedSchema, computeTermsSchema } from './terms.ts'
