import { exitCodes } from './exit-codes.ts'
import type { Terminal } from './terminal/terminal.ts'

/**
 * A Ctrl-C reaches every process of a group, and launchers hand it on as well: what comes within this time is the same
 * one.
 */
const SAME_SIGNAL_MS = 300

/**
 * Gives a function that, when it is first called, starts to listen for Ctrl-C and SIGTERM and returns the signal that
 * they abort. The second one ends the process at once.
 */
export function createInterruption(terminal: Terminal): () => AbortSignal {
  let controller: AbortController | undefined
  return () => {
    if (controller !== undefined) return controller.signal
    const created = new AbortController()
    controller = created
    let firstAtMs = 0
    const onSignal = (): void => {
      if (created.signal.aborted && performance.now() - firstAtMs < SAME_SIGNAL_MS) return
      if (created.signal.aborted) {
        terminal.message('stopped at once')
        process.exit(exitCodes.interrupted)
      }
      firstAtMs = performance.now()
      created.abort()
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    return created.signal
  }
}
