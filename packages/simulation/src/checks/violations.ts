import type { RuleName } from './rules.ts'

/** Something that must never be so, and was. */
export interface Violation {
  readonly rule: RuleName
  /** With the numbers. */
  readonly what: string
  /** Nodes whose story explains it. */
  readonly who: readonly string[]
  /** When it was noticed, in simulated time. */
  readonly atMs: number
}

/** What was found wrong, in words with the numbers, and the nodes whose story explains it. */
export interface Wrong {
  readonly what: string
  readonly who: readonly string[]
}

/** Gathers violations; the first of each rule is enough. */
export class Violations {
  readonly #found: Map<RuleName, Violation> = new Map()
  readonly #looks: Map<RuleName, number> = new Map()
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

  /** How often each rule was looked at: one that never was proves nothing. */
  get looks(): ReadonlyMap<RuleName, number> {
    return this.#looks
  }

  /** Looks at a rule, and notes a violation unless `isKept`. */
  check(isKept: boolean, rule: RuleName, what: () => string, who: readonly string[]): void {
    this.#looks.set(rule, (this.#looks.get(rule) ?? 0) + 1)
    if (!isKept) this.#note(rule, { what: what(), who })
  }

  /** Looks at a rule, and notes the first of what was found to be against it. */
  checkNone<Found>(rule: RuleName, found: Iterable<Found>, tell: (one: Found) => Wrong): void {
    this.#looks.set(rule, (this.#looks.get(rule) ?? 0) + 1)
    for (const one of found) {
      this.#note(rule, tell(one))
      return
    }
  }

  #note(rule: RuleName, { what, who }: Wrong): void {
    if (this.#found.has(rule)) return
    if (this.#found.size === 0) this.#onFirst()
    this.#found.set(rule, { rule, what, who, atMs: this.#nowMs() })
  }
}
