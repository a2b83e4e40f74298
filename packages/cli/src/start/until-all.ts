import { setTimeout as sleepFor } from 'node:timers/promises'
import { CliError } from '../errors.ts'
import type { Terminal } from '../terminal/terminal.ts'

/** What is waited for, and how long. */
export interface AllTerms {
  readonly wanted: number
  /** What there is, as in `4 of 12 pieces are back`. */
  readonly what: string
  /** Since there was one more, in milliseconds: a machine that is slow is waited for as long as it gets on. */
  readonly giveUpMs: number
  /** While there are no more it is said again, in milliseconds. */
  readonly tellMs: number
  /** Between two looks, in milliseconds. */
  readonly lookMs: number
  /** What a person can do when it is given up. */
  readonly next: string
}

/** What is waited with. */
export interface AllComponents {
  /** Looks how many there are now. */
  readonly count: () => Promise<number>
  readonly terminal: Pick<Terminal, 'message'>
  readonly signal: AbortSignal
}

/**
 * Waits until all are there, and says how many are whenever there are more.
 * @throws CliError CLI_DEV_FAILED when none came for too long; what `count` throws; the signal's reason
 */
export async function untilAll(
  { count, terminal, signal }: AllComponents,
  { wanted, what, giveUpMs, tellMs, lookMs, next }: AllTerms,
): Promise<void> {
  let best = -1
  let [sinceMs, toldMs] = [0, 0]
  for (;;) {
    const have = await count()
    signal.throwIfAborted()
    if (have > best) {
      best = have
      sinceMs = toldMs = performance.now()
      terminal.message(`${have} of ${wanted} ${what}`)
    }
    if (have >= wanted) return
    const nowMs = performance.now()
    const message = `${have} of ${wanted} ${what}, and no more in ${Math.round((nowMs - sinceMs) / 1000)} s`
    if (nowMs - sinceMs >= giveUpMs)
      throw new CliError('CLI_DEV_FAILED', message, { details: { need: wanted, have }, next })
    if (nowMs - toldMs >= tellMs) {
      toldMs = nowMs
      terminal.message(`${message}; waiting for up to ${Math.round(giveUpMs / 1000)} s …`)
    }
    await sleepFor(lookMs, undefined, { signal })
  }
}
