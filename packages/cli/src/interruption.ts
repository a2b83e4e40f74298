import { exitCodes } from './exit-codes.ts'
import type { Terminal } from './terminal/terminal.ts'

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
    const onSignal = (): void => {
      if (created.signal.aborted) {
        terminal.message('stopped at once')
        process.exit(exitCodes.interrupted)
      }
      created.abort()
    }
    process.on('SIGINT', onSignal)
    process.on('SIGTERM', onSignal)
    return created.signal
  }
}
