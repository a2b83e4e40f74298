import { type Clock, isSteadError } from '@stead/core'
import { remoteCodeOf } from './remote-code.ts'

const SECOND_MS = 1000
/** After so long the own clock is tried again: a few rounds of payments, also by the hour. */
const KEPT_MS = 6 * 3_600_000

/**
 * The time that a payer signs by at one node: its own, but no later than the node's, once that has refused a revision as too
 * early. A node that tells a time too low is paid too little; one too high changes nothing.
 */
export class NodeTime {
  #told: { readonly second: number; readonly atMs: number } | undefined

  /** Takes the node's time from a refusal. */
  note(clock: Clock, error: unknown): void {
    if (remoteCodeOf(error) !== 'STORAGE_CLOCK_AHEAD' || !isSteadError(error)) return
    const second = error.details.remoteNowSecond
    if (typeof second === 'number' && Number.isSafeInteger(second) && second > 0)
      this.#told = { second, atMs: clock.monotonicMs() }
  }

  /** Whether nothing is known of the node's clock. */
  get isOwn(): boolean {
    return this.#told === undefined
  }

  /** Seconds since 1970. */
  nowSecond(clock: Clock): number {
    const own = Math.floor(clock.now() / SECOND_MS)
    if (this.#told === undefined) return own
    const passedMs = clock.monotonicMs() - this.#told.atMs
    if (passedMs > KEPT_MS) this.#told = undefined
    return this.#told === undefined ? own : Math.min(own, this.#told.second + Math.floor(passedMs / SECOND_MS))
  }
}
