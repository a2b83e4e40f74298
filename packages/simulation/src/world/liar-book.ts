import type { JobEvent } from '@stead/compute'
import type { Address } from '@stead/core'
import { caughtIn, type Noted } from './job-account.ts'

/** For how long a node that lied gets no work: the default of the option. */
const DISTRUST_MS = 3_600_000
/** Jobs tell of what is on disk, one after the other: so many looks later all have told what went before. */
const LOOKS_MIN = 30

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
  /** When nodes were cleared, because those that had spoken against them were caught themselves. */
  readonly #cleared: Map<Address, Pick<Noted, 'job' | 'number' | 'at'>[]> = new Map()
  /** The first that was found of those in one job, and over several jobs by the payer's wall clock. */
  #inOneJob: WorkForLiar | undefined
  #overJobs: WorkForLiar | undefined
  #looks = 0

  /** @param isClockSteady the payer's wall clock never jumped, so that it says which of two jobs' events came first */
  found(isClockSteady: boolean): WorkForLiar | undefined {
    const found = this.#inOneJob ?? (isClockSteady ? this.#overJobs : undefined)
    if (found === undefined) this.#looks = 0
    else if (++this.#looks > LOOKS_MIN) return found
    return undefined
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
    if (event.type === 'node' && event.state === 'cleared') {
      this.#cleared.set(event.node, [...(this.#cleared.get(event.node) ?? []), { job, number, at }])
      if (this.#inOneJob !== undefined && this.#isExcused(this.#inOneJob)) this.#inOneJob = undefined
      if (this.#overJobs !== undefined && this.#isExcused(this.#overJobs)) this.#overJobs = undefined
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
    if (placed.at >= caught.at + DISTRUST_MS || this.#isExcused(work)) return
    if (caught.job === placed.job) {
      if (placed.number > caught.number) this.#inOneJob ??= work
    } else if (placed.at > caught.at) this.#overJobs ??= work
  }

  #isExcused({ caught, placed }: WorkForLiar): boolean {
    return (this.#cleared.get(caught.node) ?? []).some(({ job, number, at }) => {
      if (job === caught.job && job === placed.job) return number > caught.number && number < placed.number
      return at >= caught.at && at <= placed.at
    })
  }
}
