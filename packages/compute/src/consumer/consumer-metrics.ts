import type { Metrics } from '@stead/core'
import type { JobEventBody } from './job-event.ts'

/** Counts what happens to deliveries and jobs, for Prometheus. */
export class ConsumerMetrics {
  readonly #deliveries: (result: string, reason: string) => void
  readonly #jobs: (state: string) => void

  constructor(metrics: Metrics) {
    const deliveries = metrics.counter('stead_job_deliveries_total', 'Tasks given to nodes, by what came of them', [
      'result',
      'reason',
    ])
    const jobs = metrics.counter('stead_jobs_total', 'Jobs that have ended, by how', ['state'])
    this.#deliveries = (result, reason) => deliveries.add(1, { result, reason })
    this.#jobs = (state) => jobs.add(1, { state })
  }

  /** Counts one fact; most are not counted. */
  count(event: JobEventBody): void {
    switch (event.type) {
      case 'placed':
        this.#deliveries('placed', event.purpose)
        return
      case 'answered':
        this.#deliveries('answered', event.status)
        return
      case 'disagreed':
      case 'rejected':
        this.#deliveries('rejected', event.reason)
        return
      case 'lost':
        this.#deliveries('lost', event.reason)
        return
      case 'finished':
        this.#jobs(event.state)
        return
      default:
        return
    }
  }
}
