/** Turns in which only promises are worked off, before one in which the event loop goes around as well. */
const SHORT_TURNS = 7

/**
 * Turns of this process for a world. Node.js takes the next tick when no promise is left that could go on, which is all
 * that a world needs. Every eighth time the event loop goes around: then signals arrive, and a promise that was rejected
 * while nobody listened is reported as it would be in a daemon. Doing that each time costs a tenth of the whole run.
 */
export function eventLoopTurns(): () => Promise<void> {
  let turns = 0
  return () =>
    new Promise((resolve) => {
      turns = turns === SHORT_TURNS ? 0 : turns + 1
      if (turns === 0) setImmediate(resolve)
      else process.nextTick(resolve)
    })
}
