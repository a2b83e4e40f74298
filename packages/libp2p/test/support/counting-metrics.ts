import type { MetricLabels, Metrics } from '@stead/core'

/** Metrics that a test can read. */
export class CountingMetrics implements Metrics {
  readonly #values = new Map<string, number>()

  /** The value of a counter or a gauge; 0 when nothing was said. */
  valueOf(name: string, labels: MetricLabels = {}): number {
    return this.#values.get(keyOf(name, labels)) ?? 0
  }

  counter(name: string): ReturnType<Metrics['counter']> {
    return {
      add: (amount = 1, labels = {}) => void this.#values.set(keyOf(name, labels), this.valueOf(name, labels) + amount),
    }
  }

  gauge(name: string): ReturnType<Metrics['gauge']> {
    return { set: (value, labels = {}) => void this.#values.set(keyOf(name, labels), value) }
  }

  histogram(): ReturnType<Metrics['histogram']> {
    return { observe: () => undefined }
  }
}

function keyOf(name: string, labels: MetricLabels): string {
  return JSON.stringify([name, Object.entries(labels).sort()])
}
