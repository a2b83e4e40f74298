import type { ExitCode } from './exit-codes.ts'
import type { Terminal } from './terminal/terminal.ts'

/** What a command is given besides its own arguments. */
export interface CommandContext {
  readonly terminal: Terminal
  /** `--data-dir` or STEAD_DATA_DIR. */
  readonly dataDir: string | undefined
  readonly workingDirectory: string
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Aborts at the first Ctrl-C or SIGTERM; a second one ends the process at once. Only when a command asks for it. */
  interruption(): AbortSignal
  /** Ends the command with another code than 0. */
  exitWith(code: ExitCode): void
}
