import type { Counter, Gauge, Histogram, MetricLabels, Metrics } from '@stead/core'

type Kind = 'counter' | 'gauge' | 'histogram'

/** Series of one instrument are bounded: labels must come from closed lists, and a mistake must not fill memory. */
const SERIES_MAX = 1000
const NAME_PATTERN = /^[a-z][a-z0-9_]*$/

interface Instrument {
  readonly name: string
  readonly help: string
  readonly kind: Kind
  readonly labelNames: readonly string[]
  render(lines: string[]): void
}

/**
 * Metrics kept in memory and printed in the Prometheus text format 0.0.4. An update is a map look-up and an addition,
 * because some lie on the path of every task.
 */
export class PrometheusMetrics implements Metrics {
  readonly #instruments: Map<string, Instrument> = new Map()

  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return this.#instrument({ name, help, kind: 'counter', labelNames }, (definition) => new Values(definition))
  }

  gauge(name: string, help: string, labelNames: readonly string[] = []): Gauge {
    return this.#instrument({ name, help, kind: 'gauge', labelNames }, (definition) => new Values(definition))
  }

  histogram(name: string, help: string, buckets: readonly number[], labelNames: readonly string[] = []): Histogram {
    const make = (definition: Definition): Distribution => new Distribution(definition, buckets)
    return this.#instrument({ name, help, kind: 'histogram', labelNames }, make)
  }

  /** The page that a Prometheus server reads. */
  render(): string {
    const lines: string[] = []
    for (const instrument of this.#instruments.values()) {
      lines.push(`# HELP ${instrument.name} ${escapeHelp(instrument.help)}`)
      lines.push(`# TYPE ${instrument.name} ${instrument.kind}`)
      instrument.render(lines)
    }
    return `${lines.join('\n')}\n`
  }

  #instrument<Type extends Instrument>(definition: Definition, make: (definition: Definition) => Type): Type {
    const known = this.#instruments.get(definition.name)
    if (known === undefined) {
      if (!NAME_PATTERN.test(definition.name)) throw new TypeError(`not a metric's name: ${definition.name}`)
      const made = make(definition)
      this.#instruments.set(definition.name, made)
      return made
    }
    if (known.kind !== definition.kind) throw new TypeError(`metric ${known.name} is a ${known.kind}`)
    return known as Type
  }
}

interface Definition {
  readonly name: string
  readonly help: string
  readonly kind: Kind
  readonly labelNames: readonly string[]
}

/** Counters and gauges: one number per combination of labels. */
class Values implements Instrument, Counter, Gauge {
  readonly name: string
  readonly help: string
  readonly kind: Kind
  readonly labelNames: readonly string[]
  readonly #values: Map<string, number> = new Map()

  constructor(definition: Definition) {
    this.name = definition.name
    this.help = definition.help
    this.kind = definition.kind
    this.labelNames = definition.labelNames
    // An unlabelled series exists from the start, so that zero is shown as zero and not as absence.
    if (this.labelNames.length === 0) this.#values.set('', 0)
  }

  add(amount = 1, labels?: MetricLabels): void {
    const key = labelKey(this.labelNames, labels)
    const before = this.#values.get(key)
    if (before === undefined && this.#values.size >= SERIES_MAX) return
    this.#values.set(key, (before ?? 0) + amount)
  }

  set(value: number, labels?: MetricLabels): void {
    const key = labelKey(this.labelNames, labels)
    if (!this.#values.has(key) && this.#values.size >= SERIES_MAX) return
    this.#values.set(key, value)
  }

  render(lines: string[]): void {
    for (const [key, value] of this.#values) lines.push(`${this.name}${braces(key)} ${value}`)
  }
}

interface DistributionSeries {
  readonly counts: Float64Array
  sum: number
  count: number
}

class Distribution implements Instrument, Histogram {
  readonly name: string
  readonly help: string
  readonly kind: Kind
  readonly labelNames: readonly string[]
  readonly #buckets: readonly number[]
  readonly #series: Map<string, DistributionSeries> = new Map()

  constructor(definition: Definition, buckets: readonly number[]) {
    this.name = definition.name
    this.help = definition.help
    this.kind = definition.kind
    this.labelNames = definition.labelNames
    this.#buckets = [...buckets].sort((left, right) => left - right)
  }

  observe(value: number, labels?: MetricLabels): void {
    const key = labelKey(this.labelNames, labels)
    let series = this.#series.get(key)
    if (series === undefined) {
      if (this.#series.size >= SERIES_MAX) return
      series = { counts: new Float64Array(this.#buckets.length), sum: 0, count: 0 }
      this.#series.set(key, series)
    }
    series.sum += value
    series.count += 1
    const bucket = this.#buckets.findIndex((limit) => value <= limit)
    if (bucket >= 0) series.counts[bucket] = (series.counts[bucket] ?? 0) + 1
  }

  render(lines: string[]): void {
    for (const [key, series] of this.#series) {
      let total = 0
      this.#buckets.forEach((limit, index) => {
        total += series.counts[index] ?? 0
        lines.push(`${this.name}_bucket${braces(key, `le="${limit}"`)} ${total}`)
      })
      lines.push(`${this.name}_bucket${braces(key, 'le="+Inf"')} ${series.count}`)
      lines.push(`${this.name}_sum${braces(key)} ${series.sum}`, `${this.name}_count${braces(key)} ${series.count}`)
    }
  }
}

/** The labels as they are printed; also the series' key, so that rendering costs nothing more. */
function labelKey(names: readonly string[], labels: MetricLabels | undefined): string {
  if (names.length === 0) return ''
  return names.map((name) => `${name}="${escapeLabel(labels?.[name] ?? '')}"`).join(',')
}

function braces(key: string, extra = ''): string {
  const inner = key === '' || extra === '' ? key + extra : `${key},${extra}`
  return inner === '' ? '' : `{${inner}}`
}

function escapeLabel(value: string): string {
  return value.replace(/[\\"\n]/g, (character) => (character === '\n' ? '\\n' : `\\${character}`))
}

function escapeHelp(text: string): string {
  return text.replace(/[\\\n]/g, (character) => (character === '\n' ? '\\n' : '\\\\'))
}
