// The same periodogram by the shortest way: sines from Math, plain sums, normal equations. Slow and obvious.
import type { SeriesData } from '../../task-format.ts'

/** Power of the sinusoid of one frequency beside a polynomial, by least squares. */
export function referencePower({ times, values, weights, trendDegree }: SeriesData, frequency: number): number {
  const reach = times.reduce((most, time) => Math.max(most, Math.abs(time)), 0)
  const polynomial = Array.from({ length: trendDegree + 1 }, (_, k) => times.map((time) => legendre(k, time / reach)))
  const angle = 2 * Math.PI * frequency
  const waves = [times.map((time) => Math.cos(angle * time)), times.map((time) => Math.sin(angle * time))]
  const without = residualSquares(polynomial, values, weights)
  return 1 - residualSquares([...polynomial, ...waves], values, weights) / without
}

function legendre(degree: number, x: number): number {
  let [before, here] = [1, x]
  if (degree === 0) return before
  for (let n = 1; n < degree; n++) [before, here] = [here, ((2 * n + 1) * x * here - n * before) / (n + 1)]
  return here
}

/** Weighted residual sum of squares of the best combination of `columns`, by modified Gram-Schmidt, done twice. */
function residualSquares(columns: readonly Float64Array[], values: Float64Array, weights: Float64Array): number {
  const dot = (a: Float64Array, b: Float64Array): number =>
    a.reduce((sum, each, index) => sum + each * (b[index] ?? 0) * (weights[index] ?? 0), 0)
  const without = (a: Float64Array, unit: Float64Array): Float64Array => {
    const part = dot(a, unit)
    return a.map((each, index) => each - part * (unit[index] ?? 0))
  }
  const units: Float64Array[] = []
  for (const column of columns) {
    let rest = column
    for (let pass = 0; pass < 2; pass++) for (const unit of units) rest = without(rest, unit)
    const norm = Math.sqrt(dot(rest, rest))
    units.push(rest.map((each) => each / norm))
  }
  let rest = values
  for (let pass = 0; pass < 2; pass++) for (const unit of units) rest = without(rest, unit)
  return dot(rest, rest)
}

/** |X_k|^2 of a series whose length is a power of two, by radix-2 FFT. */
export function spectrumSquares(values: Float64Array): Float64Array {
  const re = Float64Array.from(values)
  const im = new Float64Array(values.length)
  const n = values.length
  for (let i = 1, j = 0; i < n; i++) {
    let bit = n >> 1
    for (; (j & bit) !== 0; bit >>= 1) j ^= bit
    j ^= bit
    if (i < j) [re[i], re[j]] = [re[j] ?? 0, re[i] ?? 0]
  }
  for (let size = 2; size <= n; size <<= 1) {
    for (let from = 0; from < n; from += size) {
      for (let k = 0; k < size / 2; k++) {
        const angle = (-2 * Math.PI * k) / size
        const [a, b] = [from + k, from + k + size / 2]
        const [bRe, bIm] = [re[b] ?? 0, im[b] ?? 0]
        const tRe = bRe * Math.cos(angle) - bIm * Math.sin(angle)
        const tIm = bRe * Math.sin(angle) + bIm * Math.cos(angle)
        const [aRe, aIm] = [re[a] ?? 0, im[a] ?? 0]
        re[a] = aRe + tRe
        im[a] = aIm + tIm
        re[b] = aRe - tRe
        im[b] = aIm - tIm
      }
    }
  }
  return re.map((each, index) => each * each + (im[index] ?? 0) ** 2)
}

/** Reproducible noise: uniform 0 .. 1 and standard normal. */
export class Noise {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  uniform(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform())
  }
}
