// The generalised Lomb-Scargle periodogram (Zechmeister & Kuerster 2009): at each frequency a sinusoid is fitted by least
// squares, here together with a polynomial of any degree, and the power is the share of the residual sum of squares that
// the sinusoid takes away, 0 .. 1.
import { basis, degree, newPlane, planeBytes, points, residualSquares, residuals, roots, times, weightSum } from './series'
import { cosine, sine, turn } from './trigonometry'

/** Frequencies between two exact evaluations of all sines and cosines; rotation errors grow for no longer than this. */
const RESEED_EVERY: i32 = 64
/** Below this squared sine of the angle between them, sine and cosine are the same vector here. */
const SAME_DIRECTION: f64 = 1e-8
/** Below this share of the weights, what the polynomial leaves of a sine or cosine is rounding. */
const NOTHING_LEFT: f64 = 1e-9

let cosines: usize = 0
let sines: usize = 0
let stepCosines: usize = 0
let stepSines: usize = 0

/** Fills `powers` (f64 each) for `count` frequencies from `start` (cycles per day), `step` apart. */
export function fillPowers(powers: usize, count: i32, start: f64, step: f64): void {
  prepare()
  for (let i = 0; i < points; i++) {
    const offset = (<usize>i) << 3
    turn(step * load<f64>(times + offset))
    store<f64>(stepCosines + offset, cosine)
    store<f64>(stepSines + offset, sine)
  }
  for (let k = 0; k < count; k++) {
    if (k % RESEED_EVERY == 0) seed(start + f64(k) * step)
    store<f64>(powers + ((<usize>k) << 3), powerHere())
  }
}

/** The power at one frequency, every sine and cosine evaluated for it. */
export function powerAt(frequency: f64): f64 {
  prepare()
  seed(frequency)
  return powerHere()
}

function prepare(): void {
  if (cosines != 0) return
  cosines = newPlane()
  sines = newPlane()
  stepCosines = newPlane()
  stepSines = newPlane()
}

/** Sets the planes of cosines and sines, times the roots of the weights, for one frequency. */
function seed(frequency: f64): void {
  for (let i = 0; i < points; i++) {
    const offset = (<usize>i) << 3
    const root = load<f64>(roots + offset)
    turn(frequency * load<f64>(times + offset))
    store<f64>(cosines + offset, root * cosine)
    store<f64>(sines + offset, root * sine)
  }
}

/** The power at the frequency that the planes hold; leaves them at the next frequency. */
function powerHere(): f64 {
  let cosineSquares: f64 = 0
  let sineSquares: f64 = 0
  let products: f64 = 0
  // Only the part of sine and cosine outside the polynomial can explain what the polynomial does not.
  for (let k = 0; k <= degree; k++) {
    const plane = basis + (<usize>k) * planeBytes
    let alongCosine = f64x2.splat(0)
    let alongSine = f64x2.splat(0)
    for (let offset: usize = 0; offset < planeBytes; offset += 16) {
      const polynomial = v128.load(plane + offset)
      alongCosine = f64x2.add(alongCosine, f64x2.mul(polynomial, v128.load(cosines + offset)))
      alongSine = f64x2.add(alongSine, f64x2.mul(polynomial, v128.load(sines + offset)))
    }
    const c = lanes(alongCosine)
    const s = lanes(alongSine)
    cosineSquares -= c * c
    sineSquares -= s * s
    products -= c * s
  }

  let sumYC = f64x2.splat(0)
  let sumYS = f64x2.splat(0)
  let sumCC = f64x2.splat(0)
  let sumCS = f64x2.splat(0)
  for (let offset: usize = 0; offset < planeBytes; offset += 16) {
    const c = v128.load(cosines + offset)
    const s = v128.load(sines + offset)
    const y = v128.load(residuals + offset)
    const stepC = v128.load(stepCosines + offset)
    const stepS = v128.load(stepSines + offset)
    sumYC = f64x2.add(sumYC, f64x2.mul(y, c))
    sumYS = f64x2.add(sumYS, f64x2.mul(y, s))
    sumCC = f64x2.add(sumCC, f64x2.mul(c, c))
    sumCS = f64x2.add(sumCS, f64x2.mul(c, s))
    v128.store(cosines + offset, f64x2.sub(f64x2.mul(c, stepC), f64x2.mul(s, stepS)))
    v128.store(sines + offset, f64x2.add(f64x2.mul(c, stepS), f64x2.mul(s, stepC)))
  }
  const cc = lanes(sumCC)
  cosineSquares += cc
  // cos^2 + sin^2 = 1 at each point.
  sineSquares += weightSum - cc
  products += lanes(sumCS)
  return powerOf(lanes(sumYC), lanes(sumYS), cosineSquares, sineSquares, products)
}

function powerOf(yc: f64, ys: f64, cc: f64, ss: f64, cs: f64): f64 {
  const determinant = cc * ss - cs * cs
  const least = NOTHING_LEFT * weightSum
  let explained: f64 = 0
  if (determinant > SAME_DIRECTION * cc * ss && min(cc, ss) > least) {
    explained = (ss * yc * yc + cc * ys * ys - 2 * cs * yc * ys) / determinant
  } else if (max(cc, ss) > least) {
    // As at the Nyquist frequency of even sampling: fit the longer one alone.
    explained = cc > ss ? (yc * yc) / cc : (ys * ys) / ss
  }
  return min<f64>(1, max<f64>(0, explained / residualSquares))
}

function lanes(sum: v128): f64 {
  return f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1)
}
