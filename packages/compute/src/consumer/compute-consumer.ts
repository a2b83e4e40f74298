import {
  type Address,
  type Clock,
  type Hash,
  isSteadError,
  type Logger,
  type Metrics,
  messageOf,
  type Network,
  type Random,
  type Size,
  type Store,
} from '@stead/core'
import type { MarketPayer, OfferBook } from '@stead/market'
import type { BlobExchange } from '../blobs/blob-exchange.ts'
import { BlobPins } from '../blobs/blob-pins.ts'
import { ComputeError } from '../errors.ts'
import { type ComputeConsumerInput, type ComputeConsumerOptions, computeConsumerOptionsSchema } from '../options.ts'
import { ActiveJob } from './active-job.ts'
import { ConsumerMetrics } from './consumer-metrics.ts'
import { FloatModules } from './float-modules.ts'
import { meanFuelOf } from './fuel-history.ts'
import type { JobHandle, JobRequest, Verification } from './job.ts'
import { evidenceOfJob, type JobEvidence } from './job-evidence.ts'
import { JobLedger } from './job-ledger.ts'
import { JobLog } from './job-log.ts'
import { type JobPlan, planJob } from './job-plan.ts'
import { type JobQuote, quoteOf } from './job-quote.ts'
import { JobRecorder } from './job-recorder.ts'
import { JobRunner } from './job-runner.ts'
import { isUnfinished, JobStore, type JobSummary, type StoredJob, summaryOf } from './job-store.ts'
import { NodeLoads } from './node-loads.ts'
import { ProviderSearch } from './provider-search.ts'
import { TrustBook, type TrustRecord } from './trust-book.ts'

/** Tasks of ended jobs whose histories stay in memory: some 100 MB at the most. */
const ENDED_TASKS_MAX = 100_000

/** What a consumer stands on. All of it is started before and stopped after the consumer. */
export interface ComputeConsumerComponents {
  readonly network: Network
  readonly market: MarketPayer
  readonly offers: OfferBook
  readonly blobs: BlobExchange
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
}

/** Runs jobs on other people's machines: places tasks, checks results, pays for what is agreed, survives a crash. */
export class ComputeConsumer {
  readonly #components: ComputeConsumerComponents
  readonly #options: ComputeConsumerOptions
  readonly #jobs: JobStore
  readonly #trust: TrustBook
  readonly #floatModules: FloatModules
  readonly #search: ProviderSearch
  readonly #metrics: ConsumerMetrics
  readonly #loads: NodeLoads = new NodeLoads()
  readonly #running: Map<Hash, ActiveJob> = new Map()
  /** The least recently used first. */
  readonly #ended: Map<Hash, ActiveJob> = new Map()
  #isStarted = false

  constructor(components: ComputeConsumerComponents, options: ComputeConsumerInput = {}) {
    this.#components = components
    this.#options = Object.freeze(computeConsumerOptionsSchema.parse(options))
    this.#jobs = new JobStore(components.store)
    this.#trust = new TrustBook(this.#options)
    this.#floatModules = new FloatModules({ cache: components.blobs.cache, logger: components.logger })
    this.#search = new ProviderSearch({ ...components, trust: this.#trust }, this.#options)
    this.#metrics = new ConsumerMetrics(components.metrics)
  }

  /** Reads trust and jobs, and goes on with the jobs that have not ended. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async start(): Promise<void> {
    await this.#trust.load(this.#components.store)
    const stored = await this.#jobs.list()
    this.#isStarted = true
    for (const job of stored) if (isUnfinished(job)) await this.#resumeOrReport(job)
    await this.#prune(stored)
  }

  /** Suspends all jobs; they go on after the next start. */
  async stop(): Promise<void> {
    this.#isStarted = false
    await Promise.all([...this.#running.values()].map((job) => job.suspend()))
  }

  /**
   * Takes a job on. It is on disk, and survives a kill, when this resolves; what goes wrong from there on is told by
   * its events and its state.
   * @throws ComputeError COMPUTE_BAD_JOB, COMPUTE_BLOB_MISSING, COMPUTE_STOPPED
   * @throws CoreError STORE_FULL, STORE_FAILED
   */
  async submit(request: JobRequest): Promise<JobHandle> {
    this.#checkStarted()
    const plan = await this.#plan(request)
    const pins = this.#pinsOf(plan)
    try {
      await this.#jobs.create(plan, request.context)
    } catch (error) {
      pins.release()
      throw error
    }
    const ledger = new JobLedger(plan)
    const log = new JobLog(this.#components, plan.header.id, 0)
    const { name, tasks, maxCostMicroUsd } = plan.header
    const recorder = new JobRecorder({ ledger, log, trust: this.#trust, metrics: this.#metrics })
    recorder.note({ type: 'submitted', name, tasks, maxCostMicroUsd: maxCostMicroUsd.toString() })
    return this.#run(recorder, pins)
  }

  /** What a job would cost and who would run it; nothing is funded or kept. @throws as {@link submit} */
  async quote(request: JobRequest): Promise<JobQuote> {
    this.#checkStarted()
    const plan = await this.#plan(request)
    const operatorsNeed = operatorsNeedOf(request.verification)
    const found = await this.#search.search(plan.header, {
      operatorsMin: operatorsNeed,
      waitMs: this.#options.offerWaitMs,
      skip: new Set(),
    })
    const meanFuel = await meanFuelOf(this.#components.store, plan.header.need.module)
    return quoteOf({ plan, found, operatorsNeed, meanFuel, trust: this.#trust, ...this.#options })
  }

  /** All jobs, the latest first. @throws CoreError STORE_FAILED, ComputeError COMPUTE_JOURNAL */
  async jobs(): Promise<readonly JobSummary[]> {
    const stored = await this.#jobs.list()
    const summaries = stored.map((job) => {
      const state = this.#running.get(job.header.id)?.status().state
      return summaryOf(state === undefined ? job : { ...job, state })
    })
    return summaries.sort((left, right) => right.submittedAt - left.submittedAt)
  }

  /** A job, running or ended. @throws ComputeError COMPUTE_JOB_UNKNOWN, COMPUTE_JOURNAL */
  job(id: Hash): Promise<JobHandle> {
    return this.#find(id)
  }

  /** What an auditor needs of a job besides the receipts. @throws ComputeError COMPUTE_JOB_UNKNOWN, COMPUTE_JOURNAL */
  async evidence(id: Hash): Promise<JobEvidence> {
    const { ledger } = await this.#find(id)
    return evidenceOfJob(ledger)
  }

  /** Own experience with nodes. */
  trust(): readonly (readonly [Address, TrustRecord])[] {
    return this.#trust.entries()
  }

  /** What the consumer holds in memory, with the most that it may; running jobs are this payer's own doing. */
  sizes(): readonly Size[] {
    const ended = Array.from(this.#ended.values())
    const tasks = ended.slice(0, -1).reduce((sum, { ledger }) => sum + ledger.tasks.length, 0)
    return [
      { what: 'tasks of ended jobs but the last', have: tasks, max: ENDED_TASKS_MAX },
      { what: 'nodes with a record of trust', ...this.#trust.size },
      { what: 'nodes that were used', ...this.#loads.size },
      { what: 'nodes that did not answer', ...this.#search.unansweredSize },
      { what: 'modules that were looked into', ...this.#floatModules.size },
      ...Array.from(this.#running.values(), ({ eventsHeld }) => ({ what: 'events of a job in memory', ...eventsHeld })),
    ]
  }

  #plan(request: JobRequest): Promise<JobPlan> {
    const { blobs, clock, random } = this.#components
    return planJob(request, { blobs: blobs.cache, clock, random })
  }

  #pinsOf(plan: JobPlan): BlobPins {
    const pins = new BlobPins(this.#components.blobs.cache)
    for (const { blobs } of plan.tasks) for (const id of blobs) pins.pin(id)
    return pins
  }

  #checkStarted(): void {
    if (!this.#isStarted) throw new ComputeError('COMPUTE_STOPPED', 'the consumer is not running')
  }

  #run(recorder: JobRecorder, pins: BlobPins): ActiveJob {
    const { ledger, log } = recorder
    const { id } = ledger.plan.header
    const runner = new JobRunner(
      {
        ...this.#components,
        recorder,
        pins,
        jobs: this.#jobs,
        search: this.#search,
        trust: this.#trust,
        floatModules: this.#floatModules,
        loads: this.#loads,
        onLie: (node, lie) => {
          for (const job of this.#running.values()) job.leaveOut(node, lie)
        },
      },
      this.#options,
    )
    const ended = runner
      .run()
      .catch((error: unknown) => {
        this.#components.logger.error('a job stopped by a fault of this program', { job: id, error: messageOf(error) })
        log.close()
      })
      .finally(() => {
        pins.release()
        this.#running.delete(id)
        this.#remember(job)
        this.#pruneSoon()
      })
    const job = new ActiveJob({ ledger, log, jobs: this.#jobs, run: { runner, ended } })
    this.#running.set(id, job)
    return job
  }

  async #find(id: Hash): Promise<ActiveJob> {
    const known = this.#running.get(id) ?? this.#ended.get(id)
    if (known !== undefined) return known
    const stored = await this.#jobs.get(id)
    if (stored === undefined)
      throw new ComputeError('COMPUTE_JOB_UNKNOWN', `no job ${id} is known here`, { details: { id } })
    const { ledger, log } = await this.#load(stored)
    log.close()
    const job = new ActiveJob({ ledger, log, jobs: this.#jobs })
    this.#remember(job)
    return job
  }

  #remember(job: ActiveJob): void {
    this.#ended.delete(job.id)
    this.#ended.set(job.id, job)
    let tasks = 0
    for (const { ledger } of this.#ended.values()) tasks += ledger.tasks.length
    for (const [oldest, { ledger }] of this.#ended) {
      if (tasks <= ENDED_TASKS_MAX || oldest === job.id) break
      this.#ended.delete(oldest)
      tasks -= ledger.tasks.length
    }
  }

  /** Folds a job's events. @throws ComputeError COMPUTE_JOURNAL */
  async #load({ header }: StoredJob): Promise<{ readonly ledger: JobLedger; readonly log: JobLog }> {
    const ledger = new JobLedger({ header, tasks: await this.#jobs.tasks(header.id) })
    let last = 0
    for await (const event of new JobLog(this.#components, header.id, 0).stored(1)) {
      ledger.apply(event)
      last = event.number
    }
    return { ledger, log: new JobLog(this.#components, header.id, last) }
  }

  async #resumeOrReport(stored: StoredJob): Promise<void> {
    try {
      await this.#resume(stored)
    } catch (error) {
      const code = isSteadError(error) ? error.code : 'internal'
      const fields = { job: stored.header.id, code, error: messageOf(error) }
      this.#components.logger.error('a job could not be resumed; it waits for the next start', fields)
    }
  }

  async #resume(stored: StoredJob): Promise<void> {
    const { ledger, log } = await this.#load(stored)
    const pins = this.#pinsOf(ledger.plan)
    const recorder = new JobRecorder({ ledger, log, trust: this.#trust, metrics: this.#metrics })
    recorder.note({ type: 'resumed' })
    const detail = 'the payer was stopped before this delivery was decided'
    // The market has told the providers by now that these deliveries are not paid.
    for (const { id: delivery, node, task } of ledger.inFlight())
      recorder.note({ type: 'lost', task: task.plan.key, node, delivery, reason: 'payer-restarted', detail })
    for (const task of ledger.tasks)
      for (const { id: delivery, node, isAccepted } of [...task.answers])
        if (!isAccepted)
          recorder.note({ type: 'lost', task: task.plan.key, node, delivery, reason: 'payer-restarted', detail })
    this.#run(recorder, pins)
  }

  #pruneSoon(): void {
    if (!this.#isStarted) return
    this.#jobs
      .list()
      .then((stored) => this.#prune(stored))
      .catch((error: unknown) =>
        this.#components.logger.warn('old jobs could not be removed', { error: messageOf(error) }),
      )
  }

  /** Drops the oldest ended jobs beyond what is kept. */
  async #prune(stored: readonly StoredJob[]): Promise<void> {
    const ended = stored.filter((job) => !isUnfinished(job))
    ended.sort((left, right) => right.header.submittedAt - left.header.submittedAt)
    for (const { header } of ended.slice(this.#options.jobsKeptMax)) await this.#jobs.remove(header.id)
  }
}

/** Distinct operators that verification needs. */
function operatorsNeedOf(verification: Verification): number {
  if (verification.mode === 'trust') return 1
  return verification.mode === 'quorum' ? verification.replicas : 2
}
