// The greatest local maxima of a stretch of powers, and its median.

/** Most peaks that one task reports. */
export const PEAKS_MAX: i32 = 16

/** Indices of the peaks, strongest first; valid up to `peakCount`. */
const indices = new StaticArray<i32>(PEAKS_MAX)
/** Number of peaks found. */
export let peakCount: i32 = 0

/** Index of the peak of this rank. */
export function peakIndex(rank: i32): i32 {
  return indices[rank]
}

/** Finds the local maxima among `powers[1 .. count]`; `powers[0]` and `powers[count + 1]` are neighbours only. */
export function findPeaks(powers: usize, count: i32): void {
  peakCount = 0
  for (let i = 1; i <= count; i++) {
    const power = powerOf(powers, i)
    if (power <= powerOf(powers, i - 1) || power < powerOf(powers, i + 1)) continue
    insert(powers, i, power)
  }
}

function insert(powers: usize, index: i32, power: f64): void {
  let rank = peakCount
  while (rank > 0 && powerOf(powers, indices[rank - 1]) < power) rank--
  if (rank == PEAKS_MAX) return
  if (peakCount < PEAKS_MAX) peakCount++
  for (let i = peakCount - 1; i > rank; i--) indices[i] = indices[i - 1]
  indices[rank] = index
}

/** The median (the lower one of two) of `count` powers; reorders them. */
export function medianOf(powers: usize, count: i32): f64 {
  const middle = (count - 1) >> 1
  let low = 0
  let high = count - 1
  while (low < high) {
    const pivot = powerOf(powers, (low + high) >> 1)
    let left = low
    let right = high
    while (left <= right) {
      while (powerOf(powers, left) < pivot) left++
      while (powerOf(powers, right) > pivot) right--
      if (left > right) break
      const swapped = powerOf(powers, left)
      store<f64>(powers + ((<usize>left) << 3), powerOf(powers, right))
      store<f64>(powers + ((<usize>right) << 3), swapped)
      left++
      right--
    }
    if (middle <= right) high = right
    else if (middle >= left) low = left
    else break
  }
  return powerOf(powers, middle)
}

function powerOf(powers: usize, index: i32): f64 {
  return load<f64>(powers + ((<usize>index) << 3))
}
