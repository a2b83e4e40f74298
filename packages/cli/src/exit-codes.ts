import type { SteadError } from '@stead/core'

/** What the shell is told; the numbers are part of the command's interface. */
export const exitCodes = {
  ok: 0,
  error: 1,
  usage: 2,
  retryable: 5,
  placement: 6,
  jobFailed: 7,
  limitReached: 8,
  auditMismatch: 9,
  interrupted: 130,
} as const

/** One of {@link exitCodes}. */
export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes]

const CODES: Readonly<Record<string, ExitCode>> = {
  CLI_USAGE: exitCodes.usage,
  MARKET_PURSE_FOREIGN: exitCodes.usage,
  NODE_CONFIG_INVALID: exitCodes.usage,
  NODE_CONFIG_UNREADABLE: exitCodes.usage,
  CLI_NO_PROVIDERS: exitCodes.placement,
  CLI_JOB_FAILED: exitCodes.jobFailed,
  CLI_TEST_FAILED: exitCodes.jobFailed,
  CLI_LIMIT_REACHED: exitCodes.limitReached,
  CLI_AUDIT_MISMATCH: exitCodes.auditMismatch,
  CLI_INTERRUPTED: exitCodes.interrupted,
  CORE_ABORTED: exitCodes.interrupted,
}

/** The exit code of an error: its own where it has one, else whether trying again can help. */
export function exitCodeOf(error: SteadError): ExitCode {
  return CODES[error.code] ?? (error.retryable ? exitCodes.retryable : exitCodes.error)
}
