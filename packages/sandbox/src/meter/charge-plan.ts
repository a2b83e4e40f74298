import type { CountedLoop } from './counted-loops.ts'

/** Where a charge is written. */
export const ChargeSite = {
  /** Before the instruction at the position. */
  before: 0,
  /** On the way of the `br_if` at the position when it is taken. */
  taken: 1,
  /** In an `else` written before the `end` at the position. */
  otherwise: 2,
} as const

/** One charge; reused between functions. */
export interface Charge {
  position: number
  site: number
  /** Below zero: a refund. */
  units: number
  /** The function traps here when no fuel is left. */
  isChecked: boolean
}

/**
 * Where a function pays. Reused from function to function: valid until the next {@link ChargePlan.clear}. In the order
 * of {@link ChargePlan.sort}, charges come by position.
 */
export class ChargePlan {
  countedLoops: readonly CountedLoop[] = []
  hasCallFreeLoops = false
  /** Refunds that were too small to give: where, and how much. For the count by definition. */
  readonly keptRefunds: { readonly site: number; readonly position: number; readonly units: number }[] = []
  #charges: Charge[] = []
  readonly #spare: Charge[] = []

  /** The charges; see {@link ChargePlan.sort} for their order. */
  get charges(): readonly Charge[] {
    return this.#charges
  }

  clear(): void {
    for (const charge of this.#charges) this.#spare.push(charge)
    this.#charges = []
    this.keptRefunds.length = 0
    this.countedLoops = []
    this.hasCallFreeLoops = false
  }

  charge(site: number, position: number, units: number, isChecked: boolean): void {
    const charge = this.#spare.pop() ?? { position: 0, site: 0, units: 0, isChecked: false }
    charge.position = position
    charge.site = site
    charge.units = units
    charge.isChecked = isChecked
    this.#charges.push(charge)
  }

  keepRefund(site: number, position: number, units: number): void {
    this.keptRefunds.push({ site, position, units })
  }

  /** Fuel is looked at when the function is entered, whether or not something is charged there. */
  checkEntry(): void {
    const entry = this.#charges.find((charge) => charge.position === 0 && charge.site === ChargeSite.before)
    if (entry === undefined) this.charge(ChargeSite.before, 0, 0, true)
    else entry.isChecked = true
  }

  /** Fuel is looked at by the charges before these instructions. */
  checkAt(positions: ReadonlySet<number>): void {
    for (const charge of this.#charges)
      if (charge.site === ChargeSite.before && positions.has(charge.position)) charge.isChecked = true
  }

  /** Brings the charges into the order in which they are written. */
  sort(): void {
    this.#charges.sort((left, right) => left.position - right.position || left.site - right.site)
  }
}
