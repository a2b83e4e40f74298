/**
 * Whose fault an error is: `user` gave something wrong and can mend it, `peer` sent or did something wrong, `system`
 * is this machine, the chain or the network failing.
 */
export type ErrorKind = 'user' | 'peer' | 'system'

/** What one error code means; the rows of docs/errors.md. */
export interface ErrorDefinition {
  readonly kind: ErrorKind
  /** True when the same call can succeed later without a change by the caller. */
  readonly retryable: boolean
  /** One sentence for a person: what the code means. */
  readonly meaning: string
  /** What to do about it, an exact command where there is one. */
  readonly next: string
}

/** All error codes of one package, each with its meaning. */
export type ErrorCatalog<Code extends string = string> = Readonly<Record<Code, ErrorDefinition>>

/** Facts of one occurrence: numbers carry their unit in the key (`needMicroUsd`, `limitBytes`). */
export type ErrorDetails = Readonly<Record<string, string | number | bigint | boolean | readonly string[] | undefined>>

/** What may accompany an error. */
export interface SteadErrorOptions {
  readonly details?: ErrorDetails
  readonly cause?: unknown
  /** Overrides the catalogue's advice with an exact command. */
  readonly next?: string
}

/** Base of all errors that Stead throws; recognise one with {@link isSteadError}, not `instanceof`. */
export class SteadError<Code extends string = string> extends Error {
  readonly code: Code
  readonly kind: ErrorKind
  readonly retryable: boolean
  readonly next: string
  readonly details: ErrorDetails
  /** The brand; present on errors from every copy of this module. */
  readonly isSteadError: true = true

  /** @param message what happened, with its numbers, as one sentence without a full stop */
  constructor(catalog: ErrorCatalog<Code>, code: Code, message: string, options: SteadErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    const definition: ErrorDefinition = catalog[code]
    this.name = code
    this.code = code
    this.kind = definition.kind
    this.retryable = definition.retryable
    this.next = options.next ?? definition.next
    this.details = options.details ?? {}
  }
}

/** True for an error of any Stead package, also one from another copy of this module. */
export function isSteadError(error: unknown): error is SteadError {
  return typeof error === 'object' && error !== null && 'isSteadError' in error
}

/** True for a Stead error with this code. */
export function hasCode<Code extends string>(error: unknown, code: Code): error is SteadError<Code> {
  return isSteadError(error) && error.code === code
}

/** The one-line text of anything that was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Codes of {@link CoreError}: the ports' own failures, the same from every adapter. */
export type CoreErrorCode =
  | 'CORE_ABORTED'
  | 'CORE_STOPPED'
  | 'NETWORK_TIMEOUT'
  | 'NETWORK_UNREACHABLE'
  | 'NETWORK_TOO_LARGE'
  | 'NETWORK_BUSY'
  | 'NETWORK_UNSUPPORTED'
  | 'NETWORK_BAD_MESSAGE'
  | 'NETWORK_REMOTE'
  | 'STORE_FULL'
  | 'STORE_CORRUPT'
  | 'STORE_LOCKED'
  | 'STORE_FAILED'

/** What each code of this package means. */
export const coreErrorCatalog: ErrorCatalog<CoreErrorCode> = {
  CORE_ABORTED: {
    kind: 'user',
    retryable: true,
    meaning: 'The operation was cancelled before it finished.',
    next: 'Run it again when you want it to finish.',
  },
  CORE_STOPPED: {
    kind: 'system',
    retryable: true,
    meaning: 'The component was used before it was started or after it was stopped.',
    next: 'Start the node again: stead up',
  },
  NETWORK_TIMEOUT: {
    kind: 'peer',
    retryable: true,
    meaning: 'A peer did not answer in time.',
    next: 'See who answers: stead peers',
  },
  NETWORK_UNREACHABLE: {
    kind: 'peer',
    retryable: true,
    meaning: 'A peer could not be reached, or its connection closed before the answer.',
    next: 'See who answers: stead peers',
  },
  NETWORK_TOO_LARGE: {
    kind: 'user',
    retryable: false,
    meaning: 'A message is larger than its protocol allows.',
    next: 'Send less at once, or name the data by its content id.',
  },
  NETWORK_BUSY: {
    kind: 'peer',
    retryable: true,
    meaning: 'A peer has reached its limit of requests in flight.',
    next: 'Wait a moment; placement uses another node meanwhile.',
  },
  NETWORK_UNSUPPORTED: {
    kind: 'peer',
    retryable: false,
    meaning: 'A peer does not speak this protocol or version.',
    next: 'Ask its operator to update, or choose another node.',
  },
  NETWORK_BAD_MESSAGE: {
    kind: 'peer',
    retryable: false,
    meaning: 'A peer sent bytes that its protocol does not allow; its connection was closed.',
    next: 'Nothing to do; the peer is avoided for a while.',
  },
  NETWORK_REMOTE: {
    kind: 'peer',
    retryable: false,
    meaning: 'A peer refused the request; the details carry its own code.',
    next: 'Read the remote code and message.',
  },
  STORE_FULL: {
    kind: 'system',
    retryable: true,
    meaning: 'The disk is full; nothing was written and nothing was lost.',
    next: 'Free some space in the data directory, then run: stead doctor',
  },
  STORE_CORRUPT: {
    kind: 'system',
    retryable: false,
    meaning: 'The store on disk is damaged.',
    next: 'Keep a copy of the data directory, then run: stead doctor',
  },
  STORE_LOCKED: {
    kind: 'user',
    retryable: true,
    meaning: 'Another process uses the same data directory.',
    next: 'Stop the other node, or choose another one: --data-dir <path>',
  },
  STORE_FAILED: {
    kind: 'system',
    retryable: true,
    meaning: 'The disk refused a read or write.',
    next: 'Check the disk, then run: stead doctor',
  },
}

/** Failures of the ports, thrown by every adapter alike. */
export class CoreError extends SteadError<CoreErrorCode> {
  constructor(code: CoreErrorCode, message: string, options: SteadErrorOptions = {}) {
    super(coreErrorCatalog, code, message, options)
  }
}
