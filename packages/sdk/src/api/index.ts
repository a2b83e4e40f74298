export type { CareOfferList, CareOfferView, CaretakerRequest, CaretakerView, WardView } from './care.ts'
export type {
  ChannelEarnings,
  ClaimOutlook,
  EarningsQuery,
  EarningsReport,
  EpochEarningsRow,
  EpochReason,
} from './earnings.ts'
export type {
  EpochLine,
  EpochList,
  EpochLogs,
  EpochRun,
  EpochState,
  OpenProposal,
  RewardClaimStatus,
  RewardsClaimed,
} from './epochs.ts'
export type {
  GrantedObject,
  GrantedStand,
  GrantList,
  GrantMade,
  GrantRequest,
  GrantView,
  LookGrantedRequest,
  PutGrantedQuery,
  WriteLinkView,
} from './grants.ts'
export { LINK_HEADER } from './grants.ts'
export type {
  CountedReason,
  JobAccepted,
  JobCounts,
  JobDetail,
  JobEvent,
  JobList,
  JobNode,
  JobResultLine,
  JobState,
  JobStatus,
  JobSubmission,
  JobVerification,
  ResultFile,
  SubmittedBytes,
  SubmittedFile,
  SubmittedTask,
} from './jobs.ts'
export { jobSubmissionWire, jobVerificationWire } from './jobs.ts'
export type {
  EvidenceDelivery,
  EvidencePurse,
  EvidenceTask,
  JobEvidence,
  ReceiptLine,
  ReceiptList,
  ReceiptQuery,
  SettleAnswer,
  SettledChannel,
  SettlementTransaction,
} from './money.ts'
export type {
  AccountStatus,
  AuditStatus,
  BlobStored,
  DoctorCheck,
  DoctorReport,
  FinishAnswer,
  LeaveRequest,
  LeavingStatus,
  NodeStatus,
  OfferList,
  OfferStatus,
  PeerList,
  PeerStatus,
  ProviderStatus,
  PurseList,
  PurseQuery,
  PurseView,
  StorageStatus,
  ThawAnswer,
  ThawRequest,
} from './node.ts'
export type {
  BucketList,
  ByteStream,
  CopyObjectRequest,
  GetObjectQuery,
  HeadObjectQuery,
  ListObjectsQuery,
  ObjectList,
  ObjectMetadata,
  ObjectStream,
  ObjectView,
  PlacementView,
  PutObjectQuery,
  StorageEvidence,
  StorageEvidenceQuery,
  StorageNodeView,
  StorageRoundView,
  StorageUsage,
  StorageWaitList,
  StorageWaitView,
  StreamBody,
  Versioning,
  WriteConditions,
} from './objects.ts'
export { FUNDED_DAYS_WARNED } from './objects.ts'
export type {
  AskedChallengeView,
  ChallengeList,
  ChallengeRequest,
  FacedChallengeView,
  PossessionStatus,
} from './possession.ts'
export type { ProblemDetails } from './problem.ts'
export { errorOfProblem, problemOf, problemWire } from './problem.ts'
export type { JobQuote, QuotedProvider } from './quote.ts'
export type { AnswerForm, Route } from './route.ts'
export { BLOB_BYTES_MAX, OBJECT_HEADER, STREAM_TYPE } from './route.ts'
export type { Routes } from './routes.ts'
export { routes } from './routes.ts'
export type { Wire } from './scalars.ts'
export { describeIssues } from './scalars.ts'
export type {
  GetSharedRequest,
  ListSharedRequest,
  NarrowRequest,
  SharedList,
  SharedObject,
  SharedStream,
  ShareLinkView,
  ShareList,
  ShareMade,
  ShareName,
  ShareRequest,
  ShareView,
} from './shares.ts'
export type {
  BeginUploadQuery,
  CompleteUploadRequest,
  ListUploadsQuery,
  PartList,
  PartView,
  PutPartQuery,
  UploadList,
  UploadQuery,
  UploadView,
} from './uploads.ts'
export type { DeleteObjectQuery, ListVersionsQuery, VersionList, VersionView } from './versions.ts'
