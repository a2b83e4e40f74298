import { randomBytes } from 'node:crypto'
import { type Clock, CoreError, type Random, type UnixMs } from '@stead/core'

/** The operating system's clock; timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now() as UnixMs,
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback) {
    const timer = setTimeout(callback, delayMs)
    timer.unref()
    return { clear: () => clearTimeout(timer) }
  },
  sleep(delayMs, signal) {
    return new Promise((resolve, reject) => {
      const aborted = (): CoreError => new CoreError('CORE_ABORTED', 'the sleep was cancelled')
      if (signal?.aborted === true) {
        reject(aborted())
        return
      }
      const onAbort = (): void => {
        clearTimeout(timer)
        reject(aborted())
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, delayMs)
      signal?.addEventListener('abort', onAbort, { once: true })
    })
  },
}

/** The operating system's randomness. */
export const systemRandom: Random = {
  bytes: (length) => new Uint8Array(randomBytes(length)),
  fraction: () => randomBytes(4).readUInt32BE() / 2 ** 32,
}
