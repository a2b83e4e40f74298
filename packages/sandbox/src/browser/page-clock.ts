import type { Clock, Timer } from '@stead/core'

/** The part of the clock that a page's executor needs: timers. */
export type PageClock = Pick<Clock, 'setTimer'>

/** The page's own timers. A page in the background gets them late, by up to a minute; time limits are then that late. */
export const pageClock: PageClock = {
  setTimer(delayMs: number, callback: () => void): Timer {
    const timer = setTimeout(callback, delayMs)
    return { clear: () => clearTimeout(timer) }
  },
}
