import type { Assignment } from '../probes/assignment.ts'
import type { ProbeReport } from '../probes/probe-log.ts'
import { type Ppm, ppm } from '../units.ts'
import type { AuditMeasures } from './audit-columns.ts'
import type { NodeQuality } from './node-quality.ts'
import { lowerMedian, majority, type ProbeScore } from './score.ts'

const NO_LATENCY = 0xffff

type Measures = Omit<NodeQuality, 'node' | 'operator' | 'assigned' | 'reports' | 'isPenalised' | keyof AuditMeasures>

/** The reports that count, one place for each (node, assigned prober), in columns of numbers: 15 bytes a report. */
export class ReportColumns {
  readonly #assignment: Assignment
  readonly #isPresent: Uint8Array
  readonly #scores: Uint32Array
  readonly #availabilities: Uint32Array
  readonly #latencies: Uint16Array
  readonly #networks: Uint32Array
  readonly #regions: Uint32Array
  readonly #resources: Uint8Array
  readonly #texts = new Map<string, number>([['', 0]])
  readonly #silenced = new Set<number>()

  constructor(assignment: Assignment) {
    const places = assignment.nodes.length * assignment.probersPerNode
    this.#assignment = assignment
    this.#isPresent = new Uint8Array(places)
    this.#scores = new Uint32Array(places)
    this.#availabilities = new Uint32Array(places)
    this.#latencies = new Uint16Array(places)
    this.#networks = new Uint32Array(places)
    this.#regions = new Uint32Array(places)
    this.#resources = new Uint8Array(places)
  }

  /** Enters the report of a node's prober number `position`. */
  put(target: number, position: number, { report, score }: { report: ProbeReport; score: ProbeScore }): void {
    const place = target * this.#assignment.probersPerNode + position
    this.#isPresent[place] = 1
    this.#scores[place] = score.scorePpm
    this.#availabilities[place] = score.availabilityPpm
    this.#latencies[place] = score.latencyMs ?? NO_LATENCY
    this.#networks[place] = this.#intern(networkText(report.network))
    this.#regions[place] = this.#intern(report.region === '-' ? '' : report.region)
    this.#resources[place] = report.resources
  }

  /** Lets no report of a prober count, neither entered ones nor later ones. */
  silence(prober: number): void {
    this.#silenced.add(prober)
  }

  /** What the reports of each node come to; fewer than a majority of its probers, or fewer probers than `probersMin`, say nothing. */
  qualities(probersMin: number): readonly Omit<NodeQuality, keyof AuditMeasures>[] {
    const texts = [...this.#texts.keys()]
    return this.#assignment.nodes.map((bonded, target) => {
      const probers = this.#assignment.probersOf(target)
      const places = this.#placesOf(target, probers)
      const base = { ...bonded, assigned: probers.length, reports: places.length, isPenalised: false }
      const isKnown = probers.length >= probersMin && 2 * places.length > probers.length
      if (!isKnown) return { ...base, ...UNKNOWN }
      return { ...base, ...this.#summary(places, texts) }
    })
  }

  #placesOf(target: number, probers: readonly number[]): readonly number[] {
    const start = target * this.#assignment.probersPerNode
    return probers
      .map((prober, position) => (this.#silenced.has(prober) ? -1 : start + position))
      .filter((place) => this.#isPresent[place] === 1)
  }

  #summary(places: readonly number[], texts: readonly string[]): Measures {
    const column = (values: ArrayLike<number>): number[] => places.map((place) => values[place] ?? 0)
    const textOf = (values: Uint32Array): string | undefined => texts[majority(column(values)) ?? 0] || undefined
    const latencies = column(this.#latencies).filter((latencyMs) => latencyMs !== NO_LATENCY)
    return {
      qualityPpm: medianPpm(column(this.#scores)),
      availabilityPpm: medianPpm(column(this.#availabilities)),
      latencyMs: lowerMedian(latencies),
      network: textOf(this.#networks),
      region: textOf(this.#regions),
      resources: majorityBits(column(this.#resources)),
    }
  }

  #intern(text: string): number {
    const known = this.#texts.get(text)
    if (known !== undefined) return known
    const id = this.#texts.size
    this.#texts.set(text, id)
    return id
  }
}

const UNKNOWN: Measures = {
  qualityPpm: undefined,
  availabilityPpm: undefined,
  latencyMs: undefined,
  network: undefined,
  region: undefined,
  resources: 0,
}

function medianPpm(values: readonly number[]): Ppm {
  return ppm(lowerMedian(values) ?? 0)
}

function majorityBits(values: readonly number[]): number {
  let bits = 0
  for (let bit = 1; bit <= 0x80; bit <<= 1) {
    if (2 * values.filter((value) => (value & bit) !== 0).length > values.length) bits |= bit
  }
  return bits
}

/** `4:` or `6:` and the prefix in hexadecimal digits; empty for what is neither a /24 nor a /64. */
function networkText(network: Uint8Array): string {
  const isPrefix = (network[0] === 4 && network.length === 4) || (network[0] === 6 && network.length === 9)
  if (!isPrefix) return ''
  const digits = [...network.subarray(1)].map((byte) => byte.toString(16).padStart(2, '0'))
  return `${network[0]}:${digits.join('')}`
}
