import { isSteadError } from '@stead/core'
import { CliError, type CliErrorCode } from './errors.ts'

const CODES: Readonly<Record<string, CliErrorCode>> = {
  ENOSPC: 'CLI_DISK_FULL',
  EDQUOT: 'CLI_DISK_FULL',
  EACCES: 'CLI_FILE_REFUSED',
  EPERM: 'CLI_FILE_REFUSED',
  EROFS: 'CLI_FILE_REFUSED',
}

/**
 * What the system says of a file, a folder or a disk, as an error that tells a person what to do; everything else as it is.
 */
export function namedError(error: unknown): unknown {
  if (isSteadError(error) || !isSystemError(error)) return error
  const { path } = error
  const place = path === undefined || error.message.includes(path) ? '' : ` (${path})`
  return new CliError(CODES[error.code] ?? 'CLI_FILE_FAILED', `${error.message}${place}`, {
    details: { systemCode: error.code, path },
    cause: error,
  })
}

interface SystemError extends Error {
  readonly code: string
  readonly syscall: string
  readonly path?: string
}

/** Calls that are not about files. */
const OTHER_CALLS = /^(accept|bind|connect|getaddrinfo|kill|listen|spawn)/

function isSystemError(error: unknown): error is SystemError {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) return false
  return typeof error.code === 'string' && typeof error.syscall === 'string' && !OTHER_CALLS.test(error.syscall)
}
