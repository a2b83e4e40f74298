import { type Clock, CoreError, type UnixMs } from '@stead/core'

/** The operating system's time, for tests against real processes. */
export const systemClock: Clock = {
  now: () => Date.now() as UnixMs,
  monotonicMs: () => performance.now(),
  setTimer: (delayMs, callback) => {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return { clear: () => clearTimeout(timer) }
  },
  sleep: (delayMs, signal) =>
    new Promise<void>((resolve, reject) => {
      const abort = (): void => {
        clearTimeout(timer)
        reject(new CoreError('CORE_ABORTED', 'the sleep was cancelled'))
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', abort)
        resolve()
      }, delayMs)
      if (signal?.aborted === true) abort()
      else signal?.addEventListener('abort', abort, { once: true })
    }),
}
