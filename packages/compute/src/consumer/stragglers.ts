/** Durations that the median is taken of: the most recent ones. */
const SAMPLES_MAX = 255
/** Below so many answers the median says too little. */
const SAMPLES_MIN = 3

/** How long a job's tasks take, to tell those that take too long. */
export class Stragglers {
  readonly #samples: number[] = []
  #next = 0
  #medianMs: number | undefined

  /** Counts an answer's duration. */
  note(durationMs: number): void {
    this.#samples[this.#next] = durationMs
    this.#next = (this.#next + 1) % SAMPLES_MAX
    this.#medianMs = undefined
  }

  /** The median of the recent durations; undefined before there are enough. */
  medianMs(): number | undefined {
    if (this.#samples.length < SAMPLES_MIN) return undefined
    if (this.#medianMs === undefined) {
      const sorted = [...this.#samples].sort((left, right) => left - right)
      this.#medianMs = sorted[sorted.length >> 1]
    }
    return this.#medianMs
  }

  /** From which duration on a task is a straggler; undefined before that can be said. */
  limitMs(options: { readonly hedgeFactor: number; readonly hedgeAfterMsMin: number }): number | undefined {
    const medianMs = this.medianMs()
    return medianMs === undefined ? undefined : Math.max(medianMs * options.hedgeFactor, options.hedgeAfterMsMin)
  }
}
