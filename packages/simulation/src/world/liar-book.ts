import type { JobEvent } from '@stead/compute'
import type { Address } from '@stead/core'
import { caughtIn, type Noted } from './job-account.ts'

/** For how long a node that lied gets no work: the default of the option. */
const DISTRUST_MS = 3_600_000

/** A task that was given to a node after it had been caught. */
export interface WorkForLiar {
  readonly caught: Noted
  readonly placed: Noted
}

/** What the jobs of one payer tell of nodes that were caught, over all of its lives. */
export class LiarBook {
  readonly #caught: Map<Address, Noted[]> = new Map()
  /** The latest of each job. */
  readonly #placed: Map<Address, Map<string, Noted>> = new Map()
  /** The first that was found of those in one job, and over several jobs by the payer's wall clock. */
  #inOneJob: WorkForLiar | undefined
  #overJobs: WorkForLiar | undefined

  /** @param isClockSteady the payer's wall clock never jumped, so that it says which of two jobs' events came first */
  found(isClockSteady: boolean): WorkForLiar | undefined {
    return this.#inOneJob ?? (isClockSteady ? this.#overJobs : undefined)
  }

  /** Jobs tell their events when they are on disk: those of one in order, those of several as it comes. */
  take(job: string, event: JobEvent): void {
    const { number, at } = event
    if (event.type === 'placed') {
      const placed = { job, number, at, node: event.node, delivery: event.delivery }
      const latest = this.#placed.get(event.node) ?? new Map<string, Noted>()
      this.#placed.set(event.node, latest.set(job, placed))
      for (const caught of this.#caught.get(event.node) ?? []) this.#compare({ caught, placed })
      return
    }
    const lie = caughtIn(event)
    if (lie === undefined) return
    const caught = { job, number, at, node: lie.node, delivery: lie.delivery }
    this.#caught.set(lie.node, [...(this.#caught.get(lie.node) ?? []), caught])
    for (const placed of this.#placed.get(lie.node)?.values() ?? []) this.#compare({ caught, placed })
  }

  #compare(work: WorkForLiar): void {
    const { caught, placed } = work
    if (placed.at >= caught.at + DISTRUST_MS) return
    if (caught.job === placed.job) {
      if (placed.number > caught.number) this.#inOneJob ??= work
    } else if (placed.at > caught.at) this.#overJobs ??= work
  }
}
