import { type Clock, CoreError, type Timer, type UnixMs } from '@stead/core'

/** The machine's clock, for measurements. */
export const localClock: Clock = {
  now: () => Date.now() as UnixMs,
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback): Timer {
    const timer = setTimeout(callback, delayMs)
    return { clear: () => clearTimeout(timer) }
  },
  sleep(delayMs, signal) {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(resolve, delayMs)
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        reject(new CoreError('CORE_ABORTED', 'the sleep was cancelled'))
      })
    })
  },
}
