import type { Address, Clock, ContentId } from '@stead/core'
import type { Reservation } from '@stead/market'
import { differenceOf } from '../evidence.ts'
import type { Budget } from './budget.ts'
import type { UnfinishedReason, Verification } from './job.ts'
import type { Answer, TaskEntry } from './job-ledger.ts'
import type { JobRecorder } from './job-recorder.ts'
import type { Lane } from './lane.ts'
import { type StrictLimits, strictEventOf } from './strict-limits.ts'
import type { Lie, TrustBook } from './trust-book.ts'
import { verdictOf } from './verdict.ts'

/** What assessing stands on. */
export interface AssessorComponents {
  readonly recorder: JobRecorder
  readonly budget: Budget
  readonly trust: TrustBook
  readonly clock: Clock
}

/** How results are checked, and what follows from it. */
export interface AssessorOptions {
  readonly verification: Verification
  readonly replicasExtraMax: number
  /** So many more answers are needed for a task. */
  readonly onMore: (task: TaskEntry, replicas: number) => void
  /** A task has its result, or none for good. */
  readonly onEnded: (task: TaskEntry) => void
  /** A task is asked again with strict floats: what is in flight for it is not wanted any more. */
  readonly onStrict: (task: TaskEntry) => void
  /** Limits for that, by the terms of the nodes. */
  readonly strictLimits: (task: TaskEntry) => StrictLimits
  /** True for modules of which honest raw results may differ. */
  readonly hasFloats: (module: ContentId) => boolean
  /** A node lied: no job of this payer gives it more work, and what rests on its word alone is checked. */
  readonly onLie: (node: Address, lie: string) => void
}

/** An answer's payment, until it is decided. */
interface Claim {
  readonly reservation: Reservation
  readonly lane: Lane
}

/**
 * Decides what the result of a task is, and with that who is paid and who is trusted. An answer is accepted for
 * payment only as part of an agreement.
 */
export class Assessor {
  readonly #recorder: JobRecorder
  readonly #budget: Budget
  readonly #trust: TrustBook
  readonly #clock: Clock
  readonly #options: AssessorOptions
  /** By delivery. */
  readonly #claims: Map<string, Claim> = new Map()
  /** Replicas wanted, where it is not the verification's own number. */
  readonly #wanted: Map<TaskEntry, number> = new Map()
  /** One node's word is enough, because there are too few operators and the submitter said so. */
  #isTrusting = false

  constructor(components: AssessorComponents, options: AssessorOptions) {
    this.#recorder = components.recorder
    this.#budget = components.budget
    this.#trust = components.trust
    this.#clock = components.clock
    this.#options = options
  }

  /** Answers that await agreement. */
  get undecided(): number {
    return this.#claims.size
  }

  /** From now on one node's word is enough. */
  trustAll(): void {
    this.#isTrusting = true
    this.#wanted.clear()
  }

  /** How many equal answers a task needs. */
  wantedOf(task: TaskEntry): number {
    if (this.#isTrusting) return 1
    const { verification } = this.#options
    const own = this.#wanted.get(task) ?? (verification.mode === 'quorum' ? verification.replicas : 1)
    // One word against another was the reason to ask with strict floats.
    return task.suspects.length > 1 ? Math.max(own, 2) : own
  }

  /** Asks for at least so many equal answers to this task. */
  want(task: TaskEntry, replicas: number): void {
    if (!this.#isTrusting && this.wantedOf(task) < replicas) this.#wanted.set(task, replicas)
  }

  /** Takes an answer that the ledger has just noted, with what is reserved for it. */
  take(answer: Answer, payment: { readonly reservation: Reservation; readonly lane: Lane }): void {
    const { task } = answer
    this.#claims.set(answer.id, payment)
    // Not enough is the word of a node that was caught elsewhere, or of a stranger that a trusted node's loss or delay
    // gave the task to.
    const isAdaptive = this.#options.verification.mode === 'adaptive'
    const isDoubtful = payment.lane.dropped !== undefined || this.#trust.isOnProbation(answer.node)
    if (isAdaptive && isDoubtful) this.want(task, 2)
    if (task.state === 'unfinished') this.#waive(answer)
    else if (task.state === 'agreed') this.#assessLate(task, answer)
    else this.assess(task)
  }

  /** Decides a task by the answers there are. */
  assess(task: TaskEntry): void {
    if (task.state !== 'waiting') return
    if (this.#mayBeNanBits(task)) {
      this.#askStrictly(task)
      return
    }
    const wanted = this.wantedOf(task)
    const verdict = verdictOf({
      outcomes: task.answers.map(({ outcome }) => outcome),
      open: task.open.length,
      wanted,
      replicasMax: wanted + this.#options.replicasExtraMax,
    })
    if (verdict.kind === 'agreed') this.#agree(task, verdict.outcome)
    else if (verdict.kind === 'more') this.#options.onMore(task, verdict.replicas)
    else if (verdict.kind === 'no-agreement')
      this.giveUp(task, 'no-agreement', `${task.answers.length} answers, no majority among them`)
  }

  /** Ends a task without a result; its answers are not paid. */
  giveUp(task: TaskEntry, reason: UnfinishedReason, detail: string): void {
    for (const answer of [...task.answers]) {
      if (answer.isAccepted) continue
      if (reason === 'no-agreement') this.#reject(answer, detail)
      else this.#waive(answer)
    }
    this.#recorder.note({ type: 'unfinished', task: task.plan.key, reason, detail })
    this.#wanted.delete(task)
    this.#options.onEnded(task)
  }

  /** Lets go of a task's undecided answers, unpaid, so that their room is others'; false when there were none. */
  letGo(task: TaskEntry): boolean {
    const undecided = task.answers.filter(({ isAccepted }) => !isAccepted)
    for (const answer of undecided) this.#waive(answer, 'no room came free for the replicas that would confirm it')
    return undecided.length > 0
  }

  /** A node was caught: `tell` notes it, in the same write as what is learned of the node. */
  condemn(node: Address, lie: Lie, tell: () => void): void {
    const cleared = this.#trust.distrust(node, lie, this.#clock.now())
    tell()
    const reason = `${node}, which spoke against it, was caught itself`
    for (const each of cleared) this.#recorder.note({ type: 'node', node: each, state: 'cleared', reason })
    this.#options.onLie(node, lie.what)
  }

  /** A node lied, here or in another job: what rests on its word alone is checked. */
  recheckResultsOf(node: Address): void {
    if (this.#options.verification.mode !== 'adaptive' || this.#isTrusting) return
    for (const task of this.#recorder.ledger.singlesOf(node)) this.#recheck(task, node)
  }

  #recheck(task: TaskEntry, node: Address): void {
    this.#recorder.note({ type: 'rechecked', task: task.plan.key, node })
    this.want(task, 2)
    this.assess(task)
  }

  /** An answer that comes after the agreement: a replica that was not needed, or a hedge that lost. */
  #assessLate(task: TaskEntry, answer: Answer): void {
    const { agreed } = task
    if (agreed === undefined) return
    if (answer.outcome === agreed.outcome) {
      this.#agree(task, agreed.outcome)
      return
    }
    const agreeing = task.answers.filter(({ outcome }) => outcome === agreed.outcome)
    if (agreeing.length > 1) {
      if (this.#mayBeNanBits(task)) this.#doubt(answer)
      else
        this.#disagree(
          answer,
          agreed,
          agreeing.map(({ node }) => node),
        )
      return
    }
    if (this.#mayBeNanBits(task)) {
      this.#askStrictly(task)
      return
    }
    // One word against another: neither is a result.
    this.#recorder.note({ type: 'rechecked', task: task.plan.key, node: agreed.node })
    this.#wanted.set(task, 2)
    this.assess(task)
  }

  #agree(task: TaskEntry, outcome: ContentId): void {
    const agreeing = task.answers.filter((answer) => answer.outcome === outcome)
    const unpaid = agreeing.filter(({ isAccepted }) => !isAccepted)
    // Before the event, so that what is learned is in the same write.
    if (agreeing.length > 1) this.#learn(task, agreeing)
    const nodes = agreeing.map(({ node }) => node)
    this.#recorder.note({ type: 'agreed', task: task.plan.key, outcome, nodes }, () => {
      for (const answer of unpaid) this.#accept(answer)
    })
    for (const { channel, amountMicroUsd } of unpaid) this.#budget.spend(channel, amountMicroUsd)
    const [agreed] = agreeing
    const dissenting = task.answers.filter((answer) => answer.outcome !== outcome)
    if (agreed !== undefined) for (const answer of dissenting) this.#disagree(answer, agreed, nodes)
    this.#options.onEnded(task)
  }

  /** A result that another operator's confirms counts for its node, unless it took strict floats to make them equal. */
  #learn(task: TaskEntry, agreeing: readonly Answer[]): void {
    const isExcused = agreeing.length === task.answers.length
    for (const { node, isConfirmed } of agreeing) {
      if (isConfirmed) continue
      if (isExcused && task.suspects.includes(node)) this.#trust.doubt(node)
      else this.#trust.confirm(node)
    }
  }

  /** True when raw answers differ and the machines' choice of NaN bits could be the reason. */
  #mayBeNanBits({ plan, answers }: TaskEntry): boolean {
    const [first] = answers
    if (first === undefined || plan.floats === 'strict') return false
    return answers.some(({ outcome }) => outcome !== first.outcome) && this.#options.hasFloats(plan.module)
  }

  /** Nobody is blamed for raw floats: what is not paid yet is let go, and the same nodes are asked with strict ones. */
  #askStrictly(task: TaskEntry): void {
    const event = strictEventOf(task, this.#options.strictLimits(task))
    const refusals = task.answers.filter(({ isAccepted }) => !isAccepted).map((answer) => this.#refusal(answer, 'late'))
    this.#recorder.note(event, () => {
      for (const refuse of refusals) refuse()
    })
    this.#options.onStrict(task)
    this.assess(task)
  }

  /** Others agreed meanwhile and are paid; asking all of them again would cost more than this answer is worth. */
  #doubt(answer: Answer): void {
    this.#trust.doubt(answer.node)
    this.#waive(answer, 'differs from what others agreed on, perhaps in NaN bits only')
  }

  #accept(answer: Answer): void {
    const claim = this.#claims.get(answer.id)
    if (claim === undefined) return
    this.#claims.delete(answer.id)
    claim.reservation.accept({
      delivery: claim.reservation.delivery,
      item: answer.task.plan.id,
      evidence: answer.outcome,
      quantity: answer.record.fuel,
      amountMicroUsd: answer.amountMicroUsd,
    })
  }

  #disagree(answer: Answer, agreed: Answer, accusers: readonly Address[]): void {
    const reason = differenceOf(agreed.record, answer.record)
    const isPaid = answer.isAccepted
    const event = {
      type: 'disagreed',
      task: answer.task.plan.key,
      node: answer.node,
      delivery: answer.id,
      reason,
      expected: agreed.outcome,
      got: answer.outcome,
      expectedFuel: agreed.record.fuel.toString(),
      gotFuel: answer.record.fuel.toString(),
      isPaid,
    } as const
    const refusal = isPaid ? undefined : this.#refusal(answer, reason)
    this.condemn(answer.node, { what: reason, accusers }, () => this.#recorder.note(event, refusal))
  }

  #reject(answer: Answer, detail: string): void {
    const { node, id: delivery } = answer
    const task = answer.task.plan.key
    const refusal = this.#refusal(answer, 'wrong-result')
    this.#recorder.note({ type: 'rejected', task, node, delivery, reason: 'wrong-result', detail }, refusal)
  }

  /** Nobody can say any more whether the answer is right. */
  #waive(answer: Answer, detail = 'not decided'): void {
    const { node, id: delivery } = answer
    const task = answer.task.plan.key
    const refusal = this.#refusal(answer, 'late')
    this.#recorder.note({ type: 'lost', task, node, delivery, reason: 'cancelled', detail }, refusal)
  }

  #refusal(answer: Answer, reason: 'wrong-result' | 'over-billed' | 'late'): () => void {
    const claim = this.#claims.get(answer.id)
    this.#claims.delete(answer.id)
    this.#budget.shrink(answer.channel, answer.amountMicroUsd, 0n)
    return () => claim?.reservation.reject(reason)
  }
}
