import { type Clock, CoreError } from '@stead/core'

/** Waits on a clock's timers, as the Clock port says that `sleep` does. @throws CoreError CORE_ABORTED */
export function sleepOn(clock: Pick<Clock, 'setTimer'>, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const cancelled = (): CoreError => new CoreError('CORE_ABORTED', 'the sleep was cancelled')
    if (signal?.aborted === true) {
      reject(cancelled())
      return
    }
    const onAbort = (): void => {
      timer.clear()
      reject(cancelled())
    }
    const timer = clock.setTimer(delayMs, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
