// The bytes between the builder's machine and the module; all numbers little-endian. A task's input is its header
// followed by the series, which all tasks of that series share.

/** Which frequencies one task searches: `lowest + i * step` for i in first .. first + count - 1, in cycles per day. */
export interface FrequencyRange {
  readonly first: number
  readonly count: number
  readonly lowest: number
  readonly step: number
  /** Equal parts of the range whose median powers are wanted, 1 .. 8. */
  readonly bands: number
}

/** What the module needs of a series. */
export interface SeriesData {
  /** Days from the middle of the series. */
  readonly times: Float64Array
  readonly values: Float64Array
  readonly weights: Float64Array
  /** Degree of the polynomial fitted together with each sinusoid. */
  readonly trendDegree: number
}

/** A local maximum, refined between grid points. */
export interface Peak {
  /** Cycles per day. */
  readonly frequency: number
  /** Share of the residual sum of squares that a sinusoid of this frequency explains, 0 .. 1. */
  readonly power: number
}

/** What one task found. */
export interface RangeResult {
  readonly count: number
  readonly greatestPower: number
  readonly greatestFrequency: number
  readonly powerSum: number
  /** Median power of each band, in ascending order of frequency. */
  readonly bandMedians: readonly number[]
  /** Weighted sum of squares of the series less its trend. */
  readonly residualSquares: number
  readonly peaks: readonly Peak[]
}

const VERSION = 1
const HEADER_BYTES = 32
const SERIES_HEADER_BYTES = 16
const SUMMARY_BYTES = 112
const BANDS_MAX = 8
const PEAK_BYTES = 16
const PEAKS_MAX = 16

/** Largest output of one task in bytes. */
export const RESULT_BYTES_MAX: number = SUMMARY_BYTES + PEAKS_MAX * PEAK_BYTES

/** 32 bytes: version u32, first u32, count u32, bands u32, lowest f64, step f64. */
export function encodeRange({ first, count, lowest, step, bands }: FrequencyRange): Uint8Array {
  const bytes = new Uint8Array(HEADER_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, VERSION, true)
  view.setUint32(4, first, true)
  view.setUint32(8, count, true)
  view.setUint32(12, bands, true)
  view.setFloat64(16, lowest, true)
  view.setFloat64(24, step, true)
  return bytes
}

/** 16 bytes (points u32, degree u32, unused), then all times, all values and all weights as f64. */
export function encodeSeries({ times, values, weights, trendDegree }: SeriesData): Uint8Array {
  const bytes = new Uint8Array(SERIES_HEADER_BYTES + 24 * times.length)
  const view = new DataView(bytes.buffer)
  view.setUint32(0, times.length, true)
  view.setUint32(4, trendDegree, true)
  let at = SERIES_HEADER_BYTES
  for (const plane of [times, values, weights]) {
    for (const number of plane) {
      view.setFloat64(at, number, true)
      at += 8
    }
  }
  return bytes
}

/**
 * Reads a task's output: version u32, count u32, greatest power f64, its frequency f64, sum f64, residual squares f64,
 * bands u32, peaks u32, 8 medians f64, then the peaks (frequency f64, power f64). Undefined when it is something else.
 */
export function decodeResult(bytes: Uint8Array): RangeResult | undefined {
  if (bytes.length < SUMMARY_BYTES) return undefined
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const number = (at: number): number => view.getFloat64(at, true)
  const bandCount = view.getUint32(40, true)
  const peakCount = view.getUint32(44, true)
  if (view.getUint32(0, true) !== VERSION || peakCount > PEAKS_MAX || bandCount > BANDS_MAX) return undefined
  if (bytes.length !== SUMMARY_BYTES + peakCount * PEAK_BYTES) return undefined
  return {
    count: view.getUint32(4, true),
    greatestPower: number(8),
    greatestFrequency: number(16),
    powerSum: number(24),
    residualSquares: number(32),
    bandMedians: Array.from({ length: bandCount }, (_, band) => number(48 + 8 * band)),
    peaks: Array.from({ length: peakCount }, (_, rank) => {
      const at = SUMMARY_BYTES + rank * PEAK_BYTES
      return { frequency: number(at), power: number(at + 8) }
    }),
  }
}
