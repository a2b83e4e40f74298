import type { Clock, ContentId, Hash } from '@stead/core'
import { hasCode } from '@stead/core'
import type { EarningsQuery, EarningsReport } from '../api/earnings.ts'
import type { EpochList, EpochLogs, EpochRun, RewardsClaimed } from '../api/epochs.ts'
import type { JobAccepted, JobDetail, JobEvent, JobList, JobResultLine, JobStatus, JobSubmission } from '../api/jobs.ts'
import type { JobEvidence, ReceiptList, ReceiptQuery, SettleAnswer } from '../api/money.ts'
import type {
  BlobStored,
  DoctorReport,
  FinishAnswer,
  NodeStatus,
  OfferList,
  PeerList,
  ThawAnswer,
  ThawRequest,
} from '../api/node.ts'
import type {
  BucketList,
  ByteStream,
  GetObjectQuery,
  ListObjectsQuery,
  ObjectList,
  ObjectView,
  PutObjectQuery,
  StorageEvidence,
  StorageEvidenceQuery,
  StorageRoundView,
  StorageUsage,
} from '../api/objects.ts'
import { errorOfProblem, problemWire } from '../api/problem.ts'
import type { JobQuote } from '../api/quote.ts'
import { type Route, routes, STREAM_TYPE } from '../api/routes.ts'
import { describeIssues, type Wire } from '../api/scalars.ts'
import { SdkError } from '../errors.ts'
import { serverEvents } from './server-events.ts'
import { textLines } from './text-lines.ts'

/** Where a daemon listens and what it wants to hear: the content of its api.json. */
export interface DaemonConnection {
  /** For example `http://127.0.0.1:4310`. */
  readonly url: string
  readonly token: string
}

/** What a {@link DaemonClient} works with. */
export interface DaemonClientComponents {
  /**
   * Gives the connection; asked once, and again after a connection failed, because a daemon that was started again
   * listens elsewhere. Throws SdkError API_NO_DAEMON while there is none.
   */
  readonly connection: () => Promise<DaemonConnection>
  readonly fetch: typeof globalThis.fetch
  readonly clock: Pick<Clock, 'sleep'>
}

/** How patient a {@link DaemonClient} is. */
export interface DaemonClientOptions {
  /** Pause before a broken event stream is opened again. @default 500: a daemon needs about a second to start again */
  readonly reconnectDelayMs?: number
  /** Attempts in a row without an event before watching gives up. @default 60: half a minute */
  readonly reconnectAttemptsMax?: number
}

/** What any call may be given. */
export interface CallOptions {
  readonly signal?: AbortSignal
}

/** Largest line of results: 1 MiB of output and as much of files in base64, with room. */
const RESULT_LINE_LENGTH_MAX = 64 * 1_048_576

interface Request<Body, Query> extends CallOptions {
  readonly id?: string
  readonly body?: Body
  readonly query?: Query
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * The local HTTP API of a daemon as functions. Each throws what the daemon threw, with its code, and besides
 * SdkError API_NO_DAEMON, API_UNAUTHORIZED, API_BAD_RESPONSE, API_INTERRUPTED.
 */
export class DaemonClient {
  readonly #components: DaemonClientComponents
  readonly #options: Required<DaemonClientOptions>
  #connection: Promise<DaemonConnection> | undefined

  constructor(components: DaemonClientComponents, options: DaemonClientOptions = {}) {
    this.#components = components
    this.#options = { reconnectDelayMs: 500, reconnectAttemptsMax: 60, ...options }
  }

  /** Stores bytes; the same bytes again are the same blob. */
  putBlob(bytes: Uint8Array, options: CallOptions = {}): Promise<BlobStored> {
    return this.#value(routes.putBlob, { ...options, body: bytes })
  }

  /** The content of a blob that the daemon has. */
  async getBlob(id: ContentId, options: CallOptions = {}): Promise<Uint8Array> {
    const response = await this.#fetch(routes.getBlob, { ...options, id })
    return new Uint8Array(await response.arrayBuffer())
  }

  /** Keeps an object on the network, as its bytes come. */
  putObject(query: PutObjectQuery, body: AsyncIterable<Uint8Array>, options: CallOptions = {}): Promise<ObjectView> {
    return this.#value(routes.putObject, { ...options, query, body })
  }

  /** The bytes of an object, or some of them, as they come. */
  async getObject(query: GetObjectQuery, options: CallOptions = {}): Promise<ByteStream> {
    const response = await this.#fetch(routes.getObject, { ...options, query })
    return { lengthBytes: Number(response.headers.get('content-length') ?? 0), body: bytesOf(response) }
  }

  listObjects(query: ListObjectsQuery, options: CallOptions = {}): Promise<ObjectList> {
    return this.#value(routes.listObjects, { ...options, query })
  }

  async deleteObject(
    query: { readonly bucket: string; readonly key: string },
    options: CallOptions = {},
  ): Promise<void> {
    await this.#fetch(routes.deleteObject, { ...options, query })
  }

  listBuckets(options: CallOptions = {}): Promise<BucketList> {
    return this.#value(routes.listBuckets, options)
  }

  async createBucket(bucket: string, options: CallOptions = {}): Promise<void> {
    await this.#fetch(routes.createBucket, { ...options, query: { bucket } })
  }

  async deleteBucket(bucket: string, options: CallOptions = {}): Promise<void> {
    await this.#fetch(routes.deleteBucket, { ...options, query: { bucket } })
  }

  getStorage(options: CallOptions = {}): Promise<StorageUsage> {
    return this.#value(routes.getStorage, options)
  }

  /** Has everything proven, pays for it and repairs. */
  runStorageRound(options: CallOptions = {}): Promise<StorageRoundView> {
    return this.#value(routes.runStorageRound, options)
  }

  /** What one node billed for storage, of the first node after `after`. */
  getStorageEvidence(query: StorageEvidenceQuery, options: CallOptions = {}): Promise<StorageEvidence> {
    return this.#value(routes.getStorageEvidence, { ...options, query })
  }

  /** Journals a job and starts it; the blobs that it names must be stored before. */
  submitJob(submission: JobSubmission, options: CallOptions = {}): Promise<JobAccepted> {
    return this.#value(routes.submitJob, { ...options, body: submission })
  }

  quoteJob(submission: JobSubmission, options: CallOptions = {}): Promise<JobQuote> {
    return this.#value(routes.quoteJob, { ...options, body: submission })
  }

  listJobs(options: CallOptions = {}): Promise<JobList> {
    return this.#value(routes.listJobs, options)
  }

  getJob(id: Hash, options: CallOptions = {}): Promise<JobDetail> {
    return this.#value(routes.getJob, { ...options, id })
  }

  cancelJob(id: Hash, options: CallOptions = {}): Promise<JobStatus> {
    return this.#value(routes.cancelJob, { ...options, id })
  }

  getJobEvidence(id: Hash, options: CallOptions = {}): Promise<JobEvidence> {
    return this.#value(routes.getJobEvidence, { ...options, id })
  }

  /** The tasks' results as they are now, in the order of the job, one at a time. */
  async *jobResults(id: Hash, options: CallOptions = {}): AsyncGenerator<JobResultLine, void> {
    const response = await this.#fetch(routes.getJobResults, { ...options, id })
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
      this.#connection = undefined
      await this.#components.clock.sleep(this.#options.reconnectDelayMs, options.signal)
    }
  }

  getStatus(options: CallOptions = {}): Promise<NodeStatus> {
    return this.#value(routes.getStatus, options)
  }

  listPeers(options: CallOptions = {}): Promise<PeerList> {
    return this.#value(routes.listPeers, options)
  }

  listOffers(options: CallOptions = {}): Promise<OfferList> {
    return this.#value(routes.listOffers, options)
  }

  listReceipts(query: ReceiptQuery = {}, options: CallOptions = {}): Promise<ReceiptList> {
    return this.#value(routes.listReceipts, { ...options, query })
  }

  /** Pays everything accepted and claims everything earned. */
  settle(options: CallOptions = {}): Promise<SettleAnswer> {
    return this.#value(routes.settle, options)
  }

  thaw(request: ThawRequest, options: CallOptions = {}): Promise<ThawAnswer> {
    return this.#value(routes.thaw, { ...options, body: request })
  }

  finish(options: CallOptions = {}): Promise<FinishAnswer> {
    return this.#value(routes.finish, options)
  }

  /** The provider's ledger; by epoch for those from `from` to `to`, by default the last 16. */
  getEarnings(query: EarningsQuery = {}, options: CallOptions = {}): Promise<EarningsReport> {
    return this.#value(routes.getEarnings, { ...options, query })
  }

  listEpochs(options: CallOptions = {}): Promise<EpochList> {
    return this.#value(routes.listEpochs, options)
  }

  /** Computes and proposes an epoch. */
  runEpoch(epoch: number, options: CallOptions = {}): Promise<EpochRun> {
    return this.#value(routes.runEpoch, { ...options, id: String(epoch) })
  }

  /** Probe logs that the node had in time: evidence without one of them is a false proposal. */
  getEpochLogs(epoch: number, options: CallOptions = {}): Promise<EpochLogs> {
    return this.#value(routes.getEpochLogs, { ...options, id: String(epoch) })
  }

  /** The bytes of an epoch's document; whoever uses them checks them against the id. */
  async getDocument(id: ContentId, options: CallOptions = {}): Promise<Uint8Array> {
    const response = await this.#fetch(routes.getDocument, { ...options, id })
    return new Uint8Array(await response.arrayBuffer())
  }

  claimRewards(options: CallOptions = {}): Promise<RewardsClaimed> {
    return this.#value(routes.claimRewards, options)
  }

  getDoctor(options: CallOptions = {}): Promise<DoctorReport> {
    return this.#value(routes.getDoctor, options)
  }

  runSelftest(options: CallOptions = {}): Promise<DoctorReport> {
    return this.#value(routes.runSelftest, options)
  }

  async *#eventsFrom(id: Hash, next: number, options: CallOptions): AsyncGenerator<JobEvent, void> {
    const headers = next <= 1 ? {} : { 'last-event-id': String(next - 1) }
    const response = await this.#fetch(routes.watchJob, { ...options, id, headers })
    for await (const { data } of serverEvents(bodyOf(response))) yield decoded(routes.watchJob, data)
  }

  async #value<Body, Query, Answer>(route: Route<Body, Query, Answer>, request: Request<Body, Query>): Promise<Answer> {
    const response = await this.#fetch(route, request)
    return decoded(route, await textOf(response))
  }

  async #fetch<Body, Query, Answer>(
    route: Route<Body, Query, Answer>,
    request: Request<Body, Query>,
  ): Promise<Response> {
    const used = await this.#connect()
    try {
      return await this.#send(used, route, request)
    } catch (error) {
      if (!isStale(error)) throw error
      // A daemon that was started again has another port and token.
      this.#connection = undefined
      const fresh = await this.#connect()
      if (fresh.url === used.url && fresh.token === used.token) throw error
      return await this.#send(fresh, route, request)
    }
  }

  async #connect(): Promise<DaemonConnection> {
    this.#connection ??= this.#components.connection()
    const connecting = this.#connection
    try {
      return await connecting
    } catch (error) {
      if (this.#connection === connecting) this.#connection = undefined
      throw error
    }
  }

  async #send<Body, Query, Answer>(
    connection: DaemonConnection,
    route: Route<Body, Query, Answer>,
    request: Request<Body, Query>,
  ): Promise<Response> {
    const { body, type } = bodyTextOf(route, request.body)
    const headers: Record<string, string> = { authorization: `Bearer ${connection.token}`, ...request.headers }
    if (type !== undefined) headers['content-type'] = type
    let response: Response
    try {
      response = await this.#components.fetch(`${connection.url}${pathOf(route, request)}`, {
        method: route.method,
        headers,
        body: body ?? null,
        // A body that is still being made cannot be sent twice, nor be answered before its end.
        ...(route.body === 'stream' ? { duplex: 'half' } : {}),
        signal: request.signal ?? null,
        redirect: 'error',
      })
    } catch (cause) {
      if (request.signal?.aborted === true) throw cause
      const details = { url: connection.url }
      throw new SdkError('API_NO_DAEMON', `no node answers at ${connection.url}`, { cause, details })
    }
    if (!response.ok) throw await failureOf(response)
    return response
  }
}

function pathOf<Query>(
  route: Route<never, Query, unknown> | Route<unknown, Query, unknown>,
  request: { readonly id?: string; readonly query?: Query },
): string {
  const path = request.id === undefined ? route.path : route.path.replace(':id', encodeURIComponent(request.id))
  if (route.query === undefined || request.query === undefined) return path
  const query = route.query.encode(request.query) as Record<string, string>
  const text = new URLSearchParams(query).toString()
  return text === '' ? path : `${path}?${text}`
}

function bodyTextOf<Body>(
  route: { readonly body: Wire<Body> | 'bytes' | 'stream' | undefined },
  body: Body | undefined,
): { readonly body?: NonNullable<RequestInit['body']>; readonly type?: string } {
  if (route.body === undefined || body === undefined) return {}
  if (route.body === 'bytes')
    return { body: body as NonNullable<RequestInit['body']>, type: 'application/octet-stream' }
  if (route.body === 'stream')
    return { body: ReadableStream.from(body as AsyncIterable<Uint8Array>), type: STREAM_TYPE }
  const checked = route.body.safeEncode(body)
  if (!checked.success) throw new SdkError('API_BAD_REQUEST', describeIssues(checked.error))
  return { body: JSON.stringify(checked.data), type: 'application/json' }
}

async function failureOf(response: Response): Promise<Error> {
  const problem = problemWire.safeDecode(parsed(await textOf(response)))
  if (problem.success) return errorOfProblem(problem.data)
  return new SdkError('API_BAD_RESPONSE', `the node answered with status ${response.status} and no reason`, {
    details: { status: response.status },
  })
}

function decoded<Answer>(
  route: { readonly name: string; readonly answer: Wire<Answer> | undefined },
  text: string,
): Answer {
  const value = route.answer?.safeDecode(parsed(text))
  if (value?.success === true) return value.data
  const what = value === undefined ? 'there must be none' : describeIssues(value.error)
  throw new SdkError('API_BAD_RESPONSE', `the node's answer to ${route.name} cannot be read: ${what}`)
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

async function textOf(response: Response): Promise<string> {
  try {
    return await response.text()
  } catch (cause) {
    throw new SdkError('API_INTERRUPTED', 'the connection to the node ended before its answer was complete', { cause })
  }
}

async function* bytesOf(response: Response): AsyncGenerator<Uint8Array, void> {
  try {
    yield* bodyOf(response)
  } catch (cause) {
    throw new SdkError('API_INTERRUPTED', 'the node ended the object before all of it was there', { cause })
  }
}

function bodyOf(response: Response): ReadableStream<Uint8Array> {
  if (response.body === null) throw new SdkError('API_BAD_RESPONSE', 'the node sent no content')
  return response.body
}

function isTransient(error: unknown): boolean {
  return hasCode(error, 'API_NO_DAEMON') || hasCode(error, 'API_INTERRUPTED')
}

function isStale(error: unknown): boolean {
  return hasCode(error, 'API_NO_DAEMON') || hasCode(error, 'API_UNAUTHORIZED')
}
