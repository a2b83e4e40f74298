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

/** What a body is written with: the charges of a {@link ChargePlan}, kept small until all functions have been placed. */
export interface PlacedCharges {
  /** By charge, in the order in which they are written: position, site, units, and 1 when it looks at the fuel. */
  readonly fields: Float64Array
  readonly countedLoops: readonly CountedLoop[]
  readonly hasPayingLoops: boolean
}

/** Numbers of {@link PlacedCharges.fields} that one charge takes. */
export const CHARGE_FIELDS = 4

/** One charge; reused between functions. */
interface Charge {
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
  /** Some charge is in a loop that calls nothing, and in no loop inside it. */
  hasPayingLoops = false
  /** What is billed beyond what is executed, as it adds up: where, and how much. For the count by definition. */
  readonly keptRefunds: { readonly site: number; readonly position: number; units: number }[] = []
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
    this.hasPayingLoops = false
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
    const last = this.keptRefunds.at(-1)
    if (last?.site === site && last.position === position) last.units += units
    else this.keptRefunds.push({ site, position, units })
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

  /** Finds out whether one of these loops pays for its passes. @param loops without one inside another, in order */
  noteLoops(loops: readonly { readonly start: number; readonly end: number }[]): void {
    let next = 0
    this.hasPayingLoops = this.#charges.some(({ position }) => {
      while (next < loops.length && (loops[next]?.end ?? 0) < position) next++
      return next < loops.length && position > (loops[next]?.start ?? 0)
    })
  }

  /** Brings the charges into the order in which they are written. */
  sort(): void {
    this.#charges.sort((left, right) => left.position - right.position || left.site - right.site)
  }

  /** What the bodies are written with; stays valid. */
  placed(): PlacedCharges {
    const fields = new Float64Array(this.#charges.length * CHARGE_FIELDS)
    this.#charges.forEach(({ position, site, units, isChecked }, charge) => {
      fields.set([position, site, units, isChecked ? 1 : 0], charge * CHARGE_FIELDS)
    })
    return { fields, countedLoops: this.countedLoops, hasPayingLoops: this.hasPayingLoops }
  }
}
