import { CliError } from '../errors.ts'

/**
 * Does work that `signal` can end; what it fails with after that is the interruption, not a fault of its own.
 * @throws CliError CLI_INTERRUPTED with `message`, and the errors of the work
 */
export async function interruptible<T>(signal: AbortSignal, message: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!signal.aborted) throw cause
    throw new CliError('CLI_INTERRUPTED', message, { next: 'See: stead jobs', cause })
  }
}
