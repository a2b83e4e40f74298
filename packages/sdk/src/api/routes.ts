import { type EarningsQuery, type EarningsReport, earningsQueryWire, earningsReportWire } from './earnings.ts'
import {
  type EpochList,
  type EpochLogs,
  type EpochRun,
  epochListWire,
  epochLogsWire,
  epochRunWire,
  type RewardsClaimed,
  rewardsClaimedWire,
} from './epochs.ts'
import {
  type JobAccepted,
  type JobDetail,
  type JobEvent,
  type JobList,
  type JobResultLine,
  type JobStatus,
  type JobSubmission,
  jobAcceptedWire,
  jobDetailWire,
  jobEventWire,
  jobListWire,
  jobResultLineWire,
  jobStatusWire,
  jobSubmissionWire,
} from './jobs.ts'
import {
  type JobEvidence,
  jobEvidenceWire,
  type ReceiptList,
  type ReceiptQuery,
  receiptListWire,
  receiptQueryWire,
  type SettleAnswer,
  settleAnswerWire,
} from './money.ts'
import {
  type BlobStored,
  blobStoredWire,
  type DoctorReport,
  doctorReportWire,
  type FinishAnswer,
  finishAnswerWire,
  type NodeStatus,
  nodeStatusWire,
  type OfferList,
  offerListWire,
  type PeerList,
  peerListWire,
  type ThawAnswer,
  type ThawRequest,
  thawAnswerWire,
  thawRequestWire,
} from './node.ts'
import {
  type BucketList,
  type BucketQuery,
  type ByteStream,
  bucketListWire,
  bucketQueryWire,
  type DeleteObjectQuery,
  deleteObjectQueryWire,
  type GetObjectQuery,
  getObjectQueryWire,
  type ListObjectsQuery,
  listObjectsQueryWire,
  type ObjectList,
  type ObjectView,
  objectListWire,
  objectViewWire,
  type PutObjectQuery,
  putObjectQueryWire,
  type StorageEvidence,
  type StorageEvidenceQuery,
  type StorageRoundView,
  type StorageUsage,
  storageEvidenceQueryWire,
  storageEvidenceWire,
  storageRoundWire,
  storageUsageWire,
} from './objects.ts'
import { type JobQuote, jobQuoteWire } from './quote.ts'
import type { Wire } from './scalars.ts'

/**
 * How an answer's body is made: `json` is one value; `lines` is NDJSON, one value a line; `events` are server-sent
 * events whose data is one value each and whose id is its `number`; `bytes` is the plain content, `stream` too, as it comes.
 */
export type AnswerForm = 'json' | 'lines' | 'events' | 'bytes' | 'stream'

/** Media type of a body that is taken as it comes. */
export const STREAM_TYPE = 'application/x-stead-stream'

/** One operation of the local HTTP API: what the daemon serves and what the client sends, from one definition. */
export interface Route<Body, Query, Answer> {
  /** Name in OpenAPI (`operationId`). */
  readonly name: string
  readonly method: 'GET' | 'POST'
  /** `:id` stands for a path parameter. */
  readonly path: string
  /** One sentence for OpenAPI. */
  readonly summary: string
  /** JSON body; `bytes` for a plain one, `stream` for one of any length; undefined when there is none. */
  readonly body: Wire<Body> | 'bytes' | 'stream' | undefined
  readonly query: Wire<Query> | undefined
  readonly form: AnswerForm
  /** The answer's value, or one of its lines or events; undefined for plain bytes. */
  readonly answer: Wire<Answer> | undefined
}

type NoBody = undefined
type NoQuery = undefined

/** All operations of the local HTTP API. */
export interface Routes {
  readonly putBlob: Route<Uint8Array, NoQuery, BlobStored>
  readonly getBlob: Route<NoBody, NoQuery, Uint8Array>
  readonly putObject: Route<AsyncIterable<Uint8Array>, PutObjectQuery, ObjectView>
  readonly getObject: Route<NoBody, GetObjectQuery, ByteStream>
  readonly listObjects: Route<NoBody, ListObjectsQuery, ObjectList>
  readonly deleteObject: Route<NoBody, DeleteObjectQuery, undefined>
  readonly listBuckets: Route<NoBody, NoQuery, BucketList>
  readonly createBucket: Route<NoBody, BucketQuery, undefined>
  readonly deleteBucket: Route<NoBody, BucketQuery, undefined>
  readonly getStorage: Route<NoBody, NoQuery, StorageUsage>
  readonly runStorageRound: Route<NoBody, NoQuery, StorageRoundView>
  readonly getStorageEvidence: Route<NoBody, StorageEvidenceQuery, StorageEvidence>
  readonly submitJob: Route<JobSubmission, NoQuery, JobAccepted>
  readonly listJobs: Route<NoBody, NoQuery, JobList>
  readonly getJob: Route<NoBody, NoQuery, JobDetail>
  readonly watchJob: Route<NoBody, NoQuery, JobEvent>
  readonly getJobResults: Route<NoBody, NoQuery, JobResultLine>
  readonly getJobEvidence: Route<NoBody, NoQuery, JobEvidence>
  readonly cancelJob: Route<NoBody, NoQuery, JobStatus>
  readonly quoteJob: Route<JobSubmission, NoQuery, JobQuote>
  readonly getStatus: Route<NoBody, NoQuery, NodeStatus>
  readonly listPeers: Route<NoBody, NoQuery, PeerList>
  readonly listOffers: Route<NoBody, NoQuery, OfferList>
  readonly listReceipts: Route<NoBody, ReceiptQuery, ReceiptList>
  readonly settle: Route<NoBody, NoQuery, SettleAnswer>
  readonly thaw: Route<ThawRequest, NoQuery, ThawAnswer>
  readonly finish: Route<NoBody, NoQuery, FinishAnswer>
  readonly getEarnings: Route<NoBody, EarningsQuery, EarningsReport>
  readonly listEpochs: Route<NoBody, NoQuery, EpochList>
  readonly runEpoch: Route<NoBody, NoQuery, EpochRun>
  readonly getEpochLogs: Route<NoBody, NoQuery, EpochLogs>
  readonly getDocument: Route<NoBody, NoQuery, Uint8Array>
  readonly claimRewards: Route<NoBody, NoQuery, RewardsClaimed>
  readonly getDoctor: Route<NoBody, NoQuery, DoctorReport>
  readonly runSelftest: Route<NoBody, NoQuery, DoctorReport>
}

type RouteBase = Pick<Route<NoBody, NoQuery, never>, 'name' | 'method' | 'path' | 'summary' | 'body' | 'query' | 'form'>

function get(name: string, path: string, summary: string): RouteBase {
  return { name, method: 'GET', path, summary, body: undefined, query: undefined, form: 'json' }
}

function post(name: string, path: string, summary: string): RouteBase {
  return { ...get(name, path, summary), method: 'POST' }
}

/** The table of {@link Routes}; the daemon registers each, the client calls them. */
export const routes: Routes = {
  putBlob: {
    ...post('putBlob', '/v1/blobs', 'Stores a blob; its id is the hash of its content'),
    body: 'bytes',
    answer: blobStoredWire,
  },
  getBlob: {
    ...get('getBlob', '/v1/blobs/:id', 'The content of a blob that this node has'),
    form: 'bytes',
    answer: undefined,
  },
  putObject: {
    ...post('putObject', '/v1/objects/put', 'Keeps an object on the network; the bucket must be there'),
    body: 'stream',
    query: putObjectQueryWire,
    answer: objectViewWire,
  },
  getObject: {
    ...get('getObject', '/v1/objects/get', 'The bytes of an object, or some of them'),
    query: getObjectQueryWire,
    form: 'stream',
    answer: undefined,
  },
  listObjects: {
    ...get('listObjects', '/v1/objects', 'Objects of a bucket in the order of their keys'),
    query: listObjectsQueryWire,
    answer: objectListWire,
  },
  deleteObject: {
    ...post('deleteObject', '/v1/objects/delete', 'Deletes an object; no error for one that is not there'),
    query: deleteObjectQueryWire,
    answer: undefined,
  },
  listBuckets: { ...get('listBuckets', '/v1/buckets', 'All buckets'), answer: bucketListWire },
  createBucket: {
    ...post('createBucket', '/v1/buckets', 'Makes a bucket'),
    query: bucketQueryWire,
    answer: undefined,
  },
  deleteBucket: {
    ...post('deleteBucket', '/v1/buckets/delete', 'Removes a bucket that is empty'),
    query: bucketQueryWire,
    answer: undefined,
  },
  getStorage: {
    ...get('getStorage', '/v1/storage', 'Which nodes keep how much for this one, and what that costs'),
    answer: storageUsageWire,
  },
  runStorageRound: {
    ...post('runStorageRound', '/v1/storage/round', 'Has everything proven, pays for it and repairs, now'),
    answer: storageRoundWire,
  },
  getStorageEvidence: {
    ...get(
      'getStorageEvidence',
      '/v1/storage/evidence',
      'Everything from which the bill of one node can be recomputed',
    ),
    query: storageEvidenceQueryWire,
    answer: storageEvidenceWire,
  },
  submitJob: {
    ...post('submitJob', '/v1/jobs', 'Journals a job and starts it'),
    body: jobSubmissionWire,
    answer: jobAcceptedWire,
  },
  listJobs: { ...get('listJobs', '/v1/jobs', 'All jobs of this payer, newest first'), answer: jobListWire },
  getJob: {
    ...get('getJob', '/v1/jobs/:id', 'A job now, with what its submitter kept with it'),
    answer: jobDetailWire,
  },
  watchJob: {
    ...get('watchJob', '/v1/jobs/:id/events', 'What happens to a job; resumes after Last-Event-ID'),
    form: 'events',
    answer: jobEventWire,
  },
  getJobResults: {
    ...get('getJobResults', '/v1/jobs/:id/results', 'One line for each task, in the order of the job'),
    form: 'lines',
    answer: jobResultLineWire,
  },
  getJobEvidence: {
    ...get('getJobEvidence', '/v1/jobs/:id/evidence', 'Everything from which the bill can be recomputed'),
    answer: jobEvidenceWire,
  },
  cancelJob: {
    ...post('cancelJob', '/v1/jobs/:id/cancel', 'Ends a job; finished tasks stay, delivered work is paid'),
    answer: jobStatusWire,
  },
  quoteJob: {
    ...post('quoteJob', '/v1/quote', 'Who would run a job and for how much; funds nothing'),
    body: jobSubmissionWire,
    answer: jobQuoteWire,
  },
  getStatus: { ...get('getStatus', '/v1/status', 'What this node is and does'), answer: nodeStatusWire },
  listPeers: { ...get('listPeers', '/v1/peers', 'Connected peers with measured round trips'), answer: peerListWire },
  listOffers: { ...get('listOffers', '/v1/offers', 'Valid offers that this node knows'), answer: offerListWire },
  listReceipts: {
    ...get('listReceipts', '/v1/receipts', 'Paid entries with their increments'),
    query: receiptQueryWire,
    answer: receiptListWire,
  },
  settle: {
    ...post('settle', '/v1/settle', 'Pays everything accepted and claims everything earned, now'),
    answer: settleAnswerWire,
  },
  thaw: {
    ...post('thaw', '/v1/thaw', 'Begins to take back what a purse does not owe'),
    body: thawRequestWire,
    answer: thawAnswerWire,
  },
  finish: {
    ...post('finish', '/v1/finish', 'Takes no new work, completes what runs, claims, exits'),
    answer: finishAnswerWire,
  },
  getEarnings: {
    ...get('getEarnings', '/v1/earnings', 'What this provider earned and claimed, in sum and by epoch'),
    query: earningsQueryWire,
    answer: earningsReportWire,
  },
  listEpochs: { ...get('listEpochs', '/v1/epochs', 'Epochs, proposals and the final root'), answer: epochListWire },
  runEpoch: {
    ...post('runEpoch', '/v1/epochs/:id/run', 'Computes an epoch from all logs that came in time, and proposes it'),
    answer: epochRunWire,
  },
  getEpochLogs: {
    ...get(
      'getEpochLogs',
      '/v1/epochs/:id/logs',
      'Probe logs of an epoch that every proposer owes, as this node saw it',
    ),
    answer: epochLogsWire,
  },
  getDocument: {
    ...get('getDocument', '/v1/documents/:id', 'A document of an epoch, from this node or its peers'),
    form: 'bytes',
    answer: undefined,
  },
  claimRewards: {
    ...post('claimRewards', '/v1/rewards/claim', "Claims the operator's rewards and credit now"),
    answer: rewardsClaimedWire,
  },
  getDoctor: {
    ...get('getDoctor', '/v1/doctor', 'Looks at everything that this node depends on'),
    answer: doctorReportWire,
  },
  runSelftest: {
    ...post('runSelftest', '/v1/selftest', 'Runs known work through the whole node'),
    answer: doctorReportWire,
  },
}
