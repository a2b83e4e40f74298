/** Label values of one sample. */
export type MetricLabels = Readonly<Record<string, string>>

/** A count that only grows; its name ends in `_total`. */
export interface Counter {
  add(amount?: number, labels?: MetricLabels): void
}

/** A value that goes up and down; its name ends in its unit. */
export interface Gauge {
  set(value: number, labels?: MetricLabels): void
}

/** A distribution; its name ends in its unit (`_seconds`, `_bytes`). */
export interface Histogram {
  observe(value: number, labels?: MetricLabels): void
}

/** Makes instruments; asking twice for a name gives the same instrument. Names follow Prometheus, base units. */
export interface Metrics {
  counter(name: string, help: string, labelNames?: readonly string[]): Counter
  gauge(name: string, help: string, labelNames?: readonly string[]): Gauge
  histogram(name: string, help: string, buckets: readonly number[], labelNames?: readonly string[]): Histogram
}

const ignore = { add: () => undefined, set: () => undefined, observe: () => undefined }

/** Metrics that are not kept. */
export const silentMetrics: Metrics = { counter: () => ignore, gauge: () => ignore, histogram: () => ignore }
