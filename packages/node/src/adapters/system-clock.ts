import { setTimeout as sleepFor } from 'node:timers/promises'
import { type Clock, CoreError, type UnixMs } from '@stead/core'

/** The operating system's time. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now() as UnixMs,
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return { clear: () => clearTimeout(timer) }
  },
  async sleep(delayMs, signal) {
    try {
      await sleepFor(delayMs, undefined, { ref: false, ...(signal === undefined ? {} : { signal }) })
    } catch (cause) {
      throw new CoreError('CORE_ABORTED', 'a wait was cancelled', { cause })
    }
  },
}
