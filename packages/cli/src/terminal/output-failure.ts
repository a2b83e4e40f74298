import { printError } from './print-error.ts'
import { createTerminal } from './terminal.ts'

/** Standard output takes nothing more: says so and ends; what is half done is worth nothing to whoever reads it. */
export function endWithoutOutput(error: Error): never {
  const terminal = { ...createTerminal({ isJson: false }), out: () => undefined }
  process.exit(printError(terminal, Object.assign(error, { path: 'standard output' })))
}
