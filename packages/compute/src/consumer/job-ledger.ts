import type { Address, ContentId, Fuel, Hash, MicroUsd, UnixMs } from '@stead/core'
import type { OutcomeRecord } from '@stead/protocol'
import type { JobNode, JobState, JobStatus, TaskResult, UnfinishedReason } from './job.ts'
import type { JobEvent, Purpose } from './job-event.ts'
import { type JobPlan, type PlannedTask, strictPlanOf } from './job-plan.ts'

/** A task that was given to a node. */
export interface Delivery {
  /** 32 hexadecimal digits. */
  readonly id: string
  readonly task: TaskEntry
  readonly node: Address
  readonly channel: Hash
  readonly purpose: Purpose
  readonly placedAt: number
}

/** A delivery that was answered with a record. */
export interface Answer extends Delivery {
  readonly outcome: ContentId
  readonly record: OutcomeRecord
  readonly amountMicroUsd: MicroUsd
  /** Accepted for payment. */
  isAccepted: boolean
  /** Another operator's answer is the same. */
  isConfirmed: boolean
}

/** A task and what happened to it. */
export interface TaskEntry {
  readonly index: number
  /** As it is asked for now: as submitted, or with strict floats after raw answers differed. */
  plan: PlannedTask
  state: 'waiting' | 'agreed' | 'unfinished'
  /** In flight. */
  readonly open: Delivery[]
  /** Not rejected. */
  answers: Answer[]
  /** One of the answers that agree. */
  agreed: Answer | undefined
  reason: UnfinishedReason | undefined
  detail: string | undefined
  /** Nodes whose raw answers differed: the first to be asked with strict floats. */
  suspects: readonly Address[]
  isPlaced: boolean
  isReplicated: boolean
  hasDisagreed: boolean
  /** Nodes whose delivery of this task ended without a result, with the last loss last. */
  readonly losses: Address[]
}

interface NodeShare {
  readonly node: Address
  readonly operator: Address
  tasks: number
  fuel: bigint
  gross: bigint
  rejected: number
  timedOut: number
  readonly paidByChannel: Map<Hash, bigint>
}

/**
 * What a job's events add up to. The same code folds them while the job runs and after a crash, so that no two views
 * can disagree.
 */
export class JobLedger {
  readonly plan: JobPlan
  readonly tasks: readonly TaskEntry[]
  readonly #byKey: Map<string, TaskEntry>
  /** In flight, by id. */
  readonly #open: Map<string, Delivery> = new Map()
  readonly #nodes: Map<Address, NodeShare> = new Map()
  /** Tasks that rest on one node's word, by that node. */
  readonly #singles: Map<Address, Set<TaskEntry>> = new Map()
  readonly #unfinished: Map<UnfinishedReason, number> = new Map()
  readonly #grossByChannel: Map<Hash, bigint> = new Map()
  /** Also those that were found wrong after they were accepted. */
  readonly #accepted: Answer[] = []
  #state: JobState = 'starting'
  #finishedAt: UnixMs | undefined
  #last = 0
  #waiting: number
  #counts = { placed: 0, succeeded: 0, faults: 0, replicated: 0, disagreed: 0, timedOut: 0, rejected: 0, unfinished: 0 }
  #spent = 0n
  #fuel = 0n
  #match: JobStatus['match'] = { matching: 0, excluded: {} }

  constructor(plan: JobPlan) {
    this.plan = plan
    this.tasks = plan.tasks.map(newEntry)
    this.#byKey = new Map(this.tasks.map((entry) => [entry.plan.key, entry]))
    this.#waiting = this.tasks.length
  }

  /** The job's state. */
  get state(): JobState {
    return this.#state
  }

  /** Tasks without an end. */
  get waiting(): number {
    return this.#waiting
  }

  /** Accepted for payment. */
  get spentMicroUsd(): MicroUsd {
    return this.#spent as MicroUsd
  }

  /** Tasks without a result, by reason. */
  get unfinished(): Readonly<Partial<Record<UnfinishedReason, number>>> {
    return Object.fromEntries(this.#unfinished)
  }

  /** True when at least one task has an agreed result. */
  get hasResults(): boolean {
    return this.#counts.succeeded + this.#counts.faults > 0
  }

  /** Tasks whose result rests on this node's word alone. */
  singlesOf(node: Address): readonly TaskEntry[] {
    return [...(this.#singles.get(node) ?? [])]
  }

  /** Deliveries in flight, oldest first. */
  inFlight(): readonly Delivery[] {
    return [...this.#open.values()]
  }

  /** Every answer that was ever accepted for payment, in order. */
  get accepted(): readonly Answer[] {
    return this.#accepted
  }

  /** The channels on which this job has accepted anything. */
  get channels(): readonly Hash[] {
    return [...this.#grossByChannel.keys()]
  }

  /** What this job has accepted on a channel. */
  grossOn(channel: Hash): MicroUsd {
    return (this.#grossByChannel.get(channel) ?? 0n) as MicroUsd
  }

  /** Who owns a node that this job has used. */
  operatorOf(node: Address): Address | undefined {
    return this.#nodes.get(node)?.operator
  }

  /** A task by its key. @throws RangeError when the job has no such task */
  task(key: string): TaskEntry {
    const entry = this.#byKey.get(key)
    if (entry === undefined) throw new RangeError(`the job has no task ${JSON.stringify(key)}`)
    return entry
  }

  /** Takes the next event in. Events that do not fit, from a damaged journal, change nothing. */
  apply(event: JobEvent): void {
    this.#last = event.number
    switch (event.type) {
      case 'submitted':
        return
      case 'resumed':
        this.#state = 'running'
        return
      case 'matched':
        this.#match = { matching: event.matching, excluded: event.excluded }
        return
      case 'funded':
        this.#share(event.node, event.operator)
        return
      case 'placed':
        this.#place(event)
        return
      case 'answered':
        this.#answer(event)
        return
      case 'agreed':
        this.#agree(this.task(event.task), event)
        return
      case 'disagreed':
        this.#disagree(event)
        return
      case 'rejected':
        this.#reject(event)
        return
      case 'lost':
        this.#lose(event)
        return
      case 'rechecked':
        this.#recheck(this.task(event.task), event.node)
        return
      case 'strict':
        this.#askStrictly(this.task(event.task), event)
        return
      case 'unfinished':
        this.#giveUp(this.task(event.task), event)
        return
      case 'paid':
        this.#nodes.get(event.node)?.paidByChannel.set(event.channel, BigInt(event.paidMicroUsd))
        return
      case 'settling':
        this.#state = 'settling'
        return
      case 'finished':
        this.#state = event.state
        this.#finishedAt = event.at as UnixMs
        return
      case 'hedged':
      case 'node':
      case 'problem':
        return
    }
  }

  /** The job in numbers. `live` are facts of the run that are not history. */
  status(live: { readonly reservedMicroUsd: MicroUsd; readonly waitingFor: string | undefined }): JobStatus {
    const { header } = this.plan
    const { placed, succeeded, faults, replicated, disagreed, timedOut, rejected, unfinished } = this.#counts
    return {
      job: header.id,
      name: header.name,
      state: this.#state,
      submittedAt: header.submittedAt,
      finishedAt: this.#finishedAt,
      tasks: {
        total: this.tasks.length,
        placed,
        succeeded,
        replicated,
        disagreed,
        failed: faults + unfinished,
        timedOut,
        rejected,
      },
      unfinished: this.unfinished,
      waitingFor: live.waitingFor,
      nodes: Array.from(this.#nodes.values(), nodeOf),
      match: this.#match,
      cost: {
        spentMicroUsd: this.#spent as MicroUsd,
        reservedMicroUsd: live.reservedMicroUsd,
        capMicroUsd: header.maxCostMicroUsd,
      },
      fuel: this.#fuel as Fuel,
      events: this.#last,
    }
  }

  /** Every task's end, in the order of the request. */
  results(): readonly TaskResult[] {
    return this.tasks.map(resultOf)
  }

  #place(event: JobEvent & { readonly type: 'placed' }): void {
    const task = this.task(event.task)
    const { delivery: id, node, channel, purpose, at: placedAt } = event
    const delivery: Delivery = { id, task, node, channel, purpose, placedAt }
    this.#state = 'running'
    this.#open.set(id, delivery)
    task.open.push(delivery)
    if (task.isPlaced) return
    task.isPlaced = true
    this.#counts.placed++
  }

  #answer(event: JobEvent & { readonly type: 'answered' }): void {
    const delivery = this.#close(event.delivery)
    if (delivery === undefined) return
    const { task } = delivery
    const { status, reason, exitCode, output, stderr, files } = event
    const record: OutcomeRecord = {
      version: 1,
      task: task.plan.id,
      status,
      ...(reason === undefined ? {} : { reason }),
      exitCode,
      output,
      stderr,
      files,
      fuel: BigInt(event.fuel) as Fuel,
    }
    const amountMicroUsd = BigInt(event.amountMicroUsd) as MicroUsd
    const answer: Answer = {
      ...delivery,
      outcome: event.outcome,
      record,
      amountMicroUsd,
      isAccepted: false,
      isConfirmed: false,
    }
    task.answers.push(answer)
    if (task.answers.length !== 2 || task.isReplicated) return
    task.isReplicated = true
    this.#counts.replicated++
  }

  #agree(task: TaskEntry, event: JobEvent & { readonly type: 'agreed' }): void {
    const agreeing = task.answers.filter(({ outcome }) => outcome === event.outcome)
    const [first] = agreeing
    if (first === undefined) return
    if (task.state !== 'agreed') {
      if (task.state === 'waiting') this.#waiting--
      task.state = 'agreed'
      if (first.record.status === 'ok') this.#counts.succeeded++
      else this.#counts.faults++
    }
    task.agreed = first
    for (const answer of agreeing) {
      this.#accept(answer)
      answer.isConfirmed ||= agreeing.length > 1
    }
    for (const answer of agreeing) this.#singles.get(answer.node)?.delete(task)
    if (agreeing.length === 1) this.#singlesFor(first.node).add(task)
  }

  #accept(answer: Answer): void {
    if (answer.isAccepted) return
    answer.isAccepted = true
    this.#spent += answer.amountMicroUsd
    this.#fuel += answer.record.fuel
    this.#accepted.push(answer)
    this.#grossByChannel.set(answer.channel, this.grossOn(answer.channel) + answer.amountMicroUsd)
    const share = this.#nodes.get(answer.node)
    if (share === undefined) return
    share.tasks++
    share.fuel += answer.record.fuel
    share.gross += answer.amountMicroUsd
  }

  #disagree(event: JobEvent & { readonly type: 'disagreed' }): void {
    const task = this.task(event.task)
    task.answers = task.answers.filter(({ id }) => id !== event.delivery)
    if (!task.hasDisagreed) this.#counts.disagreed++
    task.hasDisagreed = true
    if (!event.isPaid) this.#countRejected(event.node)
  }

  #reject(event: JobEvent & { readonly type: 'rejected' }): void {
    const task = this.task(event.task)
    this.#close(event.delivery)
    task.answers = task.answers.filter(({ id }) => id !== event.delivery)
    task.losses.push(event.node)
    this.#countRejected(event.node)
  }

  #lose(event: JobEvent & { readonly type: 'lost' }): void {
    const task = this.task(event.task)
    const isKnown = this.#close(event.delivery) !== undefined
    task.answers = task.answers.filter(({ id }) => id !== event.delivery)
    const isPassing = event.reason === 'busy' || event.reason === 'credit' || event.reason === 'cancelled'
    if (!isPassing && event.reason !== 'payer-restarted') task.losses.push(event.node)
    if (!isKnown || (event.reason !== 'timed-out' && event.reason !== 'silent')) return
    this.#counts.timedOut++
    const share = this.#nodes.get(event.node)
    if (share !== undefined) share.timedOut++
  }

  #recheck(task: TaskEntry, node: Address): void {
    this.#singles.get(node)?.delete(task)
    if (task.state !== 'agreed') return
    task.state = 'waiting'
    this.#waiting++
    if (task.agreed?.record.status === 'ok') this.#counts.succeeded--
    else this.#counts.faults--
    task.agreed = undefined
  }

  #askStrictly(task: TaskEntry, event: JobEvent & { readonly type: 'strict' }): void {
    for (const node of event.nodes) this.#recheck(task, node)
    task.plan = strictPlanOf(task.plan, { fuelMax: BigInt(event.fuelMax) as Fuel, timeMs: event.timeMs })
    task.suspects = event.nodes
    task.answers = []
  }

  #giveUp(task: TaskEntry, event: JobEvent & { readonly type: 'unfinished' }): void {
    if (task.state !== 'waiting') return
    task.state = 'unfinished'
    task.reason = event.reason
    if (event.detail !== '') task.detail = event.detail
    this.#waiting--
    this.#counts.unfinished++
    this.#unfinished.set(event.reason, (this.#unfinished.get(event.reason) ?? 0) + 1)
  }

  /** Takes a delivery out of what is in flight. */
  #close(id: string): Delivery | undefined {
    const delivery = this.#open.get(id)
    if (delivery === undefined) return undefined
    this.#open.delete(id)
    const { open } = delivery.task
    open.splice(open.indexOf(delivery), 1)
    return delivery
  }

  #countRejected(node: Address): void {
    this.#counts.rejected++
    const share = this.#nodes.get(node)
    if (share !== undefined) share.rejected++
  }

  #share(node: Address, operator: Address): void {
    if (this.#nodes.has(node)) return
    const share = { node, operator, tasks: 0, fuel: 0n, gross: 0n, rejected: 0, timedOut: 0, paidByChannel: new Map() }
    this.#nodes.set(node, share)
  }

  #singlesFor(node: Address): Set<TaskEntry> {
    let singles = this.#singles.get(node)
    if (singles === undefined) {
      singles = new Set()
      this.#singles.set(node, singles)
    }
    return singles
  }
}

function newEntry(plan: PlannedTask, index: number): TaskEntry {
  return {
    index,
    plan,
    state: 'waiting',
    open: [],
    answers: [],
    agreed: undefined,
    reason: undefined,
    detail: undefined,
    suspects: [],
    isPlaced: false,
    isReplicated: false,
    hasDisagreed: false,
    losses: [],
  }
}

function nodeOf(share: NodeShare): JobNode {
  const { node, operator, tasks, fuel, gross, rejected, timedOut, paidByChannel } = share
  const paid = [...paidByChannel.values()].reduce((sum, amount) => sum + amount, 0n)
  return {
    node,
    operator,
    tasks,
    fuel: fuel as Fuel,
    grossMicroUsd: gross as MicroUsd,
    paidMicroUsd: paid as MicroUsd,
    rejected,
    timedOut,
  }
}

function resultOf(entry: TaskEntry): TaskResult {
  const { plan, agreed, reason, detail } = entry
  const base = { key: plan.key, task: plan.id, ...(detail === undefined ? {} : { detail }) }
  if (agreed === undefined)
    return { ...base, state: 'unfinished', ...(reason === undefined ? {} : { reason }), nodes: [] }
  const nodes = entry.answers.filter(({ outcome }) => outcome === agreed.outcome).map(({ node }) => node)
  const detailOfFault = agreed.record.reason ?? agreed.record.status
  if (agreed.record.status === 'ok') return { ...base, state: 'succeeded', record: agreed.record, nodes }
  return { ...base, state: 'failed', record: agreed.record, detail: detailOfFault, nodes }
}
