/** How often something happened, and when last. */
export interface TallyEntry {
  readonly count: number
  readonly lastMs: number
}

/** Counts what goes wrong in a run, by name: a fault that never happens proves nothing. */
export class Tally {
  readonly #nowMs: () => number
  readonly #entries: Map<string, TallyEntry> = new Map()

  /** @param nowMs simulated time */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs
  }

  add(name: string): void {
    this.#entries.set(name, { count: (this.#entries.get(name)?.count ?? 0) + 1, lastMs: this.#nowMs() })
  }

  get entries(): ReadonlyMap<string, TallyEntry> {
    return this.#entries
  }
}
