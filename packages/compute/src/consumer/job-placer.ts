import type { Address, Clock, Random } from '@stead/core'
import type { Reservation } from '@stead/market'
import { bytesToHex } from '@stead/protocol'
import type { BlobExchange } from '../blobs/blob-exchange.ts'
import type { BlobPins } from '../blobs/blob-pins.ts'
import type { ComputeConsumerOptions } from '../options.ts'
import type { Assessor } from './assessor.ts'
import type { Budget, ChannelAmount } from './budget.ts'
import { type DispatchComponents, type DispatchResult, dispatch } from './dispatch.ts'
import type { LossReason, Purpose } from './job-event.ts'
import type { JobLanes } from './job-lanes.ts'
import type { TaskEntry } from './job-ledger.ts'
import type { JobHeader, PlannedTask } from './job-plan.ts'
import type { JobRecorder } from './job-recorder.ts'
import type { Lane } from './lane.ts'
import { chooseLane, haltOf, isPlaceable, operatorsOf, type PlacingHalt } from './lane-choice.ts'
import { RepairQueue } from './repair-queue.ts'
import type { Stragglers } from './stragglers.ts'
import type { TrustBook } from './trust-book.ts'

/** Pauses of a node that says it is busy, and of one that waits for payment: a payment is under way by then. */
const BUSY_PAUSE_MS = 20
const CREDIT_PAUSE_MS = 100
/** Operators that must refuse a module before it is taken for bad. */
const MODULE_REFUSALS_MIN = 2

/** Refusals that will be the same the next time; after others the node is only left alone for a while. */
const FINAL_REFUSALS: ReadonlySet<string> = new Set([
  'COMPUTE_FINISHING',
  'COMPUTE_LIMIT',
  'COMPUTE_MAXIMUM_TOO_LOW',
  'COMPUTE_METER_VERSION',
  'MARKET_FINISHING',
  'MARKET_PAYER_REFUSED',
  'NETWORK_UNSUPPORTED',
  'PROTOCOL_MALFORMED',
  'PROTOCOL_VERSION',
])

/** What placing stands on. */
export interface JobPlacerComponents extends DispatchComponents {
  readonly recorder: JobRecorder
  readonly lanes: JobLanes
  readonly budget: Budget
  readonly assessor: Assessor
  readonly trust: TrustBook
  readonly stragglers: Stragglers
  readonly clock: Clock
  readonly random: Random
  readonly blobs: BlobExchange
  readonly pins: BlobPins
}

/** How tasks are placed. */
export interface JobPlacerOptions {
  readonly header: JobHeader
  readonly consumer: ComputeConsumerOptions
  /** Something ended; there may be more to place, or nothing left to do. */
  readonly onProgress: () => void
  /** Something threw that must not: a fault of this program. */
  readonly onFault: (error: unknown) => void
}

/** A delivery in flight. */
export interface LiveDelivery {
  readonly id: string
  readonly task: TaskEntry
  /** What was sent; the task may be asked for otherwise by now. */
  readonly plan: PlannedTask
  readonly lane: Lane
  readonly purpose: Purpose
  readonly reservation: Reservation
  readonly startedMs: number
  readonly abort: AbortController
  isHedged: boolean
}

/** Gives tasks to nodes and takes what comes back. */
export class JobPlacer {
  readonly #components: JobPlacerComponents
  readonly #options: JobPlacerOptions
  /** Tasks without an answer, from `#freshNext` on. */
  readonly #fresh: TaskEntry[]
  #freshNext = 0
  readonly #repairs: RepairQueue = new RepairQueue()
  readonly #live: Map<string, LiveDelivery> = new Map()
  /** Operators by module and float mode: strict code is longer, and can be refused where raw code is not. */
  readonly #moduleRefusals: Map<string, Set<Address>> = new Map()
  #halt: PlacingHalt | undefined
  #refusedMicroUsd = 0n
  #isOver = false

  constructor(components: JobPlacerComponents, options: JobPlacerOptions) {
    this.#components = components
    this.#options = options
    this.#fresh = components.recorder.ledger.tasks.filter(isUntouched)
  }

  /** Deliveries in flight. */
  get live(): ReadonlyMap<string, LiveDelivery> {
    return this.#live
  }

  /** Why nothing more is placed now; undefined when everything is placed. */
  get halt(): PlacingHalt | undefined {
    return this.#halt
  }

  /** True when no task waits for a place. */
  get isQueueEmpty(): boolean {
    return this.#freshNext >= this.#fresh.length && this.#repairs.isEmpty
  }

  /** Lanes that take nothing of what waits first. */
  get fullLanes(): readonly Lane[] {
    const { lanes, clock } = this.#components
    const nowMs = clock.monotonicMs()
    const fuelMax = (this.#repairs.first ?? this.#fresh[this.#freshNext])?.plan.fuelMax
    if (fuelMax === undefined) return []
    return lanes.usable().filter((lane) => !lane.isFree(lane.maximumOf(fuelMax), nowMs))
  }

  /** Places nothing more and cancels what is in flight. */
  end(): void {
    this.#isOver = true
    for (const { abort } of this.#live.values()) abort.abort()
  }

  /** Queues more answers to a task, those already queued included in the number. */
  repair(task: TaskEntry, replicas: number): void {
    this.#repairs.add(task, replicas, this.#components.clock.monotonicMs())
  }

  /** Queues a task as if it had never been placed: its original and its replicas find room together, or wait. */
  beginAnew(task: TaskEntry): void {
    this.#repairs.remove(task)
    this.#fresh.push(task)
  }

  /** Cancels what is in flight for a task, only second copies of slow ones if it says so. */
  cancel(task: TaskEntry, onlyHedges: boolean): void {
    for (const { id } of task.open) {
      const live = this.#live.get(id)
      if (live !== undefined && (!onlyHedges || live.purpose === 'hedge' || live.isHedged)) live.abort.abort()
    }
  }

  /** Places as much as nodes, money and credit allow. */
  pump(): void {
    this.#halt = undefined
    if (this.#isOver) return
    if (this.#components.recorder.log.isStuck) {
      this.#halt = 'disk-full'
      return
    }
    this.#pumpRepairs()
    while (this.#freshNext < this.#fresh.length) {
      const task = this.#fresh[this.#freshNext]
      const isDue = task !== undefined && task.state === 'waiting' && !this.#isRefused(task)
      if (isDue && !this.#placeFresh(task)) return
      this.#freshNext++
    }
  }

  /** Places a second copy of a delivery that takes long; false when no other operator's node is free. */
  hedge(live: LiveDelivery): boolean {
    const lane = this.#chooseFor(live.task)
    if (lane === undefined || live.isHedged) return false
    const afterMs = Math.round(this.#components.clock.monotonicMs() - live.startedMs)
    if (!this.#send(live.task, lane, 'hedge')) return false
    live.isHedged = true
    this.#components.recorder.note({ type: 'hedged', task: live.task.plan.key, node: live.lane.node, afterMs })
    return true
  }

  /** Gives up tasks for which no node has been left for `patienceMs`. */
  giveUpUnplaceable(patienceMs: number): void {
    const { assessor, lanes, clock } = this.#components
    const nowMs = clock.monotonicMs()
    for (const { task, sinceMs } of this.#repairs.oldest) {
      if (task.state !== 'waiting' || nowMs - sinceMs < patienceMs) continue
      if (isPlaceable(lanes.list, this.#taken(task))) continue
      const wanted = assessor.wantedOf(task)
      const have = task.answers.length + task.open.length
      const detail = `${wanted} equal answers needed, ${have} operators asked, no other left`
      assessor.giveUp(task, have >= wanted ? 'no-agreement' : 'fewer-operators', detail)
    }
  }

  #pumpRepairs(): void {
    this.#repairs.work((task) => {
      const isDue = task.state === 'waiting' && !this.#isRefused(task)
      return !isDue || this.#placeRepair(task)
    })
  }

  #placeRepair(task: TaskEntry): boolean {
    const lane = this.#chooseFor(task)
    if (lane === undefined) {
      this.#halt = this.#haltOf(task, 1)
      return false
    }
    return this.#send(task, lane, task.answers.length > 0 ? 'replica' : 'repair')
  }

  #chooseFor(task: TaskEntry): Lane | undefined {
    const { lanes, clock } = this.#components
    const exceptOperators = this.#taken(task)
    return chooseLane({ lanes: lanes.list, task, nowMs: clock.monotonicMs(), exceptOperators })
  }

  #taken(task: TaskEntry): Set<Address> {
    const { ledger } = this.#components.recorder
    return operatorsOf(task, (node) => ledger.operatorOf(node))
  }

  /** Original and replicas together or not at all: half a quorum in flight could wait for ever for the other half's room. */
  #placeFresh(task: TaskEntry): boolean {
    const { assessor, budget, lanes, clock, trust, random } = this.#components
    const nowMs = clock.monotonicMs()
    const exceptOperators = this.#taken(task)
    const chosen: Lane[] = []
    const amounts: ChannelAmount[] = []
    do {
      const lane = chooseLane({ lanes: lanes.list, task, nowMs, exceptOperators })
      if (lane === undefined) {
        this.#halt = this.#haltOf(task, assessor.wantedOf(task))
        return false
      }
      if (chosen.length === 0 && this.#isAdaptive && trust.mustReplicate(lane.node, this.#floor, random))
        assessor.want(task, 2)
      chosen.push(lane)
      exceptOperators.add(lane.operator)
      amounts.push({ channel: lane.channel.id, amount: lane.maximumOf(task.plan.fuelMax) })
    } while (chosen.length < assessor.wantedOf(task))
    if (!budget.fits(amounts)) {
      this.#halt = 'cost-cap'
      this.#refusedMicroUsd = amounts.reduce((sum, { amount }) => sum + amount, 0n)
      return false
    }
    for (const [index, lane] of chosen.entries())
      if (!this.#send(task, lane, index === 0 ? 'original' : 'replica')) this.repair(task, 1)
    return true
  }

  /** What the task that the cap refused last may cost at the nodes chosen for it. */
  get refusedMicroUsd(): bigint {
    return this.#refusedMicroUsd
  }

  get #isAdaptive(): boolean {
    return this.#options.header.verification.mode === 'adaptive'
  }

  get #floor(): number {
    const { verification } = this.#options.header
    const own = verification.mode === 'adaptive' ? verification.floor : undefined
    return own ?? this.#options.consumer.adaptiveFloor
  }

  #haltOf(task: TaskEntry, wanted: number): PlacingHalt {
    const { lanes, clock } = this.#components
    return haltOf(
      { lanes: lanes.usable(), task, nowMs: clock.monotonicMs(), exceptOperators: this.#taken(task) },
      wanted,
    )
  }

  #send(task: TaskEntry, lane: Lane, purpose: Purpose): boolean {
    const { recorder, budget, clock } = this.#components
    const { channel, terms } = lane
    const maximum = lane.maximumOf(task.plan.fuelMax)
    if (!budget.reserve(channel.id, maximum)) {
      this.#halt = 'cost-cap'
      this.#refusedMicroUsd = maximum
      return false
    }
    const reservation = channel.reserve(maximum)
    if (reservation === undefined) {
      budget.shrink(channel.id, maximum, 0n)
      this.#halt = 'credit'
      return false
    }
    const id = bytesToHex(reservation.delivery).slice(2)
    const [startedMs, abort] = [clock.monotonicMs(), new AbortController()]
    const { plan } = task
    const live: LiveDelivery = { id, task, plan, lane, purpose, reservation, startedMs, abort, isHedged: false }
    this.#live.set(id, live)
    lane.load.begin()
    recorder.note({
      type: 'placed',
      task: plan.key,
      node: lane.node,
      channel: channel.id,
      delivery: id,
      purpose,
      maximumMicroUsd: maximum.toString(),
    })
    const { answerGraceMs, pullTimeoutMs } = this.#options.consumer
    // What waits in front of it at the node may take its time as well.
    const rounds = Math.ceil(
      (channel.quote.concurrency + this.#options.consumer.pipelineDepth) / channel.quote.concurrency,
    )
    dispatch(this.#components, {
      task: task.plan,
      peer: lane.peer,
      channel: channel.id,
      reservation,
      terms,
      hasModule: lane.hasModule(task.plan.module),
      timeoutMs: task.plan.timeMs * rounds + answerGraceMs,
      pullTimeoutMs,
      outputBytesMax: this.#options.header.need.outputBytes,
      signal: abort.signal,
    })
      .then((result) => this.#take(live, result))
      .catch((error: unknown) => this.#options.onFault(error))
    return true
  }

  #take(live: LiveDelivery, answer: DispatchResult): void {
    const isOutdated = live.plan !== live.task.plan && answer.kind === 'answer'
    const result = isOutdated ? OUTDATED : answer
    const { budget, clock } = this.#components
    const { lane, reservation } = live
    const durationMs = clock.monotonicMs() - live.startedMs
    this.#live.delete(live.id)
    lane.load.end()
    if (result.kind === 'answer') {
      budget.shrink(lane.channel.id, reservation.maximumMicroUsd, result.amountMicroUsd)
      this.#takeAnswer(live, result, durationMs)
    } else {
      budget.shrink(lane.channel.id, reservation.maximumMicroUsd, 0n)
      if (result.kind === 'lie') this.#takeLie(live, result)
      else this.#takeLoss(live, result)
    }
    this.#options.onProgress()
  }

  #takeAnswer(live: LiveDelivery, result: DispatchResult & { readonly kind: 'answer' }, durationMs: number): void {
    const { recorder, assessor, stragglers, blobs, pins } = this.#components
    const { lane, task, reservation } = live
    lane.load.noteSuccess()
    stragglers.note(durationMs)
    const rows = result.blobs.flatMap(([id, bytes]) => {
      pins.pin(id)
      return blobs.cache.prepare(id, bytes).operations
    })
    const { status, reason, exitCode, output, stderr, files, fuel } = result.record
    recorder.note(
      {
        type: 'answered',
        task: task.plan.key,
        delivery: live.id,
        outcome: result.outcome,
        status,
        ...(reason === undefined ? {} : { reason }),
        exitCode,
        output,
        stderr,
        files,
        fuel: fuel.toString(),
        amountMicroUsd: result.amountMicroUsd.toString(),
        durationMs: Math.round(durationMs * 1000) / 1000,
      },
      undefined,
      rows,
    )
    const answer = task.answers.find(({ id }) => id === live.id)
    if (answer !== undefined) assessor.take(answer, { reservation, lane })
  }

  #takeLie(live: LiveDelivery, result: DispatchResult & { readonly kind: 'lie' }): void {
    const { recorder, assessor } = this.#components
    const { reason, detail } = result
    const { node } = live.lane
    const event = { type: 'rejected', task: live.task.plan.key, node, delivery: live.id, reason, detail } as const
    assessor.condemn(node, { what: reason, accusers: [] }, () =>
      recorder.note(event, () => live.reservation.reject(reason)),
    )
    this.#replace(live.task, `${reason}: ${detail}`)
  }

  #takeLoss(live: LiveDelivery, result: DispatchResult & { readonly kind: 'loss' }): void {
    const { recorder } = this.#components
    const { reason, code } = result
    const { task, lane, reservation } = live
    const detail = result.detail === '' ? code : `${code}: ${result.detail}`
    const mayBeDelivered = reason === 'silent' || reason === 'unreachable' || reason === 'output-unavailable'
    this.#punish(live, reason, code)
    recorder.note({ type: 'lost', task: task.plan.key, node: lane.node, delivery: live.id, reason, detail }, () => {
      if (reason === 'cancelled') reservation.reject('late')
      else if (mayBeDelivered) reservation.reject('not-received')
      // The provider itself said that there is nothing to bill.
      else reservation.release()
    })
    if (reason === 'module-refused') this.#refuseModule(live, detail)
    this.#replace(task, detail)
  }

  #punish(live: LiveDelivery, reason: LossReason, code: string): void {
    const { clock, trust } = this.#components
    const { load, node } = live.lane
    const nowMs = clock.monotonicMs()
    if (reason === 'busy') load.noteBusy(nowMs, BUSY_PAUSE_MS)
    else if (reason === 'credit') {
      load.noteBusy(nowMs, CREDIT_PAUSE_MS)
      live.lane.channel.checkBooks()
    } else if (reason === 'timed-out') trust.noteTimeOut(node)
    else if (reason === 'refused' && FINAL_REFUSALS.has(code)) this.drop(live.lane, code)
    else if (reason !== 'module-refused' && reason !== 'cancelled') {
      if (reason === 'silent') trust.noteTimeOut(node)
      this.#backOff(live.lane, reason === 'refused' ? code : reason)
    }
  }

  #backOff(lane: Lane, reason: string): void {
    const { clock, recorder } = this.#components
    const nowMs = clock.monotonicMs()
    if (lane.load.backOffAt(nowMs) !== undefined) return
    const forMs = lane.load.noteFailure(reason, nowMs, this.#options.consumer)
    recorder.note({ type: 'node', node: lane.node, state: 'backed-off', reason, forMs })
  }

  /** Uses a node no more in this job. */
  drop(lane: Lane, reason: string): void {
    if (lane.dropped !== undefined) return
    lane.drop(reason)
    this.#components.recorder.note({ type: 'node', node: lane.node, state: 'dropped', reason })
  }

  /** After a delivery without a result: places the task again, or gives it up. */
  #replace(task: TaskEntry, detail: string): void {
    const { assessor } = this.#components
    if (task.state !== 'waiting' || this.#isOver) return
    if (task.losses.length >= this.#options.consumer.attemptsMax)
      assessor.giveUp(task, 'attempts', `${task.losses.length} attempts without a result, the last: ${detail}`)
    else assessor.assess(task)
  }

  #refuseModule(live: LiveDelivery, detail: string): void {
    const key = refusalKey(live.plan)
    const operators = this.#moduleRefusals.get(key) ?? new Set()
    this.#moduleRefusals.set(key, operators)
    operators.add(live.lane.operator)
    if (this.#isRefused(live.task)) return
    // One node may be wrong; another one is asked before the module is given up.
    live.task.detail = detail
  }

  /** Gives a task up when enough operators refuse its module. */
  #isRefused(task: TaskEntry): boolean {
    const { assessor, lanes } = this.#components
    const refusals = this.#moduleRefusals.get(refusalKey(task.plan))
    if (refusals === undefined || refusals.size < Math.min(MODULE_REFUSALS_MIN, lanes.operators)) return false
    if (task.state === 'waiting')
      assessor.giveUp(task, 'module-refused', task.detail ?? `${refusals.size} operators refuse the module`)
    return true
  }
}

function refusalKey({ module, floats }: PlannedTask): string {
  return `${module} ${floats}`
}

/** An answer with raw floats to a task that is asked with strict ones by now. */
const OUTDATED: DispatchResult = {
  kind: 'loss',
  reason: 'cancelled',
  code: 'CORE_ABORTED',
  detail: 'the task is asked again with strict floats',
}

/** Never placed, or everything that was placed is gone. */
function isUntouched(task: TaskEntry): boolean {
  return task.state === 'waiting' && task.answers.length === 0 && task.open.length === 0
}
