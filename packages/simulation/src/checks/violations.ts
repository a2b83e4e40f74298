/** Something that must never be so, and was. */
export interface Violation {
  /** Which rule; stable, so that the same fault is recognised in another run. */
  readonly rule: string
  /** With the numbers. */
  readonly what: string
  /** Nodes whose story explains it. */
  readonly who: readonly string[]
  /** When it was noticed, in simulated time. */
  readonly atMs: number
}

/** Gathers violations; the first of each rule is enough. */
export class Violations {
  readonly #found: Map<string, Violation> = new Map()
  readonly #nowMs: () => number
  readonly #onFirst: () => void

  /** @param on `nowMs` is simulated time; `first` is called with the first violation */
  constructor(on: { readonly nowMs: () => number; readonly first: () => void }) {
    this.#nowMs = on.nowMs
    this.#onFirst = on.first
  }

  get all(): readonly Violation[] {
    return [...this.#found.values()]
  }

  /** Notes a violation unless `isKept`. */
  check(isKept: boolean, rule: string, what: () => string, who: readonly string[]): void {
    if (isKept || this.#found.has(rule)) return
    if (this.#found.size === 0) this.#onFirst()
    this.#found.set(rule, { rule, what: what(), who, atMs: this.#nowMs() })
  }
}
