import { setTimeout as sleepFor } from 'node:timers/promises'
import { hasCode } from '@stead/core'

/** Half a minute: longer than a daemon that was killed takes to be started again. */
const ATTEMPTS_MAX = 60
const ATTEMPT_PAUSE_MS = 500

/**
 * Asks a daemon that may be starting again just now: asks once more while nobody answers. Only for questions that may
 * be asked twice.
 * @throws what `ask` throws at last
 */
export async function patiently<Value>(ask: () => Promise<Value>, signal?: AbortSignal): Promise<Value> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask()
    } catch (error) {
      if (!isAway(error) || attempt === ATTEMPTS_MAX || signal?.aborted === true) throw error
      await sleepFor(ATTEMPT_PAUSE_MS, undefined, signal === undefined ? {} : { signal })
    }
  }
}

/** Whether an error says no more than that no daemon is there just now. */
export function isAway(error: unknown): boolean {
  return hasCode(error, 'API_NO_DAEMON') || hasCode(error, 'API_INTERRUPTED')
}
