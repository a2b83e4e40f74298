import type { StoreOperation } from '@stead/core'
import type { ConsumerMetrics } from './consumer-metrics.ts'
import type { JobEventBody } from './job-event.ts'
import type { JobLedger } from './job-ledger.ts'
import type { JobLog } from './job-log.ts'
import type { TrustBook } from './trust-book.ts'

/** Where facts go. */
export interface JobRecorderComponents {
  readonly ledger: JobLedger
  readonly log: JobLog
  readonly trust: TrustBook
  readonly metrics: ConsumerMetrics
}

/** Notes what happens to a job: in the ledger now, in the log a millisecond later, with what was learned of nodes. */
export class JobRecorder {
  readonly ledger: JobLedger
  readonly log: JobLog
  readonly #trust: TrustBook
  readonly #metrics: ConsumerMetrics

  constructor(components: JobRecorderComponents) {
    this.ledger = components.ledger
    this.log = components.log
    this.#trust = components.trust
    this.#metrics = components.metrics
  }

  /** Notes one fact; what `effect` accepts or rejects is journaled in the same batch. */
  note(body: JobEventBody, effect?: () => void, rows: readonly StoreOperation[] = []): void {
    const operations = [...rows, ...this.#trust.takeOperations()]
    this.#metrics.count(body)
    this.ledger.apply(this.log.append(body, { operations, ...(effect === undefined ? {} : { effect }) }))
  }
}
