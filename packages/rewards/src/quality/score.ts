import { PPM, type Ppm, ppm, ppmOf } from '../units.ts'
import type { QualityParameters } from './quality-parameters.ts'

/** What one prober's probes of one node come to. */
export interface ProbeScore {
  readonly availabilityPpm: Ppm
  /** The median of the counted answers, the lower one of two; undefined when none was counted. */
  readonly latencyMs: number | undefined
  readonly scorePpm: Ppm
}

/**
 * Scores the latencies of one report, 0 for each probe without a counted answer: what its availability is worth times
 * what its median latency is worth. Better answers never make a score worse.
 */
export function scoreProbes(parameters: QualityParameters, latenciesMs: readonly number[]): ProbeScore {
  const answered = latenciesMs.filter((latencyMs) => latencyMs > 0)
  const availabilityPpm = ppmOf(answered.length, parameters.probesPerEpoch)
  const latencyMs = lowerMedian(answered)
  if (latencyMs === undefined) return { availabilityPpm, latencyMs, scorePpm: ppm(0) }
  const scorePpm = ppm(
    Math.floor((availabilityWorth(parameters, availabilityPpm) * latencyWorth(parameters, latencyMs)) / PPM),
  )
  return { availabilityPpm, latencyMs, scorePpm }
}

function availabilityWorth(parameters: QualityParameters, availabilityPpm: Ppm): Ppm {
  const { availabilityFloorPpm: floor, availabilityFullPpm: full } = parameters
  if (availabilityPpm <= floor) return ppm(0)
  return availabilityPpm >= full ? PPM : ppmOf(availabilityPpm - floor, full - floor)
}

function latencyWorth({ latencyClasses }: QualityParameters, latencyMs: number): Ppm {
  const found = latencyClasses.find(({ upToMs }) => latencyMs <= upToMs) ?? latencyClasses.at(-1)
  return found?.scorePpm ?? ppm(0)
}

/** The middle value, of an even number the lower one of the two; undefined of none. */
export function lowerMedian(values: readonly number[]): number | undefined {
  return values.toSorted((left, right) => left - right)[(values.length - 1) >> 1]
}

/** The value that more than half of `values` have; undefined when none has. */
export function majority<Value>(values: readonly Value[]): Value | undefined {
  const counts = new Map<Value, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  for (const [value, count] of counts) if (2 * count > values.length) return value
  return undefined
}
