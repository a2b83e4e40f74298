// One task of the search: a series and a range of frequencies in, the strongest peaks and a summary out. The layouts are
// described in ../task-format.ts.
import { findPeaks, medianOf, peakCount, peakIndex } from './peaks'
import { fillPowers, powerAt } from './periodogram'
import { loadSeries, residualSquares } from './series'

const VERSION: u32 = 1
const HEADER_BYTES: usize = 32
const SERIES_HEADER_BYTES: usize = 16
const SUMMARY_BYTES: usize = 112
const MEDIANS: usize = 48
const BANDS_MAX: u32 = 8
const PEAK_BYTES: usize = 16
const DEGREE_MAX: u32 = 12

/** Room for the input. */
export function stead_alloc(length: i32): usize {
  return heap.alloc(length)
}

/** Reads a task, searches its frequencies, and gives address << 32 | length of the answer. */
export function stead_run(input: usize, length: i32): i64 {
  const size = <usize>length
  if (size < HEADER_BYTES + SERIES_HEADER_BYTES) abort('the input is shorter than its headers')
  if (load<u32>(input) != VERSION) abort('the task has another version')
  const first = load<u32>(input, 4)
  const count = load<u32>(input, 8)
  const bands = load<u32>(input, 12)
  const lowest = load<f64>(input, 16)
  const step = load<f64>(input, 24)
  const series = input + HEADER_BYTES
  const points = load<u32>(series)
  const degree = load<u32>(series, 4)
  if (count == 0 || count > 1 << 24) abort('the task must have 1 .. 2^24 frequencies')
  if (bands == 0 || bands > BANDS_MAX || bands > count) abort('the task must have 1 .. 8 bands')
  if (degree > DEGREE_MAX || points <= degree + 3) abort('the series is too short for its trend')
  if ((<u64>points) * 24 + HEADER_BYTES + SERIES_HEADER_BYTES != <u64>size) abort('the series does not have its length')
  loadSeries(series + SERIES_HEADER_BYTES, points, degree)
  if (!(residualSquares > 0)) abort('the series does not vary')
  return search(first, count, lowest, step, bands)
}

/** Searches frequencies `lowest + (first .. first + count - 1) * step`. */
function search(first: u32, count: u32, lowest: f64, step: f64, bands: u32): i64 {
  // One more on each side: a peak at the edge of a task must be told from a slope that goes on in the next.
  const start = lowest + (f64(first) - 1) * step
  const powers = heap.alloc((<usize>count + 2) << 3)
  fillPowers(powers, count + 2, start, step)
  findPeaks(powers, count)

  const answer = heap.alloc(SUMMARY_BYTES + (<usize>peakCount) * PEAK_BYTES)
  for (let rank = 0; rank < peakCount; rank++) {
    storePeak(answer + SUMMARY_BYTES + (<usize>rank) * PEAK_BYTES, powers, peakIndex(rank), start, step)
  }
  let sum: f64 = 0
  let greatest: u32 = 1
  for (let i: u32 = 1; i <= count; i++) {
    const power = load<f64>(powers + ((<usize>i) << 3))
    sum += power
    if (power > load<f64>(powers + ((<usize>greatest) << 3))) greatest = i
  }
  store<u32>(answer, VERSION)
  store<u32>(answer, count, 4)
  store<f64>(answer, load<f64>(powers + ((<usize>greatest) << 3)), 8)
  store<f64>(answer, start + f64(greatest) * step, 16)
  store<f64>(answer, sum, 24)
  store<f64>(answer, residualSquares, 32)
  store<u32>(answer, bands, 40)
  store<u32>(answer, peakCount, 44)
  memory.fill(answer + MEDIANS, 0, <usize>BANDS_MAX << 3)
  // Last, because finding a median reorders the powers.
  for (let band: u32 = 0; band < bands; band++) {
    const from = bandStart(band, bands, count)
    const median = medianOf(powers + 8 + (<usize>from << 3), bandStart(band + 1, bands, count) - from)
    store<f64>(answer + MEDIANS + (<usize>band << 3), median)
  }
  return ((<i64>answer) << 32) | <i64>(SUMMARY_BYTES + (<usize>peakCount) * PEAK_BYTES)
}

function bandStart(band: u32, bands: u32, count: u32): u32 {
  return u32((<u64>band * <u64>count) / <u64>bands)
}

/** Writes frequency and power of a peak, moved to the top of the parabola through it and its neighbours. */
function storePeak(target: usize, powers: usize, index: i32, start: f64, step: f64): void {
  const at = powers + ((<usize>index) << 3)
  const before = load<f64>(at - 8)
  const here = load<f64>(at)
  const after = load<f64>(at + 8)
  const bend = before - 2 * here + after
  const shift: f64 = bend < 0 ? (0.5 * (before - after)) / bend : 0
  const frequency = start + (f64(index) + shift) * step
  const power = powerAt(frequency)
  store<f64>(target, power >= here ? frequency : start + f64(index) * step)
  store<f64>(target, max(power, here), 8)
}
