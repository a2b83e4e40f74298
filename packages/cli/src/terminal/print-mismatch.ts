import type { CommandContext } from '../command-context.ts'
import type { CliError } from '../errors.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { errorFacts, printError } from './print-error.ts'
import { toJson } from './terminal.ts'

/** Prints that an audit found a difference, with its facts for a program, and sets the exit code. */
export function printMismatch(
  context: CommandContext,
  error: CliError,
  facts: Readonly<Record<string, unknown>>,
): void {
  const { terminal } = context
  context.exitWith(exitCodeOf(error))
  if (terminal.isJson) terminal.out(toJson({ ...facts, error: errorFacts(error) }))
  else {
    terminal.out('MISMATCH')
    printError(terminal, error)
  }
}
