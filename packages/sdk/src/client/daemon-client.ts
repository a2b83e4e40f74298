import type { Clock, ContentId, Hash } from '@stead/core'
import type { CareOfferList, CaretakerRequest, CaretakerView } from '../api/care.ts'
import type { EarningsQuery, EarningsReport } from '../api/earnings.ts'
import type { EpochList, EpochLogs, EpochRun, RewardsClaimed } from '../api/epochs.ts'
import type {
  GrantedObject,
  GrantedStand,
  GrantList,
  GrantMade,
  GrantRequest,
  LookGrantedRequest,
  PutGrantedQuery,
  WriteLinkView,
} from '../api/grants.ts'
import type { JobAccepted, JobDetail, JobEvent, JobList, JobResultLine, JobStatus, JobSubmission } from '../api/jobs.ts'
import type { JobEvidence, ReceiptList, ReceiptQuery, SettleAnswer } from '../api/money.ts'
import type {
  BlobStored,
  DoctorReport,
  FinishAnswer,
  LeaveRequest,
  NodeStatus,
  OfferList,
  PeerList,
  PurseList,
  PurseQuery,
  StorageStatus,
  ThawAnswer,
  ThawRequest,
} from '../api/node.ts'
import {
  type BucketList,
  type CopyObjectRequest,
  type GetObjectQuery,
  type HeadObjectQuery,
  type ListObjectsQuery,
  type ObjectList,
  type ObjectStream,
  type ObjectView,
  objectViewWire,
  type PutObjectQuery,
  type StorageEvidence,
  type StorageEvidenceQuery,
  type StorageRoundView,
  type StorageUsage,
  type StorageWaitList,
  type StreamBody,
} from '../api/objects.ts'
import type { AskedChallengeView, ChallengeList, ChallengeRequest } from '../api/possession.ts'
import type { JobQuote } from '../api/quote.ts'
import { routes } from '../api/routes.ts'
import {
  type GetSharedRequest,
  type ListSharedRequest,
  type NarrowRequest,
  type SharedList,
  type SharedStream,
  type ShareLinkView,
  type ShareList,
  type ShareMade,
  type ShareName,
  type ShareRequest,
  sharedObjectWire,
} from '../api/shares.ts'
import type {
  BeginUploadQuery,
  CompleteUploadRequest,
  ListUploadsQuery,
  PartList,
  PartView,
  PutPartQuery,
  UploadList,
  UploadQuery,
  UploadView,
} from '../api/uploads.ts'
import type { DeleteObjectQuery, ListVersionsQuery, VersionList } from '../api/versions.ts'
import { SdkError } from '../errors.ts'
import { bodyOf, decoded, streamOf } from './daemon-answers.ts'
import { type CallOptions, DaemonTransport, type TransportComponents } from './daemon-transport.ts'
import { isTransient, objectOf, type Reconnecting, steadyObject } from './object-stream.ts'
import { serverEvents } from './server-events.ts'
import { textLines } from './text-lines.ts'

/** What a {@link DaemonClient} works with. */
export interface DaemonClientComponents extends TransportComponents {
  readonly clock: Pick<Clock, 'sleep'>
}

/** How patient a {@link DaemonClient} is. */
export interface DaemonClientOptions {
  /** Pause before a broken event stream is opened again. @default 500: a daemon needs about a second to start again */
  readonly reconnectDelayMs?: number
  /** Attempts in a row without an event before watching gives up. @default 60: half a minute */
  readonly reconnectAttemptsMax?: number
}

/** Largest line of results: 1 MiB of output and as much of files in base64, with room. */
const RESULT_LINE_LENGTH_MAX = 64 * 1_048_576

/**
 * The local HTTP API of a daemon as functions. Each throws what the daemon threw, with its code, and besides
 * SdkError API_NO_DAEMON, API_UNAUTHORIZED, API_BAD_RESPONSE, API_INTERRUPTED.
 */
export class DaemonClient {
  readonly #clock: Pick<Clock, 'sleep'>
  readonly #options: Required<DaemonClientOptions>
  readonly #transport: DaemonTransport

  constructor(components: DaemonClientComponents, options: DaemonClientOptions = {}) {
    this.#transport = new DaemonTransport(components)
    this.#clock = components.clock
    this.#options = { reconnectDelayMs: 500, reconnectAttemptsMax: 60, ...options }
  }

  /** Stores bytes; the same bytes again are the same blob. */
  putBlob(bytes: Uint8Array, options: CallOptions = {}): Promise<BlobStored> {
    return this.#transport.ask(routes.putBlob, { ...options, body: bytes })
  }

  /** The content of a blob that the daemon has. */
  async getBlob(id: ContentId, options: CallOptions = {}): Promise<Uint8Array> {
    const response = await this.#transport.fetch(routes.getBlob, { ...options, id })
    return new Uint8Array(await response.arrayBuffer())
  }

  /** Makes a blob of an object's bytes, at most 64 MiB, in the daemon: they do not come here. */
  putBlobOfObject(query: GetObjectQuery, options: CallOptions = {}): Promise<BlobStored> {
    return this.#transport.ask(routes.putBlobOfObject, { ...options, query })
  }

  /** Keeps an object on the network, as its bytes come. */
  putObject(query: PutObjectQuery, body: StreamBody, options: CallOptions = {}): Promise<ObjectView> {
    return this.#transport.ask(routes.putObject, { ...options, query, body })
  }

  /**
   * The bytes of an object, or some of them, as they come. A connection that breaks meanwhile is opened again where it
   * broke, on the same version; what the daemon then cannot read is thrown as the daemon says it.
   */
  async getObject(query: GetObjectQuery, options: CallOptions = {}): Promise<ObjectStream> {
    const open = async (from: GetObjectQuery): Promise<ObjectStream> => {
      const response = await this.#transport.fetch(routes.getObject, { ...options, query: from })
      return { object: objectOf(response, objectViewWire), ...streamOf(response) }
    }
    return steadyObject(query, await open(query), { open, ...this.#reconnecting(options) })
  }

  /** What is known of an object. @throws StorageError STORAGE_OBJECT_UNKNOWN */
  headObject(query: HeadObjectQuery, options: CallOptions = {}): Promise<ObjectView> {
    return this.#transport.ask(routes.headObject, { ...options, query })
  }

  /** Copies an object without moving its bytes. */
  copyObject(request: CopyObjectRequest, options: CallOptions = {}): Promise<ObjectView> {
    return this.#transport.ask(routes.copyObject, { ...options, body: request })
  }

  beginUpload(query: BeginUploadQuery, options: CallOptions = {}): Promise<UploadView> {
    return this.#transport.ask(routes.beginUpload, { ...options, query })
  }

  listUploads(query: ListUploadsQuery, options: CallOptions = {}): Promise<UploadList> {
    return this.#transport.ask(routes.listUploads, { ...options, query })
  }

  putPart(query: PutPartQuery, body: StreamBody, options: CallOptions = {}): Promise<PartView> {
    return this.#transport.ask(routes.putPart, { ...options, query, body })
  }

  listParts(query: UploadQuery, options: CallOptions = {}): Promise<PartList> {
    return this.#transport.ask(routes.listParts, { ...options, query })
  }

  /** Makes an object of the parts of an upload. */
  completeUpload(request: CompleteUploadRequest, options: CallOptions = {}): Promise<ObjectView> {
    return this.#transport.ask(routes.completeUpload, { ...options, body: request })
  }

  async abortUpload(query: UploadQuery, options: CallOptions = {}): Promise<void> {
    await this.#transport.fetch(routes.abortUpload, { ...options, query })
  }

  listObjects(query: ListObjectsQuery, options: CallOptions = {}): Promise<ObjectList> {
    return this.#transport.ask(routes.listObjects, { ...options, query })
  }

  /** Every version of the objects, newest first within a key, and what says that one was deleted. */
  listVersions(query: ListVersionsQuery, options: CallOptions = {}): Promise<VersionList> {
    return this.#transport.ask(routes.listVersions, { ...options, query })
  }

  /** Without a version the object goes, or with versioning a delete marker hides it; with one, that goes for good. */
  async deleteObject(query: DeleteObjectQuery, options: CallOptions = {}): Promise<void> {
    await this.#transport.fetch(routes.deleteObject, { ...options, query })
  }

  listBuckets(options: CallOptions = {}): Promise<BucketList> {
    return this.#transport.ask(routes.listBuckets, options)
  }

  async createBucket(bucket: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.fetch(routes.createBucket, { ...options, query: { bucket } })
  }

  async deleteBucket(bucket: string, options: CallOptions = {}): Promise<void> {
    await this.#transport.fetch(routes.deleteBucket, { ...options, query: { bucket } })
  }

  /** Shares a folder, a bucket or an object. */
  share(request: ShareRequest, options: CallOptions = {}): Promise<ShareMade> {
    return this.#transport.ask(routes.share, { ...options, body: request })
  }

  listShares(options: CallOptions = {}): Promise<ShareList> {
    return this.#transport.ask(routes.listShares, options)
  }

  /** A share with its link. */
  getShare(share: ShareName, options: CallOptions = {}): Promise<ShareMade> {
    return this.#transport.ask(routes.getShare, { ...options, body: share })
  }

  /** Takes a share back. */
  async unshare(share: ShareName, options: CallOptions = {}): Promise<void> {
    await this.#transport.fetch(routes.unshare, { ...options, body: share })
  }

  /** A link to less than a link shows. */
  narrowShare(request: NarrowRequest, options: CallOptions = {}): Promise<ShareLinkView> {
    return this.#transport.ask(routes.narrowShare, { ...options, body: request })
  }

  /** What a link shows; the daemon needs neither money nor an agreement. */
  listShared(request: ListSharedRequest, options: CallOptions = {}): Promise<SharedList> {
    return this.#transport.ask(routes.listShared, { ...options, body: request })
  }

  /** The bytes of an object that a link shows, or some of them, as they come; a connection that breaks as with {@link getObject}. */
  async getShared(request: GetSharedRequest, options: CallOptions = {}): Promise<SharedStream> {
    const open = async (body: GetSharedRequest): Promise<SharedStream> => {
      const response = await this.#transport.fetch(routes.getShared, { ...options, body })
      return { object: objectOf(response, sharedObjectWire), ...streamOf(response) }
    }
    return steadyObject(request, await open(request), { open, ...this.#reconnecting(options) })
  }

  /** Lets whoever gets the link write into a folder, so many bytes in all. */
  grantWrite(request: GrantRequest, options: CallOptions = {}): Promise<GrantMade> {
    return this.#transport.ask(routes.grantWrite, { ...options, body: request })
  }

  listGrants(options: CallOptions = {}): Promise<GrantList> {
    return this.#transport.ask(routes.listGrants, options)
  }

  /** A grant with its link. */
  getGrant(grant: ShareName, options: CallOptions = {}): Promise<GrantMade> {
    return this.#transport.ask(routes.getGrant, { ...options, body: grant })
  }

  /** Takes a grant back: what was written stays. */
  async endGrant(grant: ShareName, options: CallOptions = {}): Promise<void> {
    await this.#transport.fetch(routes.endGrant, { ...options, body: grant })
  }

  /** A link to write less than a link lets write; without a path or a time it is told what the link is. */
  narrowGrant(request: NarrowRequest, options: CallOptions = {}): Promise<WriteLinkView> {
    return this.#transport.ask(routes.narrowGrant, { ...options, body: request })
  }

  /** What a link to write takes yet, and what is kept of an object. */
  lookGranted(request: LookGrantedRequest, options: CallOptions = {}): Promise<GrantedStand> {
    return this.#transport.ask(routes.lookGranted, { ...options, body: request })
  }

  /** Writes an object with a link, as its bytes come; the daemon needs neither money nor an agreement. */
  putGranted(query: PutGrantedQuery, body: StreamBody, options: CallOptions = {}): Promise<GrantedObject> {
    return this.#transport.ask(routes.putGranted, { ...options, query, body })
  }

  getStorage(options: CallOptions = {}): Promise<StorageUsage> {
    return this.#transport.ask(routes.getStorage, options)
  }

  /** Reads that wait for nodes that cannot be reached now. */
  listStorageWaits(options: CallOptions = {}): Promise<StorageWaitList> {
    return this.#transport.ask(routes.listStorageWaits, options)
  }

  /** Has everything proven, pays for it and repairs. */
  runStorageRound(options: CallOptions = {}): Promise<StorageRoundView> {
    return this.#transport.ask(routes.runStorageRound, options)
  }

  /** Nodes that were asked on chain to prove what they keep, and what that costs. */
  listChallenges(options: CallOptions = {}): Promise<ChallengeList> {
    return this.#transport.ask(routes.listChallenges, options)
  }

  /** Hands the pieces of others over, or stays after all; the status says how far it is. */
  leaveStorage(body: LeaveRequest, options: CallOptions = {}): Promise<StorageStatus> {
    return this.#transport.ask(routes.leaveStorage, { ...options, body })
  }

  /** Asks a node on chain. @throws also StorageError STORAGE_NO_CHALLENGE, ChainError CHAIN_INSUFFICIENT_FUNDS */
  challengeNode(body: ChallengeRequest, options: CallOptions = {}): Promise<AskedChallengeView> {
    return this.#transport.ask(routes.challengeNode, { ...options, body })
  }

  /** Nodes that sell care, and for what share. */
  listCareOffers(options: CallOptions = {}): Promise<CareOfferList> {
    return this.#transport.ask(routes.listCareOffers, options)
  }

  /** Appoints who looks after what is kept while this node is away, and pays its budget ahead. */
  appointCaretaker(body: CaretakerRequest, options: CallOptions = {}): Promise<CaretakerView> {
    return this.#transport.ask(routes.appointCaretaker, { ...options, body })
  }

  /** Has nobody look after anything any more; what was paid ahead and not used is lost. */
  async dismissCaretaker(options: CallOptions = {}): Promise<void> {
    await this.#transport.fetch(routes.dismissCaretaker, options)
  }

  /** What one node billed for storage, of the first node after `after`. */
  getStorageEvidence(query: StorageEvidenceQuery, options: CallOptions = {}): Promise<StorageEvidence> {
    return this.#transport.ask(routes.getStorageEvidence, { ...options, query })
  }

  /** Journals a job and starts it; the blobs that it names must be stored before. */
  submitJob(submission: JobSubmission, options: CallOptions = {}): Promise<JobAccepted> {
    return this.#transport.ask(routes.submitJob, { ...options, body: submission })
  }

  quoteJob(submission: JobSubmission, options: CallOptions = {}): Promise<JobQuote> {
    return this.#transport.ask(routes.quoteJob, { ...options, body: submission })
  }

  listJobs(options: CallOptions = {}): Promise<JobList> {
    return this.#transport.ask(routes.listJobs, options)
  }

  getJob(id: Hash, options: CallOptions = {}): Promise<JobDetail> {
    return this.#transport.ask(routes.getJob, { ...options, id })
  }

  cancelJob(id: Hash, options: CallOptions = {}): Promise<JobStatus> {
    return this.#transport.ask(routes.cancelJob, { ...options, id })
  }

  getJobEvidence(id: Hash, options: CallOptions = {}): Promise<JobEvidence> {
    return this.#transport.ask(routes.getJobEvidence, { ...options, id })
  }

  /** The tasks' results as they are now, in the order of the job, one at a time. */
  async *jobResults(id: Hash, options: CallOptions = {}): AsyncGenerator<JobResultLine, void> {
    const response = await this.#transport.fetch(routes.getJobResults, { ...options, id })
    for await (const line of textLines(bodyOf(response), RESULT_LINE_LENGTH_MAX)) {
      if (line !== '') yield decoded(routes.getJobResults, line)
    }
  }

  /**
   * What happens to a job, from event number `from` (1 = the first, the default) to `finished`. A connection that breaks, also because the
   * daemon was killed and started again, is opened again after the last event that was seen.
   */
  async *watchJob(id: Hash, options: CallOptions & { readonly from?: number } = {}): AsyncGenerator<JobEvent, void> {
    let next = options.from ?? 1
    for (let attempts = 0; ; attempts++) {
      try {
        for await (const event of this.#eventsFrom(id, next, options)) {
          if (event.number < next) continue
          attempts = 0
          next = event.number + 1
          yield event
          if (event.type === 'finished') return
        }
      } catch (error) {
        if (!isTransient(error) || attempts >= this.#options.reconnectAttemptsMax) throw error
      }
      if (attempts >= this.#options.reconnectAttemptsMax) {
        throw new SdkError('API_INTERRUPTED', `the node ended the events of job ${id} before the job was finished`)
      }
      this.#transport.forget()
      await this.#clock.sleep(this.#options.reconnectDelayMs, options.signal)
    }
  }

  getStatus(options: CallOptions = {}): Promise<NodeStatus> {
    return this.#transport.ask(routes.getStatus, options)
  }

  listPeers(options: CallOptions = {}): Promise<PeerList> {
    return this.#transport.ask(routes.listPeers, options)
  }

  listOffers(options: CallOptions = {}): Promise<OfferList> {
    return this.#transport.ask(routes.listOffers, options)
  }

  listReceipts(query: ReceiptQuery = {}, options: CallOptions = {}): Promise<ReceiptList> {
    return this.#transport.ask(routes.listReceipts, { ...options, query })
  }

  /** Money that is locked for providers, newest first. */
  listPurses(query: PurseQuery = {}, options: CallOptions = {}): Promise<PurseList> {
    return this.#transport.ask(routes.listPurses, { ...options, query })
  }

  /** Pays everything accepted and claims everything earned. */
  settle(options: CallOptions = {}): Promise<SettleAnswer> {
    return this.#transport.ask(routes.settle, options)
  }

  thaw(request: ThawRequest, options: CallOptions = {}): Promise<ThawAnswer> {
    return this.#transport.ask(routes.thaw, { ...options, body: request })
  }

  finish(options: CallOptions = {}): Promise<FinishAnswer> {
    return this.#transport.ask(routes.finish, options)
  }

  /** The provider's ledger; by epoch for those from `from` to `to`, by default the last 16. */
  getEarnings(query: EarningsQuery = {}, options: CallOptions = {}): Promise<EarningsReport> {
    return this.#transport.ask(routes.getEarnings, { ...options, query })
  }

  listEpochs(options: CallOptions = {}): Promise<EpochList> {
    return this.#transport.ask(routes.listEpochs, options)
  }

  /** Computes and proposes an epoch. */
  runEpoch(epoch: number, options: CallOptions = {}): Promise<EpochRun> {
    return this.#transport.ask(routes.runEpoch, { ...options, id: String(epoch) })
  }

  /** Probe logs that the node had in time: evidence without one of them is a false proposal. */
  getEpochLogs(epoch: number, options: CallOptions = {}): Promise<EpochLogs> {
    return this.#transport.ask(routes.getEpochLogs, { ...options, id: String(epoch) })
  }

  /** The bytes of an epoch's document; whoever uses them checks them against the id. */
  async getDocument(id: ContentId, options: CallOptions = {}): Promise<Uint8Array> {
    const response = await this.#transport.fetch(routes.getDocument, { ...options, id })
    return new Uint8Array(await response.arrayBuffer())
  }

  claimRewards(options: CallOptions = {}): Promise<RewardsClaimed> {
    return this.#transport.ask(routes.claimRewards, options)
  }

  getDoctor(options: CallOptions = {}): Promise<DoctorReport> {
    return this.#transport.ask(routes.getDoctor, options)
  }

  runSelftest(options: CallOptions = {}): Promise<DoctorReport> {
    return this.#transport.ask(routes.runSelftest, options)
  }

  #reconnecting({ signal }: CallOptions): Reconnecting {
    const { reconnectDelayMs, reconnectAttemptsMax: attemptsMax } = this.#options
    return { pause: () => this.#clock.sleep(reconnectDelayMs, signal), attemptsMax }
  }

  async *#eventsFrom(id: Hash, next: number, options: CallOptions): AsyncGenerator<JobEvent, void> {
    const headers = next <= 1 ? {} : { 'last-event-id': String(next - 1) }
    const response = await this.#transport.fetch(routes.watchJob, { ...options, id, headers })
    for await (const { data } of serverEvents(bodyOf(response))) yield decoded(routes.watchJob, data)
  }
}
