import type { SeededRandom } from '@stead/testkit'
import type { EveningRhythm, NodeKind, SteadyRhythm } from './node-kinds.ts'

const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

/** Whether one node is switched on, from step to step. */
export class NodeSession {
  readonly #rhythm: NodeKind['rhythm']
  readonly #random: SeededRandom
  /** Local time less that of the simulation. */
  readonly #zoneMs: number
  #isOn: boolean
  #day = -1
  #fromMs = 0
  #toMs = 0

  constructor(rhythm: NodeKind['rhythm'], random: SeededRandom, zoneMs: number) {
    this.#rhythm = rhythm
    this.#random = random
    this.#zoneMs = zoneMs
    this.#isOn = rhythm.kind === 'evening' || random.fraction() < onShareOf(rhythm)
  }

  /** Goes on to a moment. @returns whether it is on then */
  step(nowMs: number, stepMs: number): boolean {
    const rhythm = this.#rhythm
    if (rhythm.kind === 'steady') {
      const meanMs = (this.#isOn ? rhythm.meanUpHours : rhythm.meanDownHours) * HOUR_MS
      if (this.#random.fraction() < stepMs / meanMs) this.#isOn = !this.#isOn
      return this.#isOn
    }
    const localMs = nowMs + this.#zoneMs
    const day = Math.floor(localMs / DAY_MS)
    // An evening may last beyond midnight: the next one is drawn when it begins anew.
    if (day !== this.#day && localMs >= this.#toMs) this.#draw(rhythm, day)
    return localMs >= this.#fromMs && localMs < this.#toMs
  }

  #draw({ fromHour, hours, spreadHours, skippedDayShare }: EveningRhythm, day: number): void {
    const off = (): number => (2 * this.#random.fraction() - 1) * spreadHours
    this.#day = day
    this.#fromMs = day * DAY_MS + (fromHour + off()) * HOUR_MS
    this.#toMs = this.#fromMs + Math.max(0, hours + off()) * HOUR_MS
    if (this.#random.fraction() < skippedDayShare) this.#toMs = this.#fromMs
  }
}

function onShareOf({ meanUpHours, meanDownHours }: SteadyRhythm): number {
  return meanUpHours / (meanUpHours + meanDownHours)
}
