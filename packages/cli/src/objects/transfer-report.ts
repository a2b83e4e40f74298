import { hasCode, isSteadError } from '@stead/core'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { namedError } from '../system-error.ts'
import { errorFacts, printError } from '../terminal/print-error.ts'
import { shownName } from '../terminal/shown-name.ts'
import { toJson } from '../terminal/terminal.ts'
import { type LeftOutName, NOT_UTF8 } from './local-files.ts'
import { PARTIAL_PREFIX } from './safe-folder.ts'
import { describeFailure, runTransfers, shownFailure, type Transfer, type TransferFailure } from './transfer-pool.ts'
import type { TransferProgress } from './transfer-progress.ts'

const FAILURES_SHOWN = 20

/** What is done besides transfers, and what was found not to be needed. */
export interface TransferExtras {
  readonly same?: number
  readonly left?: LeftOutOfTransfers
  /** Done before the transfers, one after the other: what is in their way. */
  readonly first?: readonly Deletion[]
  /** Done when all transfers went well: what the source does not have. */
  readonly deletions?: readonly Deletion[]
}

/** One thing that is to be deleted. */
export interface Deletion {
  /** For people. */
  readonly name: string
  run(): Promise<void>
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
  { same = 0, left = NOTHING_LEFT, first = [], deletions = [] }: TransferExtras,
): void {
  const { terminal } = context
  const refusals = transfers.flatMap(refusalOf)
  const isRefused = new Set(refusals.map(({ name }) => name))
  const toCopy = transfers.map(({ name }) => name).filter((name) => !isRefused.has(name))
  // Nothing is deleted before all is there, but for what is in the way.
  const deleted = refusals.length > 0 ? first : [...first, ...deletions]
  const toDelete = deleted.map(({ name }) => name)
  const notDeleted = first.length + deletions.length - toDelete.length
  const failure = failureOf(refusals, transfers.length) ?? missingOf(left)
  if (failure !== undefined) context.exitWith(exitCodeOf(failure))
  if (terminal.isJson) {
    const counts = { transferred: toCopy.length, deleted: toDelete.length, notDeleted, same }
    const failed = refusals.map(describeFailure)
    const error = failure === undefined ? {} : { error: errorFacts(failure) }
    terminal.out(toJson({ dryRun: true, ...counts, toCopy, toDelete, ...leftFacts(left), failed, ...error }))
    return
  }
  for (const name of toCopy) terminal.out(`would copy ${shownName(name)}`)
  for (const name of toDelete) terminal.out(`would delete ${shownName(name)}`)
  for (const each of refusals) terminal.message(`would refuse ${shownFailure(each)}`)
  const besides = [
    refusals.length > 0 ? `${refusals.length} refused` : '',
    keptText('not to delete', notDeleted),
    leftText(left),
  ]
  const counts = [`${toCopy.length} to copy`, `${toDelete.length} to delete`, `${same} the same`, ...besides]
  terminal.message(`${counts.filter(Boolean).join(', ')}; nothing was done`)
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
  extras: TransferExtras = {},
): Promise<void> {
  const { same = 0, left = NOTHING_LEFT, first = [], deletions = [] } = extras
  const { terminal } = context
  const { transferred, deleted, failures } = await runAll(transfers, { first, deletions }, signal)
  const notDeleted = first.length + deletions.length - deleted
  const rate = progress.end()
  if (signal.aborted) throw interrupted(way)
  const failure = failureOf(failures, transfers.length + first.length + deletions.length) ?? missingOf(left)
  if (failure !== undefined) context.exitWith(exitCodeOf(failure))
  if (terminal.isJson) {
    const error = failure === undefined ? {} : { error: errorFacts(failure) }
    const failed = failures.map(describeFailure)
    const { resumedBytes } = progress
    const counts = { transferred, deleted, notDeleted, same }
    terminal.out(toJson({ ...counts, ...leftFacts(left), resumedBytes, failed, ...error }))
    return
  }
  for (const each of failures.slice(0, FAILURES_SHOWN)) terminal.message(shownFailure(each))
  if (failures.length > FAILURES_SHOWN) terminal.message(`… and ${failures.length - FAILURES_SHOWN} more`)
  const copied = transferred === 0 ? '0 copied' : `${transferred} copied: ${rate}`
  const besides = [
    deleted > 0 ? `${deleted} deleted` : '',
    keptText('not deleted', notDeleted),
    same > 0 ? `${same} the same` : '',
  ]
  terminal.out([copied, ...besides, leftText(left)].filter(Boolean).join('; '))
  if (failure !== undefined) printError(terminal, failure)
}

/** What came of transfers and deletions. */
interface Done {
  readonly transferred: number
  readonly deleted: number
  readonly failures: readonly TransferFailure[]
}

async function runAll(
  transfers: readonly Transfer[],
  { first, deletions }: Required<Pick<TransferExtras, 'first' | 'deletions'>>,
  signal: AbortSignal,
): Promise<Done> {
  const inTheWay: TransferFailure[] = []
  for (const each of first) inTheWay.push(...(await runTransfers([{ ...each, lengthBytes: 0 }], signal)))
  const failed = await runTransfers(transfers, signal)
  const failures = [...inTheWay, ...failed]
  const transferred = transfers.length - failed.length
  const cleared = first.length - inTheWay.length
  if (failures.length > 0 || signal.aborted) return { transferred, deleted: cleared, failures }
  const kept = await runTransfers(
    deletions.map((each) => ({ ...each, lengthBytes: 0 })),
    signal,
  )
  return { transferred, deleted: cleared + deletions.length - kept.length, failures: kept }
}

function keptText(what: string, count: number): string {
  return count === 0 ? '' : `${count} ${what}, because something was refused or failed`
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
  const missing = names.filter(({ isContent }) => isContent)
  if (missing.length === 0) return undefined
  const misnamed = missing.filter(({ reason }) => reason === NOT_UTF8).length
  const unread = missing.length - misnamed
  const whys = [
    unread === 0 ? '' : `${unread} could not be read`,
    misnamed === 0 ? '' : `${misnamed} ${misnamed === 1 ? 'has a name that is' : 'have names that are'} not UTF-8`,
  ]
  const remedies = [
    unread === 0 ? '' : 'Let this user read what could not be read',
    misnamed === 0 ? '' : 'Give other names, of UTF-8, to what has none',
    'what is to be left out: --exclude <pattern>',
  ]
  const what = whys.filter(Boolean).join(' and ')
  return new CliError('CLI_TRANSFER_REFUSED', `${what}, and ${missing.length === 1 ? 'is' : 'are'} left out`, {
    next: remedies.filter(Boolean).join('; '),
  })
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
  const helpful = isUnsafe ? failures.find(isInTheWay) : first
  const next = isFinal && isSteadError(helpful?.error) ? { next: helpful.error.next } : {}
  return new CliError(
    isFinal ? 'CLI_TRANSFER_REFUSED' : 'CLI_TRANSFER_FAILED',
    `${failures.length} of ${total} ${isFinal ? 'refused' : 'failed'}`,
    { cause: first.error, ...next },
  )
}

/** Whether something that is there could go, so that a name could be one of a file. */
function isInTheWay({ error }: TransferFailure): boolean {
  return hasCode(error, 'CLI_UNSAFE_NAME') && error.details.inTheWay !== undefined
}
