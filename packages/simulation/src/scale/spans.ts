/** A time that half of the samples, and nine tenths of them, do not exceed. */
export interface Spans {
  readonly medianMs: number
  readonly ninetyPercentMs: number
  /** Share of the samples that never came to an end. */
  readonly failedShare: number
}

/** How long each sample took; infinite for one that never came to an end. */
export function spansOf(samples: readonly number[]): Spans {
  const sorted = [...samples].sort((left, right) => left - right)
  const at = (share: number): number => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
  const failed = sorted.filter((sample) => sample === Number.POSITIVE_INFINITY).length
  return { medianMs: at(0.5), ninetyPercentMs: at(0.9), failedShare: failed / sorted.length }
}
