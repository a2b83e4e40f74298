import type { JobEvent } from '@stead/compute'
import type { Address } from '@stead/core'

/** A delivery whose payment is not decided. */
interface Undecided {
  readonly task: string
  /** What may become due, in micro-dollars: the most at first, then what was answered. */
  readonly microUsd: bigint
  /** Undefined while it is in flight. */
  readonly outcome: string | undefined
}

/** A job's money as its events tell it, added up without the code that keeps the job's budget. */
export class JobAccount {
  readonly #undecided: Map<string, Undecided> = new Map()
  #last = 0
  #spent = 0n

  /** The number of the last event that is counted. */
  get last(): number {
    return this.#last
  }

  /** Accepted for payment. */
  get spentMicroUsd(): bigint {
    return this.#spent
  }

  /** In flight, or answered and neither accepted nor refused. */
  get reservedMicroUsd(): bigint {
    let sum = 0n
    for (const { microUsd } of this.#undecided.values()) sum += microUsd
    return sum
  }

  /** Counts the next event. */
  take(event: JobEvent): void {
    this.#last = event.number
    if (event.type === 'placed') {
      const { task, maximumMicroUsd } = event
      this.#undecided.set(event.delivery, { task, microUsd: BigInt(maximumMicroUsd), outcome: undefined })
    } else if (event.type === 'answered') {
      const { delivery, outcome, amountMicroUsd } = event
      const { task } = this.#undecided.get(delivery) ?? {}
      if (task !== undefined) this.#undecided.set(delivery, { task, microUsd: BigInt(amountMicroUsd), outcome })
    } else if (event.type === 'agreed') {
      for (const { microUsd } of this.#taken(event.task, (outcome) => outcome === event.outcome))
        this.#spent += microUsd
    } else if (event.type === 'strict') {
      this.#taken(event.task, (outcome) => outcome !== undefined)
    } else if (event.type === 'lost' || event.type === 'rejected' || event.type === 'disagreed') {
      this.#undecided.delete(event.delivery)
    }
  }

  /** Takes answers to a task out of what is undecided. */
  #taken(task: string, isMeant: (outcome: string | undefined) => boolean): readonly Undecided[] {
    const meant = Array.from(this.#undecided).filter(([, each]) => each.task === task && isMeant(each.outcome))
    for (const [delivery] of meant) this.#undecided.delete(delivery)
    return meant.map(([, each]) => each)
  }
}

/** A moment in a payer's journal. */
export interface Noted {
  readonly job: string
  /** Of the event in its job. */
  readonly number: number
  /** On the payer's wall clock. */
  readonly at: number
  readonly node: Address
  readonly delivery: string
}

/** The node that an event catches in a lie; undefined for other events. */
export function caughtIn(event: JobEvent): { readonly node: Address; readonly delivery: string } | undefined {
  if (event.type === 'disagreed') return event
  // Answers that nobody agreed on are not paid, and nobody knows who of them lied.
  return event.type === 'rejected' && event.reason !== 'wrong-result' ? event : undefined
}
