import { hasCode, isSteadError, messageOf } from '@stead/core'
import { isAway } from '../patiently.ts'
import { namedError } from '../system-error.ts'
import { shownLine, shownName } from '../terminal/shown-name.ts'

/** One thing that is to be brought over. */
export interface Transfer {
  /** For people. */
  readonly name: string
  readonly lengthBytes: number
  /** Throws what `run` would refuse at once; does nothing. */
  check?(): void
  run(): Promise<void>
}

/** A transfer that failed. */
export interface TransferFailure {
  readonly name: string
  readonly error: unknown
}

/** Small ones at once: each waits for its own answer. */
const AT_ONCE_MAX = 8
/** Bytes of all that are under way, but for one that is longer: what a node holds of them in memory. */
const BYTES_MAX = 16 * 1024 * 1024

/**
 * Runs transfers, several small ones at once, in their order. One that fails does not keep the others from going on, unless
 * the node, or that of a link's owner, is away or the signal aborted: then no more are begun, and where a node is away all
 * those failed as well.
 */
export async function runTransfers(
  transfers: readonly Transfer[],
  signal: AbortSignal,
): Promise<readonly TransferFailure[]> {
  const failures: TransferFailure[] = []
  const running = new Set<Promise<void>>()
  let runningBytes = 0
  const away: unknown[] = []
  for (const transfer of transfers) {
    const { name, lengthBytes } = transfer
    while (running.size > 0 && (running.size >= AT_ONCE_MAX || runningBytes + lengthBytes > BYTES_MAX))
      await Promise.race(running)
    if (signal.aborted) break
    if (away.length > 0) {
      failures.push({ name, error: away[0] })
      continue
    }
    runningBytes += lengthBytes
    const work = transfer
      .run()
      .catch((thrown: unknown) => {
        const error = namedError(thrown)
        failures.push({ name, error })
        if (isAway(error) || hasCode(error, 'STORAGE_GRANT_AWAY')) away.push(error)
      })
      .finally(() => {
        runningBytes -= lengthBytes
        running.delete(work)
      })
    running.add(work)
  }
  await Promise.all(running)
  return failures
}

/** A failure for a program that keeps it: `a/b: why (CODE)`. */
export function describeFailure({ name, error }: TransferFailure): string {
  return `${name}: ${reasonOf(error)}`
}

/** The same for a person to read. */
export function shownFailure({ name, error }: TransferFailure): string {
  return `${shownName(name)}: ${shownLine(reasonOf(error))}`
}

function reasonOf(error: unknown): string {
  return `${messageOf(error)}${isSteadError(error) ? ` (${error.code})` : ''}`
}
