// Sine and cosine from additions and multiplications alone, which WebAssembly defines to the last bit, so that every
// node gets the same bytes. Angles are counted in cycles, because f * t is one and the reduction is then exact.

const TAU: f64 = 6.283185307179586

/** Cosine of the last angle given to `turn`. */
export let cosine: f64 = 1
/** Sine of the last angle given to `turn`. */
export let sine: f64 = 0

/**
 * Sets `cosine` and `sine` for an angle in cycles (|cycles| < 2^51). Error below 2e-16 for the reduced angle; the
 * rounding of `cycles` itself is the caller's.
 */
export function turn(cycles: f64): void {
  const fraction = cycles - nearest(cycles)
  const quarter = nearest(4 * fraction)
  const x = TAU * (fraction - 0.25 * quarter)
  const z = x * x
  // Taylor series; |x| <= pi/4, so that the first term left out is below 5e-17 (sine) and 2e-18 (cosine).
  const s =
    x *
    (1 +
      z * (-1.0 / 6 + z * (1.0 / 120 + z * (-1.0 / 5040 + z * (1.0 / 362880 + z * (-1.0 / 39916800 + z * (1.0 / 6227020800 + z * (-1.0 / 1307674368000))))))))
  const c =
    1 +
    z *
      (-0.5 + z * (1.0 / 24 + z * (-1.0 / 720 + z * (1.0 / 40320 + z * (-1.0 / 3628800 + z * (1.0 / 479001600 + z * (-1.0 / 87178291200 + z * (1.0 / 20922789888000))))))))
  const quadrant = i32(quarter)
  if (quadrant == 0) {
    cosine = c
    sine = s
  } else if (quadrant == 1) {
    cosine = -s
    sine = c
  } else if (quadrant == -1) {
    cosine = s
    sine = -c
  } else {
    cosine = -c
    sine = -s
  }
}
