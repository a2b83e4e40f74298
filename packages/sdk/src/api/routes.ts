import {
  type CareOfferList,
  type CaretakerRequest,
  type CaretakerView,
  careOfferListWire,
  caretakerRequestWire,
  caretakerViewWire,
} from './care.ts'
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
  type LeaveRequest,
  leaveRequestWire,
  type NodeStatus,
  nodeStatusWire,
  type OfferList,
  offerListWire,
  type PeerList,
  type PurseList,
  type PurseQuery,
  peerListWire,
  purseListWire,
  purseQueryWire,
  type StorageStatus,
  storageStatusWire,
  type ThawAnswer,
  type ThawRequest,
  thawAnswerWire,
  thawRequestWire,
} from './node.ts'
import {
  type BucketList,
  type BucketQuery,
  bucketListWire,
  bucketQueryWire,
  type CopyObjectRequest,
  copyObjectRequestWire,
  type GetObjectQuery,
  getObjectQueryWire,
  type HeadObjectQuery,
  headObjectQueryWire,
  type ListObjectsQuery,
  listObjectsQueryWire,
  type ObjectList,
  type ObjectStream,
  type ObjectView,
  objectListWire,
  objectViewWire,
  type PutObjectQuery,
  putObjectQueryWire,
  type StorageEvidence,
  type StorageEvidenceQuery,
  type StorageRoundView,
  type StorageUsage,
  type StorageWaitList,
  type StreamBody,
  storageEvidenceQueryWire,
  storageEvidenceWire,
  storageRoundWire,
  storageUsageWire,
  storageWaitListWire,
} from './objects.ts'
import {
  type AskedChallengeView,
  askedChallengeWire,
  type ChallengeList,
  type ChallengeRequest,
  challengeListWire,
  challengeRequestWire,
} from './possession.ts'
import { type JobQuote, jobQuoteWire } from './quote.ts'
import { get, post, type Route } from './route.ts'
import { type ShareRoutes, shareRoutes } from './share-routes.ts'
import {
  type BeginUploadQuery,
  beginUploadQueryWire,
  type CompleteUploadRequest,
  completeUploadRequestWire,
  type ListUploadsQuery,
  listUploadsQueryWire,
  type PartList,
  type PartView,
  type PutPartQuery,
  partListWire,
  partViewWire,
  putPartQueryWire,
  type UploadList,
  type UploadQuery,
  type UploadView,
  uploadListWire,
  uploadQueryWire,
  uploadViewWire,
} from './uploads.ts'
import {
  type DeleteObjectQuery,
  deleteObjectQueryWire,
  type ListVersionsQuery,
  listVersionsQueryWire,
  type VersionList,
  versionListWire,
} from './versions.ts'

type NoBody = undefined
type NoQuery = undefined

/** All operations of the local HTTP API. */
export interface Routes extends ShareRoutes {
  readonly putBlob: Route<Uint8Array, NoQuery, BlobStored>
  readonly getBlob: Route<NoBody, NoQuery, Uint8Array>
  readonly putBlobOfObject: Route<NoBody, GetObjectQuery, BlobStored>
  readonly putObject: Route<StreamBody, PutObjectQuery, ObjectView>
  readonly getObject: Route<NoBody, GetObjectQuery, ObjectStream>
  readonly headObject: Route<NoBody, HeadObjectQuery, ObjectView>
  readonly copyObject: Route<CopyObjectRequest, NoQuery, ObjectView>
  readonly listObjects: Route<NoBody, ListObjectsQuery, ObjectList>
  readonly listVersions: Route<NoBody, ListVersionsQuery, VersionList>
  readonly deleteObject: Route<NoBody, DeleteObjectQuery, undefined>
  readonly beginUpload: Route<NoBody, BeginUploadQuery, UploadView>
  readonly listUploads: Route<NoBody, ListUploadsQuery, UploadList>
  readonly putPart: Route<StreamBody, PutPartQuery, PartView>
  readonly listParts: Route<NoBody, UploadQuery, PartList>
  readonly completeUpload: Route<CompleteUploadRequest, NoQuery, ObjectView>
  readonly abortUpload: Route<NoBody, UploadQuery, undefined>
  readonly listBuckets: Route<NoBody, NoQuery, BucketList>
  readonly createBucket: Route<NoBody, BucketQuery, undefined>
  readonly deleteBucket: Route<NoBody, BucketQuery, undefined>
  readonly getStorage: Route<NoBody, NoQuery, StorageUsage>
  readonly listStorageWaits: Route<NoBody, NoQuery, StorageWaitList>
  readonly runStorageRound: Route<NoBody, NoQuery, StorageRoundView>
  readonly listChallenges: Route<NoBody, NoQuery, ChallengeList>
  readonly leaveStorage: Route<LeaveRequest, NoQuery, StorageStatus>
  readonly challengeNode: Route<ChallengeRequest, NoQuery, AskedChallengeView>
  readonly listCareOffers: Route<NoBody, NoQuery, CareOfferList>
  readonly appointCaretaker: Route<CaretakerRequest, NoQuery, CaretakerView>
  readonly dismissCaretaker: Route<NoBody, NoQuery, undefined>
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
  readonly listPurses: Route<NoBody, PurseQuery, PurseList>
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
  putBlobOfObject: {
    ...post('putBlobOfObject', '/v1/blobs/object', 'Stores bytes of an object as a blob, for a task to work on'),
    query: getObjectQueryWire,
    answer: blobStoredWire,
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
  headObject: {
    ...get('headObject', '/v1/objects/head', 'What is known of an object, without its bytes'),
    query: headObjectQueryWire,
    answer: objectViewWire,
  },
  copyObject: {
    ...post('copyObject', '/v1/objects/copy', 'Copies an object without moving its bytes'),
    body: copyObjectRequestWire,
    answer: objectViewWire,
  },
  listObjects: {
    ...get('listObjects', '/v1/objects', 'Objects of a bucket in the order of their keys'),
    query: listObjectsQueryWire,
    answer: objectListWire,
  },
  listVersions: {
    ...get('listVersions', '/v1/objects/versions', 'All versions of the objects of a bucket, delete markers included'),
    query: listVersionsQueryWire,
    answer: versionListWire,
  },
  deleteObject: {
    ...post('deleteObject', '/v1/objects/delete', 'Deletes an object or one version; no error for what is not there'),
    query: deleteObjectQueryWire,
    answer: undefined,
  },
  beginUpload: {
    ...post('beginUpload', '/v1/uploads', 'Begins an upload in parts'),
    query: beginUploadQueryWire,
    answer: uploadViewWire,
  },
  listUploads: {
    ...get('listUploads', '/v1/uploads', 'Uploads in parts that were not finished'),
    query: listUploadsQueryWire,
    answer: uploadListWire,
  },
  putPart: {
    ...post('putPart', '/v1/uploads/part', 'Keeps a part of an upload; one that is there is replaced'),
    body: 'stream',
    query: putPartQueryWire,
    answer: partViewWire,
  },
  listParts: {
    ...get('listParts', '/v1/uploads/parts', 'Parts of an upload that are there'),
    query: uploadQueryWire,
    answer: partListWire,
  },
  completeUpload: {
    ...post('completeUpload', '/v1/uploads/complete', 'Makes an object of parts, without moving their bytes'),
    body: completeUploadRequestWire,
    answer: objectViewWire,
  },
  abortUpload: {
    ...post('abortUpload', '/v1/uploads/abort', 'Gives an upload up; no error for one that is not there'),
    query: uploadQueryWire,
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
  ...shareRoutes,
  getStorage: {
    ...get('getStorage', '/v1/storage', 'Which nodes keep how much for this one, and what that costs'),
    answer: storageUsageWire,
  },
  listStorageWaits: {
    ...get('listStorageWaits', '/v1/storage/waits', 'Reads that wait for nodes that cannot be reached now'),
    answer: storageWaitListWire,
  },
  runStorageRound: {
    ...post('runStorageRound', '/v1/storage/round', 'Has everything proven, pays for it and repairs, now'),
    answer: storageRoundWire,
  },
  listChallenges: {
    ...get('listChallenges', '/v1/storage/challenges', 'Nodes that were asked on chain to prove what they keep'),
    answer: challengeListWire,
  },
  leaveStorage: {
    ...post('leaveStorage', '/v1/storage/leave', 'Hands the pieces of others over to other nodes, or stays after all'),
    body: leaveRequestWire,
    answer: storageStatusWire,
  },
  challengeNode: {
    ...post('challengeNode', '/v1/storage/challenges', 'Asks a node on chain to prove what it keeps; takes a deposit'),
    body: challengeRequestWire,
    answer: askedChallengeWire,
  },
  listCareOffers: {
    ...get('listCareOffers', '/v1/storage/caretakers', 'Nodes that sell care, and for what share; takes some seconds'),
    answer: careOfferListWire,
  },
  appointCaretaker: {
    ...post('appointCaretaker', '/v1/storage/caretaker', 'Appoints who looks after it, and pays a budget ahead'),
    body: caretakerRequestWire,
    answer: caretakerViewWire,
  },
  dismissCaretaker: {
    ...post('dismissCaretaker', '/v1/storage/caretaker/end', 'Has nobody look after anything any more'),
    answer: undefined,
  },
  getStorageEvidence: {
    ...get('getStorageEvidence', '/v1/storage/evidence', 'All from which the bill of one node can be recomputed'),
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
  listPurses: {
    ...get('listPurses', '/v1/purses', 'Money that is locked for providers, and how much of it is theirs'),
    query: purseQueryWire,
    answer: purseListWire,
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
