import { hasCode, isSteadError } from '@stead/core'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { namedError } from '../system-error.ts'
import { errorFacts, printError } from '../terminal/print-error.ts'
import { shownName } from '../terminal/shown-name.ts'
import { toJson } from '../terminal/terminal.ts'
import type { LeftOutName } from './local-files.ts'
import { PARTIAL_PREFIX } from './safe-folder.ts'
import { describeFailure, runTransfers, shownFailure, type Transfer, type TransferFailure } from './transfer-pool.ts'
import type { TransferProgress } from './transfer-progress.ts'

const FAILURES_SHOWN = 20

/** What is done besides transfers, and what was found not to be needed. */
export interface TransferExtras {
  readonly same?: number
  readonly left?: LeftOutOfTransfers
  /** Done when all transfers went well: what the source does not have. */
  readonly deletions?: readonly { readonly name: string; run(): Promise<void> }[]
}

/** What of the source is not brought over. */
export interface LeftOutOfTransfers {
  /** Folders in which nothing is, for which there are no objects. */
  readonly emptyFolders: number
  readonly names: readonly LeftOutName[]
}

const NOTHING_LEFT: LeftOutOfTransfers = { emptyFolders: 0, names: [] }

/** Which way the bytes of a command go, for what a person reads who stops it. */
export type TransferWay =
  | { readonly kind: 'up' }
  /** Where the parts of long objects lie, `in folder`; undefined where none are kept. */
  | { readonly kind: 'down'; readonly partsAt: string | undefined }
  | { readonly kind: 'within' }
  /** With a link to write. */
  | { readonly kind: 'given' }

/** Says what would be done, a line each, and what would be refused. */
export function printDryRun(
  context: CommandContext,
  transfers: readonly Transfer[],
  { same = 0, left = NOTHING_LEFT, deletions = [] }: TransferExtras,
): void {
  const { terminal } = context
  const refusals = transfers.flatMap(refusalOf)
  const isRefused = new Set(refusals.map(({ name }) => name))
  const transferred = transfers.map(({ name }) => name).filter((name) => !isRefused.has(name))
  // Nothing is deleted before all is there.
  const deleted = refusals.length > 0 ? [] : deletions.map(({ name }) => name)
  const failure = failureOf(refusals, transfers.length) ?? missingOf(left)
  if (failure !== undefined) context.exitWith(exitCodeOf(failure))
  if (terminal.isJson) {
    const failed = refusals.map(describeFailure)
    const error = failure === undefined ? {} : { error: errorFacts(failure) }
    terminal.out(toJson({ dryRun: true, transferred, deleted, same, ...leftFacts(left), failed, ...error }))
    return
  }
  for (const name of transferred) terminal.out(`would copy ${shownName(name)}`)
  for (const name of deleted) terminal.out(`would delete ${shownName(name)}`)
  for (const each of refusals) terminal.message(`would refuse ${shownFailure(each)}`)
  const besides = [refusals.length > 0 ? `${refusals.length} refused` : '', leftText(left)].filter(Boolean)
  const counts = [`${transferred.length} to copy`, `${deleted.length} to delete`, `${same} the same`, ...besides]
  terminal.message(`${counts.join(', ')}; nothing was done`)
  if (failure !== undefined) printError(terminal, failure)
}

function refusalOf({ name, check }: Transfer): readonly TransferFailure[] {
  try {
    check?.()
    return []
  } catch (error) {
    return [{ name, error: namedError(error) }]
  }
}

/** What is run, and how it is followed. */
export interface TransferRun {
  readonly transfers: readonly Transfer[]
  readonly progress: TransferProgress
  readonly signal: AbortSignal
  readonly way: TransferWay
}

/** Runs transfers, then deletions if all went well, and says what came of it. */
export async function runAndReport(
  context: CommandContext,
  { transfers, progress, signal, way }: TransferRun,
  { same = 0, left = NOTHING_LEFT, deletions = [] }: TransferExtras = {},
): Promise<void> {
  const { terminal } = context
  const failures = [...(await runTransfers(transfers, signal))]
  const transferred = transfers.length - failures.length
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
  if (signal.aborted) throw interrupted(way)
  const failure = failureOf(failures, transfers.length + deletions.length) ?? missingOf(left)
  if (failure !== undefined) context.exitWith(exitCodeOf(failure))
  if (terminal.isJson) {
    const error = failure === undefined ? {} : { error: errorFacts(failure) }
    const failed = failures.map(describeFailure)
    const { resumedBytes } = progress
    terminal.out(toJson({ transferred, deleted, same, ...leftFacts(left), resumedBytes, failed, ...error }))
    return
  }
  for (const each of failures.slice(0, FAILURES_SHOWN)) terminal.message(shownFailure(each))
  if (failures.length > FAILURES_SHOWN) terminal.message(`… and ${failures.length - FAILURES_SHOWN} more`)
  const besides = [deleted > 0 ? `${deleted} deleted` : '', same > 0 ? `${same} the same` : '', leftText(left)].filter(
    Boolean,
  )
  terminal.out([transferred === 0 ? '0 copied' : `${transferred} copied: ${rate}`, ...besides].join('; '))
  if (failure !== undefined) printError(terminal, failure)
}

function leftFacts({ emptyFolders, names }: LeftOutOfTransfers): Record<string, unknown> {
  return { emptyFolders, leftOut: names.map(({ name, reason }) => ({ name, reason })) }
}

function leftText({ emptyFolders, names }: LeftOutOfTransfers): string {
  const files = names.length === 0 ? '' : `${names.length} left out`
  const folders = `${emptyFolders} empty ${emptyFolders === 1 ? 'folder' : 'folders'} left out`
  return [files, emptyFolders === 0 ? '' : folders].filter(Boolean).join('; ')
}

/** Content that is not brought over, though nothing failed: which it is was said before. */
function missingOf({ names }: LeftOutOfTransfers): CliError | undefined {
  const missing = names.filter(({ isContent }) => isContent).length
  if (missing === 0) return undefined
  return new CliError(
    'CLI_TRANSFER_REFUSED',
    `${missing} could not be read and ${missing === 1 ? 'is' : 'are'} left out`,
    {
      next: 'Let this user read them, or give them names of UTF-8; what is to be left out: --exclude <pattern>',
    },
  )
}

/** What a person reads who stopped a transfer. */
export function interrupted(way: TransferWay): CliError {
  return new CliError('CLI_INTERRUPTED', 'interrupted', { next: nextOf(way) })
}

function nextOf(way: TransferWay): string {
  if (way.kind === 'within') return 'Run the same command again.'
  if (way.kind === 'given') return 'Run the same command again: a long file goes on where it stopped.'
  if (way.kind === 'up')
    return 'Run the same command again: a long file goes on where it stopped. See what is half-sent: stead ls --uploads; give it up: stead rm --uploads <object>'
  if (way.partsAt === undefined) return 'Run the same command again: it begins anew.'
  return `Run the same command again: a long object goes on where it stopped. Until then its part lies as ${PARTIAL_PREFIX}… ${shownName(way.partsAt)}; delete that file to give it up`
}

/** All of them as one error; which they are was said before. */
function failureOf(failures: readonly TransferFailure[], total: number): CliError | undefined {
  const [first] = failures
  if (first === undefined) return undefined
  const isFinal = failures.every(({ error }) => isSteadError(error) && !error.retryable)
  // Where it is not about names of files, what helps is what the first failure says.
  const isUnsafe = failures.every(({ error }) => hasCode(error, 'CLI_UNSAFE_NAME'))
  const next = isFinal && !isUnsafe && isSteadError(first.error) ? { next: first.error.next } : {}
  return new CliError(
    isFinal ? 'CLI_TRANSFER_REFUSED' : 'CLI_TRANSFER_FAILED',
    `${failures.length} of ${total} ${isFinal ? 'refused' : 'failed'}`,
    { cause: first.error, ...next },
  )
}
