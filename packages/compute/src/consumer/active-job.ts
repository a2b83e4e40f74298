import type { Address, Hash, MicroUsd } from '@stead/core'
import { isFinal, type JobHandle, type JobResult, type JobStatus } from './job.ts'
import type { JobEvent } from './job-event.ts'
import type { JobLedger } from './job-ledger.ts'
import type { JobLog } from './job-log.ts'
import type { JobRunner } from './job-runner.ts'
import type { JobStore } from './job-store.ts'

/** What a handle shows; `run` is missing for a job that ended before this process began. */
export interface JobHandleParts {
  readonly ledger: JobLedger
  readonly log: JobLog
  readonly jobs: JobStore
  readonly run?: { readonly runner: JobRunner; readonly ended: Promise<void> }
}

/** A job as its submitter holds it. */
export class ActiveJob implements JobHandle {
  readonly id: Hash
  readonly #parts: JobHandleParts

  constructor(parts: JobHandleParts) {
    this.id = parts.ledger.plan.header.id
    this.#parts = parts
  }

  /** The job's history in sums. */
  get ledger(): JobLedger {
    return this.#parts.ledger
  }

  /** Its events in memory, and the most that are kept there. */
  get eventsHeld(): { readonly have: number; readonly max: number } {
    return this.#parts.log.size
  }

  /** Resolves when the job has ended or was suspended. */
  get ended(): Promise<void> {
    return this.#parts.run?.ended ?? Promise.resolve()
  }

  events(from: number): AsyncIterable<JobEvent> {
    return this.#parts.log.events(from)
  }

  status(): JobStatus {
    const { run, ledger } = this.#parts
    // A final state no longer changes, so what was in flight is history too.
    if (run !== undefined && !isFinal(ledger.state)) return run.runner.status()
    return ledger.status({ reservedMicroUsd: 0n as MicroUsd, waitingFor: undefined })
  }

  async result(): Promise<JobResult> {
    await this.ended
    return { status: this.status(), tasks: this.#parts.ledger.results() }
  }

  context(): Promise<Uint8Array | undefined> {
    return this.#parts.jobs.context(this.id)
  }

  async cancel(): Promise<void> {
    this.#parts.run?.runner.cancel()
    await this.ended
  }

  /** A node lied, here or in another job: it gets no more work of this one. */
  leaveOut(node: Address, lie: string): void {
    this.#parts.run?.runner.leaveOut(node, lie)
  }

  /** Stops without ending the job. */
  async suspend(): Promise<void> {
    this.#parts.run?.runner.suspend()
    await this.ended
  }
}
