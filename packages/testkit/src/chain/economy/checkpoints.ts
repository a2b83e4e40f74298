interface Checkpoint {
  readonly seconds: number
  readonly value: bigint
}

/** What a number was at the end of each second, as OpenZeppelin's Checkpoints remember it. */
export class Checkpoints {
  readonly #points: Checkpoint[] = []

  /** What it is now; 0 before the first. */
  get latest(): bigint {
    return this.#points.at(-1)?.value ?? 0n
  }

  /** Sets it as of a second, never one before the last; the last in a second counts. */
  push(seconds: number, value: bigint): void {
    const last = this.#points.at(-1)
    if (last !== undefined && last.seconds > seconds) throw new TypeError('checkpoints go forward')
    if (last?.seconds === seconds) this.#points.pop()
    this.#points.push({ seconds, value })
  }

  /** What it was at the end of a second. */
  at(seconds: number): bigint {
    let [low, high] = [0, this.#points.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      const point = this.#points[middle]
      if (point !== undefined && point.seconds <= seconds) low = middle + 1
      else high = middle
    }
    return this.#points[low - 1]?.value ?? 0n
  }
}
