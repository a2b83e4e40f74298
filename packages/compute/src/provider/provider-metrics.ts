import type { Fuel, Metrics } from '@stead/core'
import type { OutcomeStatus } from '@stead/protocol'

/** Upper bounds of the histogram of run times, in seconds. */
const SECONDS_BUCKETS: readonly number[] = [0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 600]

/** What became of the tasks that a provider was asked for. Each is counted once. */
export interface ProviderTaskCounts {
  /** Billed outcomes `ok`. */
  readonly succeeded: number
  /** Billed outcomes that are faults of the guest, by status. */
  readonly failed: Readonly<Record<Exclude<OutcomeStatus, 'ok'>, number>>
  /** Reached the time limit; not billed. */
  readonly timedOut: number
  /** Not run or not billed, by the code of the error. */
  readonly rejected: Readonly<Record<string, number>>
  /** Fuel of all billed outcomes. */
  readonly fuel: Fuel
}

/** Counts a provider's tasks for people and for Prometheus alike, so that the two never disagree. */
export class ProviderMetrics {
  #succeeded = 0
  #timedOut = 0
  #fuel = 0n
  readonly #failed: Record<Exclude<OutcomeStatus, 'ok'>, number> = { trap: 0, 'out-of-fuel': 0, limit: 0 }
  readonly #rejected: Record<string, number> = {}
  readonly #count: (outcome: string, reason: string) => void
  readonly #countFuel: (fuel: Fuel) => void
  readonly #observeSeconds: (seconds: number) => void

  constructor(metrics: Metrics) {
    const tasks = metrics.counter('stead_compute_tasks_total', 'Tasks that this provider was asked for', [
      'outcome',
      'reason',
    ])
    const fuel = metrics.counter('stead_compute_fuel_total', 'Fuel of billed outcomes')
    const seconds = metrics.histogram('stead_compute_task_seconds', 'Run time of tasks', SECONDS_BUCKETS)
    this.#count = (outcome, reason) => tasks.add(1, { outcome, reason })
    this.#countFuel = (amount) => fuel.add(Number(amount))
    this.#observeSeconds = (duration) => seconds.observe(duration)
  }

  /** A billed outcome after `durationMs` of running. */
  billed(status: OutcomeStatus, fuel: Fuel, durationMs: number): void {
    if (status === 'ok') this.#succeeded++
    else this.#failed[status]++
    this.#fuel += fuel
    this.#count(status === 'ok' ? 'succeeded' : 'failed', status)
    this.#countFuel(fuel)
    this.#observeSeconds(durationMs / 1000)
  }

  /** A task that ended in an error with this code. */
  refused(code: string): void {
    if (code === 'COMPUTE_TIMED_OUT') {
      this.#timedOut++
      this.#count('timed-out', code)
      return
    }
    this.#rejected[code] = (this.#rejected[code] ?? 0) + 1
    this.#count('rejected', code)
  }

  /** All counts since the start. */
  counts(): ProviderTaskCounts {
    return {
      succeeded: this.#succeeded,
      failed: { ...this.#failed },
      timedOut: this.#timedOut,
      rejected: { ...this.#rejected },
      fuel: this.#fuel as Fuel,
    }
  }
}
