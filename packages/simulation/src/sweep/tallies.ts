import type { RuleName } from '../checks/rules.ts'
import type { PlayedWorld } from './played-world.ts'

/** How often something was felt in a sweep, and in how many of its worlds. */
export interface Tallied {
  readonly count: number
  readonly worlds: number
}

/** What was felt in the worlds of a sweep, by name: what never was, the sweep says nothing about. */
export interface Tallies {
  /** Times that something went wrong. */
  readonly faults: ReadonlyMap<string, Tallied>
  /** Nodes that cheated. */
  readonly cheats: ReadonlyMap<string, Tallied>
  /** Times that a rule was looked at. */
  readonly rules: ReadonlyMap<RuleName, Tallied>
  /** Worlds in which a rule was broken. */
  readonly broken: ReadonlyMap<RuleName, number>
}

/** Adds up what was felt in worlds. */
export class TallyBook {
  readonly #faults: Map<string, Tallied> = new Map()
  readonly #cheats: Map<string, Tallied> = new Map()
  readonly #rules: Map<RuleName, Tallied> = new Map()
  readonly #broken: Map<RuleName, number> = new Map()

  add({ verdict: { faults, cheats, looks, violations } }: PlayedWorld): void {
    for (const [name, { count }] of faults) felt(this.#faults, name, count)
    for (const [name, count] of cheats) felt(this.#cheats, name, count)
    for (const [name, count] of looks) felt(this.#rules, name, count)
    for (const { rule } of violations) this.#broken.set(rule, (this.#broken.get(rule) ?? 0) + 1)
  }

  /** What there is until now, in the order of names; rules that were broken in the order in which they were. */
  get tallies(): Tallies {
    return {
      faults: sorted(this.#faults),
      cheats: sorted(this.#cheats),
      rules: sorted(this.#rules),
      broken: new Map(this.#broken),
    }
  }
}

function felt<Name>(tallied: Map<Name, Tallied>, name: Name, count: number): void {
  const before = tallied.get(name) ?? { count: 0, worlds: 0 }
  tallied.set(name, { count: before.count + count, worlds: before.worlds + 1 })
}

function sorted<Name extends string>(tallied: ReadonlyMap<Name, Tallied>): ReadonlyMap<Name, Tallied> {
  return new Map([...tallied].sort(([left], [right]) => (left < right ? -1 : 1)))
}
