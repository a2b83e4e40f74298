// The observations in linear memory, each quantity a plane of f64 of its own, padded to an even count with zeros so that
// two points fit one vector.

/** Number of observations. */
export let points: i32 = 0
/** Bytes of one plane. */
export let planeBytes: usize = 0
/** Degree of the polynomial that is fitted together with each sinusoid; 0 is the floating mean. */
export let degree: i32 = 0
/** Times in days from the middle of the series. */
export let times: usize = 0
/** Square roots of the weights. With every plane scaled by them, weighted sums become plain ones. */
export let roots: usize = 0
/** Sum of the weights. */
export let weightSum: f64 = 0
/** Values less the fitted polynomial, times the roots. */
export let residuals: usize = 0
/** Weighted sum of squares of the residuals. */
export let residualSquares: f64 = 0
/** Planes of the orthonormal polynomials of degree 0 .. degree over the times, times the roots, one after the other. */
export let basis: usize = 0

/** A new plane of zeros. */
export function newPlane(): usize {
  const plane = heap.alloc(planeBytes)
  memory.fill(plane, 0, planeBytes)
  return plane
}

/** Takes `count` times, values and weights (f64 each, one kind after the other) and fits the polynomial. */
export function loadSeries(source: usize, count: i32, trendDegree: i32): void {
  points = count
  degree = trendDegree
  planeBytes = (<usize>((count + 1) & ~1)) << 3
  const kindBytes = (<usize>count) << 3
  times = newPlane()
  roots = newPlane()
  residuals = newPlane()
  memory.copy(times, source, kindBytes)
  weightSum = 0
  for (let i = 0; i < count; i++) {
    const offset = (<usize>i) << 3
    const weight = load<f64>(source + 2 * kindBytes + offset)
    weightSum += weight
    store<f64>(roots + offset, sqrt(weight))
    store<f64>(residuals + offset, load<f64>(source + kindBytes + offset) * sqrt(weight))
  }
  buildBasis()
  for (let k = 0; k <= degree; k++) removeFrom(residuals, basis + (<usize>k) * planeBytes)
  residualSquares = dot(residuals, residuals)
}

/** Gram-Schmidt over 1, x, x^2, … with x the time scaled to -1 .. 1. */
function buildBasis(): void {
  basis = heap.alloc((<usize>(degree + 1)) * planeBytes)
  memory.fill(basis, 0, (<usize>(degree + 1)) * planeBytes)
  let reach: f64 = 0
  for (let i = 0; i < points; i++) reach = max(reach, abs(at(times, i)))
  for (let k = 0; k <= degree; k++) {
    const plane = basis + (<usize>k) * planeBytes
    for (let i = 0; i < points; i++) {
      // The polynomial before times x stays nearly orthogonal to all others, where plain powers would not.
      const value: f64 = k == 0 ? at(roots, i) : at(plane - planeBytes, i) * (at(times, i) / reach)
      store<f64>(plane + ((<usize>i) << 3), value)
    }
    // Twice, because one pass leaves what rounding did to it.
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < k; j++) removeFrom(plane, basis + (<usize>j) * planeBytes)
    }
    const norm = sqrt(dot(plane, plane))
    for (let i = 0; i < points; i++) store<f64>(plane + ((<usize>i) << 3), at(plane, i) / norm)
  }
}

function at(plane: usize, index: i32): f64 {
  return load<f64>(plane + ((<usize>index) << 3))
}

function dot(a: usize, b: usize): f64 {
  let sum: f64 = 0
  for (let i = 0; i < points; i++) sum += at(a, i) * at(b, i)
  return sum
}

/** Takes the part along a unit vector out of a plane. */
function removeFrom(plane: usize, unit: usize): void {
  const part = dot(plane, unit)
  for (let i = 0; i < points; i++) {
    store<f64>(plane + ((<usize>i) << 3), at(plane, i) - part * at(unit, i))
  }
}
