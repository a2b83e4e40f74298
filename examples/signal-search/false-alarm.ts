// How likely noise alone reaches a power somewhere in the searched range.

/** What the probability depends on besides the power. */
export interface Search {
  /** Points, or the effective number of weighted points. */
  readonly points: number
  /** Degree of the polynomial in the model without the sinusoid. */
  readonly trendDegree: number
  /** Width of the searched range in cycles per day. */
  readonly bandwidth: number
  /** sqrt(4 pi var(t)) in days. */
  readonly effectiveLengthDays: number
}

/** Powers at and above this are indistinguishable from a perfect fit in double precision. */
const POWER_MAX = 1 - 1e-15

/**
 * Upper bound of the probability that white noise shows a peak of `power` anywhere in the range, as log10 (0 = certain):
 * Baluev 2008 (MNRAS 385, 1279), eqs. 5 and 6 for least-squares periodograms normalised by the residual sum of squares
 * of the model without the sinusoid. The bound becomes the probability itself as it becomes small.
 */
export function log10FalseAlarm(power: number, search: Search): number {
  const base = search.points - search.trendDegree - 1
  const full = base - 2
  if (!(power > 0) || full <= 1) return 0
  const rest = Math.log1p(-Math.min(power, POWER_MAX))
  const single = (full / 2) * rest
  const width = search.bandwidth * search.effectiveLengthDays
  const crossings = Math.log(gammaFactor(base) * width) + ((full - 1) / 2) * rest + 0.5 * Math.log((base * power) / 2)
  const greater = Math.max(single, crossings)
  const sum = greater + Math.log(Math.exp(single - greater) + Math.exp(crossings - greater))
  return Math.min(0, sum / Math.LN10)
}

/** sqrt(2/n) Gamma(n/2) / Gamma((n-1)/2), by the asymptotic series of the quotient; to 1e-4 for n >= 5. */
function gammaFactor(n: number): number {
  const x = (n - 1) / 2
  return Math.sqrt(2 / n) * Math.sqrt(x) * (1 - 1 / (8 * x) + 1 / (128 * x * x))
}

/**
 * Upper bound of the probability, as log10, that noise of the strength found around a peak reaches it anywhere among
 * `independent` frequencies. Noise is seldom white: weather is strong at long periods, where white noise would make
 * every bump significant. Powers of noise are exponentially distributed around their local mean.
 */
export function log10LocalFalseAlarm(power: number, background: number, independent: number): number {
  if (!(background > 0)) return power > 0 ? Number.NEGATIVE_INFINITY : 0
  return Math.min(0, Math.log10(Math.max(1, independent)) - power / background / Math.LN10)
}
