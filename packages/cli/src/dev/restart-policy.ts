/** A member that died so often in a row is given up. */
export const RESTARTS_MAX = 5
const FIRST_DELAY_MS = 500
/** A member that ran so long was well; its next death is counted from the beginning. */
const WELL_AFTER_MS = 60_000

/** Decides whether and when a member that died is started again. */
export class RestartPolicy {
  readonly #deaths: Map<string, number> = new Map()

  /** How long to wait, after the member ran for `ranMs`: 0.5, 1, 2, 4, 8 s; undefined when it keeps dying. */
  delayMs(name: string, ranMs: number): number | undefined {
    const count = ranMs > WELL_AFTER_MS ? 1 : (this.#deaths.get(name) ?? 0) + 1
    this.#deaths.set(name, count)
    return count > RESTARTS_MAX ? undefined : FIRST_DELAY_MS * 2 ** (count - 1)
  }
}
