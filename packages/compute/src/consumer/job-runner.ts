import { type Address, hasCode, isSteadError, messageOf, type Timer } from '@stead/core'
import { ComputeError } from '../errors.ts'
import type { ComputeConsumerOptions } from '../options.ts'
import type { ComputeTerms } from '../terms.ts'
import { Assessor } from './assessor.ts'
import { Budget } from './budget.ts'
import { fuelOperations } from './fuel-history.ts'
import type { JobState, JobStatus, UnfinishedReason } from './job.ts'
import { JobLanes, problemOf } from './job-lanes.ts'
import type { TaskEntry } from './job-ledger.ts'
import { JobPlacer } from './job-placer.ts'
import type { JobHeader } from './job-plan.ts'
import type { JobRunnerComponents } from './job-runner-components.ts'
import type { Lane } from './lane.ts'
import type { PlacingHalt } from './lane-choice.ts'
import { LettingGo } from './letting-go.ts'
import { PaymentNotes } from './payment-notes.ts'
import { Stragglers } from './stragglers.ts'
import { strictLimitsOf } from './strict-limits.ts'

/** How often a running job looks at payments and at nodes that were left alone: at most and at least. */
const TICK_MS = 50
const IDLE_TICK_MS = 250
/** Pause before the chain is tried again when a job starts while it does not answer. */
const RETRY_MS = 1000

interface Ending {
  readonly reason: UnfinishedReason
  readonly detail: string
}

/** Runs one job from its journal to its end: nodes, placement, checks, deadlines, payment. */
export class JobRunner {
  readonly #components: JobRunnerComponents
  readonly #options: ComputeConsumerOptions
  readonly #header: JobHeader
  readonly #budget: Budget
  readonly #lanes: JobLanes
  readonly #assessor: Assessor
  readonly #placer: JobPlacer
  readonly #stragglers: Stragglers = new Stragglers()
  readonly #abort: AbortController = new AbortController()
  readonly #done: PromiseWithResolvers<void> = Promise.withResolvers<void>()
  readonly #payments: PaymentNotes
  #timer: Timer | undefined
  /** When it looks again, by the monotonic clock. */
  #tickDueMs = Number.POSITIVE_INFINITY
  #isPumpDue = false
  #isOpen = false
  #isSuspended = false
  /** Nothing is placed or decided any more. */
  #isOver = false
  #isCancelled = false
  #ending: Ending | undefined
  #progressAtMs = 0
  readonly #lettingGo: LettingGo
  #haltedSinceMs = 0
  #lastHalt: PlacingHalt | undefined
  #graceEndsMs: number | undefined
  #reported = { placed: 0, waiting: 0 }

  constructor(components: JobRunnerComponents, options: ComputeConsumerOptions) {
    this.#components = components
    this.#options = options
    const { recorder, trust, clock } = components
    this.#lettingGo = new LettingGo(components.random, options)
    this.#payments = new PaymentNotes(components)
    this.#header = recorder.ledger.plan.header
    this.#budget = new Budget(this.#header.maxCostMicroUsd)
    this.#budget.restore(recorder.ledger.spentMicroUsd)
    this.#lanes = new JobLanes(
      { ...components, budget: this.#budget },
      { header: this.#header, consumer: options, signal: this.#abort.signal, onChange: () => this.#pumpSoon() },
    )
    this.#assessor = new Assessor(
      { recorder, budget: this.#budget, trust, clock },
      {
        verification: this.#header.verification,
        replicasExtraMax: options.replicasExtraMax,
        onMore: (task, replicas) => this.#placer.repair(task, replicas),
        onEnded: (task) => this.#placer.cancel(task, task.state === 'agreed' && this.#assessor.wantedOf(task) > 1),
        onStrict: (task) => this.#placer.cancel(task, false),
        strictLimits: (task) => strictLimitsOf(task, this.#termsOf(task)),
        hasFloats: (module) => components.floatModules.has(module),
        onLie: components.onLie,
      },
    )
    this.#placer = new JobPlacer(
      {
        ...components,
        lanes: this.#lanes,
        budget: this.#budget,
        assessor: this.#assessor,
        stragglers: this.#stragglers,
      },
      {
        header: this.#header,
        consumer: options,
        onProgress: () => this.#pumpSoon(),
        onFault: (error) => this.#fault(error),
      },
    )
  }

  /** Runs the job; resolves when it has ended, or is suspended. Never rejects. */
  async run(): Promise<void> {
    this.#progressAtMs = this.#components.clock.monotonicMs()
    this.#tickLater()
    await this.#learnModules()
    // After a restart there may be nothing left but to settle.
    if (this.#components.recorder.ledger.waiting > 0) await this.#open()
    if (this.#ending === undefined && !this.#isSuspended) {
      this.#isOpen = true
      this.#reassess()
      this.#pump()
    }
    await this.#done.promise
    this.#timer?.clear()
    this.#lanes.close()
    const { log } = this.#components.recorder
    if (!this.#isSuspended) await this.#conclude()
    await log.flush()
    log.close()
  }

  /** Ends the job in what it has. */
  cancel(): void {
    this.#isCancelled = true
    this.#end('cancelled', 'cancelled by the submitter')
  }

  /** Stops without ending the job, which goes on from its journal after the next start. */
  suspend(): void {
    this.#isSuspended = true
    this.#abort.abort()
    this.#placer.end()
    this.#checkDone()
  }

  /** A node lied, here or in another job: it gets no more work of this one. */
  leaveOut(node: Address, lie: string): void {
    if (this.#isOver || this.#isSuspended) return
    const lane = this.#lanes.of(node)
    if (lane !== undefined) this.#placer.drop(lane, lie)
    if (this.#ending === undefined) this.#assessor.recheckResultsOf(node)
  }

  /** The job in numbers, now. */
  status(): JobStatus {
    const { ledger } = this.#components.recorder
    return ledger.status({ reservedMicroUsd: this.#budget.reservedMicroUsd, waitingFor: this.#waitingFor() })
  }

  #waitingFor(): string | undefined {
    if (this.#ending !== undefined) return undefined
    if (!this.#isOpen) return 'providers'
    return this.#placer.halt === 'slots' ? undefined : this.#placer.halt
  }

  get #operatorsMin(): number {
    const { verification } = this.#header
    if (verification.mode === 'trust') return 1
    return verification.mode === 'quorum' ? verification.replicas : 2
  }

  /** The terms of the nodes that answered a task; those of dropped ones count no more. */
  #termsOf(task: TaskEntry): ComputeTerms[] {
    return task.answers.flatMap(({ node }) => this.#lanes.of(node)?.terms ?? [])
  }

  async #learnModules(): Promise<void> {
    try {
      const { recorder, floatModules } = this.#components
      await floatModules.learn(recorder.ledger.tasks.map(({ plan }) => plan.module))
    } catch (error) {
      // What is not known counts as a module with floats.
      this.#components.logger.warn('a module could not be read', { job: this.#header.id, error: messageOf(error) })
    }
  }

  /** Finds nodes and opens channels, or ends the job with the reason why that is not possible. */
  async #open(): Promise<void> {
    for (;;) {
      try {
        await this.#lanes.open(this.#operatorsMin)
        break
      } catch (error) {
        if (this.#abort.signal.aborted) return
        this.#components.recorder.note(problemOf(error))
        const isPassing = isSteadError(error) && error.kind === 'system' && error.retryable
        const waitedMs = this.#components.clock.monotonicMs() - this.#progressAtMs
        if (!isPassing || waitedMs > this.#options.stallTimeoutMs) {
          this.#end(isUnfunded(error) ? 'unfunded' : 'internal', messageOf(error))
          return
        }
        await this.#components.clock.sleep(RETRY_MS)
      }
    }
    if (this.#abort.signal.aborted) return
    if (this.#lanes.usable().length === 0) this.#end('no-providers', this.#exclusionText())
    else this.#checkOperators()
  }

  #checkOperators(): void {
    const have = this.#lanes.operators
    const need = this.#operatorsMin
    if (have >= need) return
    const details = { needOperators: need, haveOperators: have }
    const message = `${need} distinct operators are needed to check results, ${have} match`
    this.#components.recorder.note(problemOf(new ComputeError('COMPUTE_FEWER_OPERATORS', message, { details })))
    if (this.#header.ifFewerOperators === 'trust') this.#assessor.trustAll()
    else this.#end('fewer-operators', message)
  }

  /** Tasks that have answers already, after a restart or when one node's word has become enough. */
  #reassess(): void {
    for (const task of this.#components.recorder.ledger.tasks) {
      if (task.state !== 'waiting' || task.answers.length === 0) continue
      // What is accepted and still undecided was being checked.
      if (task.answers.some(({ isAccepted }) => isAccepted)) this.#assessor.want(task, 2)
      this.#assessor.assess(task)
    }
  }

  #guarded(step: () => void): void {
    try {
      step()
    } catch (error) {
      this.#fault(error)
    }
  }

  /** A fault of this program ends the job and not the node, which would only meet it again after a restart. */
  #fault(error: unknown): void {
    const { logger, recorder } = this.#components
    logger.error('a job ends because of a fault of this program', { job: this.#header.id, error })
    try {
      recorder.note(problemOf(error))
      this.#end('internal', messageOf(error))
    } catch (second) {
      logger.error('a job could not be ended in good order', { job: this.#header.id, error: second })
      this.#placer.end()
      this.#finish()
    }
  }

  #pumpSoon(): void {
    if (this.#isPumpDue) return
    this.#isPumpDue = true
    queueMicrotask(() => {
      this.#isPumpDue = false
      this.#guarded(() => this.#pump())
    })
  }

  #pump(): void {
    if (this.#isOpen && this.#ending === undefined && !this.#isSuspended) {
      this.#placer.pump()
      this.#noteProgress()
      // Nothing in flight can free money any more.
      if (this.#placer.halt === 'cost-cap' && this.#placer.live.size === 0)
        this.#end(
          'cost-cap',
          `the cap of ${this.#header.maxCostMicroUsd} micro-dollars leaves no room for another task: the next may cost ${this.#placer.refusedMicroUsd}`,
        )
    }
    this.#checkDone()
    if (!this.#isOver && !this.#placer.isQueueEmpty) this.#tickLater()
  }

  #noteProgress(): void {
    const { ledger } = this.#components.recorder
    const placed = this.#placer.live.size
    const nowMs = this.#components.clock.monotonicMs()
    if (ledger.waiting !== this.#reported.waiting || placed !== this.#reported.placed) this.#progressAtMs = nowMs
    this.#reported = { waiting: ledger.waiting, placed }
    if (this.#placer.halt !== this.#lastHalt) this.#haltedSinceMs = nowMs
    this.#lastHalt = this.#placer.halt
  }

  #tickLater(): void {
    const { clock } = this.#components
    const nowMs = clock.monotonicMs()
    const leftMs = (this.#header.deadlineAt ?? 0) - clock.now()
    const dueMs = Math.min(this.#lookAgainMs(nowMs), leftMs > 0 ? nowMs + leftMs : Number.POSITIVE_INFINITY)
    if (dueMs >= this.#tickDueMs) return
    this.#timer?.clear()
    this.#tickDueMs = dueMs
    this.#timer = clock.setTimer(dueMs - nowMs, () => {
      this.#tickDueMs = Number.POSITIVE_INFINITY
      this.#guarded(() => this.#tick())
    })
  }

  /** Most of its life a job only waits for answers: it looks when one is late, and not twenty times a second. */
  #lookAgainMs(nowMs: number): number {
    const wakesAtMs = this.#placer.isQueueEmpty ? Number.POSITIVE_INFINITY : this.#lanes.wakesAtMs(nowMs)
    // What is due already could not be done: there was no place for it.
    return Math.max(Math.min(wakesAtMs, this.#nextHedgeMs(), nowMs + IDLE_TICK_MS), nowMs + TICK_MS)
  }

  #nextHedgeMs(): number {
    let firstMs = Number.POSITIVE_INFINITY
    const limitMs = this.#hedgeLimitMs()
    if (limitMs === undefined) return firstMs
    for (const { startedMs, isHedged, purpose } of this.#placer.live.values())
      if (!isHedged && purpose !== 'hedge') firstMs = Math.min(firstMs, startedMs + limitMs)
    return firstMs
  }

  #tick(): void {
    const { clock } = this.#components
    this.#tickLater()
    const { deadlineAt } = this.#header
    if (deadlineAt !== undefined && clock.now() >= deadlineAt)
      this.#end('deadline', 'the deadline of the job has passed')
    if (this.#isOpen && this.#ending === undefined && !this.#isSuspended) {
      this.#hedge()
      this.#payments.note()
      this.#lookAtSupply(clock.monotonicMs())
      this.#pump()
    }
    if (this.#graceEndsMs !== undefined && clock.monotonicMs() > this.#graceEndsMs) this.#placer.end()
    this.#checkDone()
  }

  #lookAtSupply(nowMs: number): void {
    const { halt } = this.#placer
    if (!this.#placer.isQueueEmpty) {
      this.#lanes.refill()
      this.#lanes.refresh(this.#operatorsMin)
      this.#placer.giveUpUnplaceable(this.#options.offerWaitMs)
    }
    const haltedMs = nowMs - this.#haltedSinceMs
    // A full disk is waited for, however long it takes.
    if (halt === 'disk-full') this.#progressAtMs = nowMs
    if (this.#placer.live.size > 0) return
    const stillMs = nowMs - this.#progressAtMs
    if ((halt === 'credit' || halt === 'slots') && this.#letGo(stillMs)) return
    const isStill = stillMs > this.#options.stallTimeoutMs
    if (halt === 'fewer-operators' || halt === 'no-providers') {
      // A search may go on as long as a node is there that opens no channel.
      const isOver = !this.#lanes.isSearching && haltedMs > this.#options.offerWaitMs
      if (isOver || isStill) this.#lackSupply(halt)
    } else if (isStill) this.#giveUpWaiting(halt)
  }

  /** Lets undecided answers go and begins their tasks anew; false when it is not the time, or there are none. */
  #letGo(stillMs: number): boolean {
    const { ledger } = this.#components.recorder
    if (!this.#lettingGo.isDue(stillMs, ledger.waiting)) return false
    const held = ledger.tasks.filter(
      (task) => task.state === 'waiting' && task.open.length === 0 && this.#assessor.letGo(task),
    )
    for (const task of held) if (task.answers.length === 0) this.#placer.beginAnew(task)
    if (held.length === 0) return false
    this.#lettingGo.note(ledger.waiting)
    this.#progressAtMs = this.#components.clock.monotonicMs()
    return true
  }

  /** Nodes that went away, or had no place in all that time while others have one, are counted as none. */
  #giveUpWaiting(halt: PlacingHalt | undefined): void {
    const isLost = ({ channel }: Lane): boolean => channel.state === 'lost'
    const usable = this.#lanes.usable()
    const { fullLanes } = this.#placer
    const away = fullLanes.length < usable.length ? fullLanes : usable.filter(isLost)
    for (const lane of away) this.#placer.drop(lane, isLost(lane) ? 'unreachable' : 'full')
    const { operators } = this.#lanes
    if (away.length > 0 && operators < this.#operatorsMin)
      this.#lackSupply(operators > 0 ? 'fewer-operators' : 'no-providers')
    else this.#end('stalled', `nothing happened for ${this.#options.stallTimeoutMs} ms: ${halt ?? 'no reason known'}`)
  }

  #lackSupply(halt: 'fewer-operators' | 'no-providers'): void {
    const { operators } = this.#lanes
    if (halt === 'fewer-operators' && operators > 0 && this.#header.ifFewerOperators === 'trust') {
      this.#checkOperators()
      this.#reassess()
      return
    }
    const problem = this.#lanes.lastProblem
    if (halt === 'no-providers' && isUnfunded(problem)) {
      this.#end('unfunded', messageOf(problem))
      return
    }
    this.#end(halt, `${operators} operators left, ${this.#operatorsMin} needed; ${this.#exclusionText()}`)
  }

  #exclusionText(): string {
    const { matching, excluded } = this.status().match
    const reasons = Object.entries(excluded).map(([reason, count]) => `${count} ${reason}`)
    return [`${matching} match`, ...reasons].join('; ')
  }

  #hedge(): void {
    const limitMs = this.#hedgeLimitMs()
    if (limitMs === undefined) return
    const nowMs = this.#components.clock.monotonicMs()
    for (const live of this.#placer.live.values()) {
      if (live.isHedged || live.purpose === 'hedge' || nowMs - live.startedMs < limitMs) continue
      if (live.task.state === 'waiting' && !this.#placer.hedge(live)) return
    }
  }

  /** From which age on a delivery is asked for a second time; undefined while none is. */
  #hedgeLimitMs(): number | undefined {
    const { hedge, deadlineAt } = this.#header
    const { isQueueEmpty } = this.#placer
    if (!hedge || this.#graceEndsMs !== undefined || (!isQueueEmpty && deadlineAt === undefined)) return undefined
    const limitMs = this.#stragglers.limitMs(this.#options)
    if (limitMs === undefined) return undefined
    return isQueueEmpty || this.#isNearDeadline(limitMs) ? limitMs : undefined
  }

  #isNearDeadline(marginMs: number): boolean {
    const { deadlineAt } = this.#header
    return deadlineAt !== undefined && deadlineAt - this.#components.clock.now() < 2 * marginMs
  }

  /** No more work; every task without a result gets this reason. */
  #end(reason: UnfinishedReason, detail: string): void {
    if (this.#ending !== undefined || this.#isSuspended) return
    this.#ending = { reason, detail }
    this.#abort.abort()
    const waiting = this.#components.recorder.ledger.tasks.filter(({ state }) => state === 'waiting')
    for (const task of waiting) this.#assessor.giveUp(task, reason, task.detail ?? detail)
    this.#placer.end()
    this.#checkDone()
  }

  #checkDone(): void {
    const { size } = this.#placer.live
    if (this.#isSuspended || this.#ending !== undefined) {
      if (size === 0) this.#finish()
      return
    }
    if (this.#components.recorder.ledger.waiting > 0) {
      this.#graceEndsMs = undefined
      return
    }
    if (size === 0) this.#finish()
    // Replicas that were asked for and are not needed any more still get a chance to be paid.
    else this.#graceEndsMs ??= this.#components.clock.monotonicMs() + this.#graceMs()
  }

  #finish(): void {
    this.#isOver = true
    this.#done.resolve()
  }

  #graceMs(): number {
    return this.#stragglers.limitMs(this.#options) ?? this.#options.hedgeAfterMsMin
  }

  async #conclude(): Promise<void> {
    const { recorder, market, jobs, clock, logger } = this.#components
    recorder.note({ type: 'settling' })
    await recorder.log.flush()
    const channels = recorder.ledger.channels
    try {
      const report = await market.settle({ channels, timeoutMs: this.#options.settleTimeoutMs })
      for (const { node, error } of report.unsettled) {
        logger.warn('a payment has no receipt yet', { node, error })
        recorder.note(problemOf(error))
      }
    } catch (error) {
      // The market pays on its own; the job does not wait for it.
      recorder.note(problemOf(error))
    }
    this.#payments.note()
    const state = this.#finalState()
    const { unfinished } = recorder.ledger
    const row = jobs.stateOperation({ header: this.#header, state, finishedAt: clock.now() })
    const rows = [row, ...fuelOperations(recorder.ledger.tasks)]
    recorder.note({ type: 'finished', state, unfinished }, undefined, rows)
  }

  #finalState(): JobState {
    const { ledger } = this.#components.recorder
    const isComplete = Object.keys(ledger.unfinished).length === 0
    if (isComplete) return 'complete'
    if (this.#isCancelled) return 'cancelled'
    return ledger.hasResults ? 'partial' : 'failed'
  }
}

function isUnfunded(error: unknown): boolean {
  return hasCode(error, 'MARKET_UNFUNDED') || hasCode(error, 'CHAIN_INSUFFICIENT_FUNDS')
}
