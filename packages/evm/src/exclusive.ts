/** Runs one piece of work at a time, in the order of the calls; a failure does not stop the next. */
export class Exclusive {
  #last: Promise<unknown> = Promise.resolve()

  /** Waits for its turn, then runs `work`. @throws what `work` throws */
  run<Value>(work: () => Promise<Value>): Promise<Value> {
    const turn = this.#last.then(work)
    // The chain itself never rejects: each caller gets its own outcome.
    this.#last = turn.then(
      () => undefined,
      () => undefined,
    )
    return turn
  }
}
