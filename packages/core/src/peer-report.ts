import { CoreError, type ErrorDetails, type SteadError } from './errors.ts'
import type { PeerId } from './units.ts'

/** What a requester is told about a handler that threw; small enough to send, without anything but what was meant for it. */
export interface PeerReport {
  /** The error's code, 1 .. 64 of `A-Z0-9_`. */
  readonly code: string
  /** At most 1000 characters. */
  readonly message: string
  readonly retryable: boolean
  /** At most 32 entries, keys of 1 .. 64 letters and digits. */
  readonly details: ErrorDetails
}

/** Stands for an error that is not a Stead error: the requester learns that it failed, never its text. */
export const internalPeerReport: PeerReport = {
  code: 'PEER_INTERNAL',
  message: 'the peer failed while it worked on the request',
  retryable: true,
  details: {},
}

const CODE_PATTERN = /^[A-Z0-9_]{1,64}$/
const KEY_PATTERN = /^[A-Za-z][A-Za-z0-9]{0,63}$/
const TEXT_LENGTH_MAX = 1000
const DETAILS_MAX = 32
const LIST_LENGTH_MAX = 32

/** Cuts an error down to what may be sent to a peer; what does not fit the limits is left out. */
export function peerReportOf(error: SteadError): PeerReport {
  return cleanPeerReport(error)
}

/** Enforces the limits of {@link PeerReport} on a report from anywhere, a hostile peer included. */
export function cleanPeerReport(report: PeerReport): PeerReport {
  const details: Record<string, ErrorDetails[string]> = {}
  let count = 0
  for (const [key, value] of Object.entries(report.details)) {
    if (count === DETAILS_MAX) break
    const clean = KEY_PATTERN.test(key) ? cleanValue(value) : undefined
    if (clean === undefined) continue
    details[key] = clean
    count += 1
  }
  return {
    code: CODE_PATTERN.test(report.code) ? report.code : internalPeerReport.code,
    message: report.message.slice(0, TEXT_LENGTH_MAX),
    retryable: report.retryable,
    details,
  }
}

function cleanValue(value: ErrorDetails[string]): ErrorDetails[string] {
  if (typeof value === 'string') return value.slice(0, TEXT_LENGTH_MAX)
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined
  if (typeof value === 'bigint' || typeof value === 'boolean') return value
  if (!Array.isArray(value)) return undefined
  return value.slice(0, LIST_LENGTH_MAX).map((item: unknown) => String(item).slice(0, TEXT_LENGTH_MAX))
}

/** The error that a requester gets for a report: NETWORK_REMOTE with every detail under a key that begins with `remote`. */
export function remoteErrorOf(peer: PeerId, report: PeerReport): CoreError {
  const clean = cleanPeerReport(report)
  const details: Record<string, ErrorDetails[string]> = { peer }
  for (const [key, value] of Object.entries(clean.details)) {
    details[`remote${key.charAt(0).toUpperCase()}${key.slice(1)}`] = value
  }
  // Written last, so that a peer's own `code` or `message` detail cannot stand in for them.
  details.remoteCode = clean.code
  details.remoteMessage = clean.message
  details.remoteRetryable = clean.retryable
  return new CoreError('NETWORK_REMOTE', `the peer refused: ${clean.message}`, { details })
}
