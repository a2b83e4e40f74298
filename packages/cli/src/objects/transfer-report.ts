import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { errorFacts, printError } from '../terminal/print-error.ts'
import { toJson } from '../terminal/terminal.ts'
import { describeFailure, runTransfers, type Transfer, type TransferFailure } from './transfer-pool.ts'
import type { TransferProgress } from './transfer-progress.ts'

const FAILURES_SHOWN = 20

/** What is done besides transfers, and what was found not to be needed. */
export interface TransferExtras {
  readonly same?: number
  /** Done when all transfers went well: what the source does not have. */
  readonly deletions?: readonly { readonly name: string; run(): Promise<void> }[]
}

/** Says what would be done, a line each. */
export function printDryRun(
  { terminal }: CommandContext,
  transfers: readonly Transfer[],
  { same = 0, deletions = [] }: TransferExtras,
): void {
  const transferred = transfers.map(({ name }) => name)
  const deleted = deletions.map(({ name }) => name)
  if (terminal.isJson) {
    terminal.out(toJson({ dryRun: true, transferred, deleted, same }))
    return
  }
  for (const name of transferred) terminal.out(`would copy ${name}`)
  for (const name of deleted) terminal.out(`would delete ${name}`)
  terminal.message(`${transferred.length} to copy, ${deleted.length} to delete, ${same} the same; nothing was done`)
}

/** Runs transfers, then deletions if all went well, and says what came of it. */
export async function runAndReport(
  context: CommandContext,
  { transfers, progress, signal }: { transfers: readonly Transfer[]; progress: TransferProgress; signal: AbortSignal },
  { same = 0, deletions = [] }: TransferExtras = {},
): Promise<void> {
  const { terminal } = context
  const failures = [...(await runTransfers(transfers, signal))]
  let deleted = 0
  if (failures.length === 0 && !signal.aborted) {
    const ended = await runTransfers(
      deletions.map(({ name, run }) => ({ name, lengthBytes: 0, run })),
      signal,
    )
    deleted = deletions.length - ended.length
    failures.push(...ended)
  }
  const rate = progress.end()
  if (signal.aborted) throw interrupted()
  const transferred = transfers.length - failures.length
  const failure = failureOf(failures, transfers.length + deletions.length)
  if (failure !== undefined) context.exitWith(exitCodeOf(failure))
  if (terminal.isJson) {
    const error = failure === undefined ? {} : { error: errorFacts(failure) }
    terminal.out(toJson({ transferred, deleted, same, failed: failures.map(describeFailure), ...error }))
    return
  }
  for (const each of failures.slice(0, FAILURES_SHOWN)) terminal.message(describeFailure(each))
  if (failures.length > FAILURES_SHOWN) terminal.message(`… and ${failures.length - FAILURES_SHOWN} more`)
  const besides = [deleted > 0 ? `${deleted} deleted` : '', same > 0 ? `${same} the same` : ''].filter(Boolean)
  terminal.out([`${transferred} copied: ${rate}`, ...besides].join('; '))
  if (failure !== undefined) printError(terminal, failure)
}

/** What a person reads who stopped a transfer. */
export function interrupted(): CliError {
  return new CliError('CLI_INTERRUPTED', 'interrupted; what has come is kept', {
    next: 'The same command goes on where it stopped. To give a half-sent file up: stead rm <object>',
  })
}

function failureOf(failures: readonly TransferFailure[], total: number): CliError | undefined {
  const [first] = failures
  if (first === undefined) return undefined
  return new CliError(
    'CLI_TRANSFER_FAILED',
    `${failures.length} of ${total} failed; the first: ${describeFailure(first)}`,
    {
      cause: first.error,
    },
  )
}
