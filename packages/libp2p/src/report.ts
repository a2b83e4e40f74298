import { cleanPeerReport, type ErrorDetails, type PeerReport } from '@stead/core'
import { badFrame, REPORT_BYTES_MAX } from './frame.ts'

/**
 * A handler's error on the wire: UTF-8 JSON `{"code", "message", "retryable", "details"}`; a big integer among the
 * details is `{"big": "<decimal digits>"}`. JSON because it is rare, small, never signed, and read by people.
 */
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { fatal: true })
const BIG_PATTERN = /^-?[0-9]{1,80}$/

/** At most 8 KiB; details that would make it longer are left out as a whole. */
export function encodeReport(report: PeerReport): Uint8Array {
  const clean = cleanPeerReport(report)
  const bytes = toBytes(clean)
  return bytes.length <= REPORT_BYTES_MAX ? bytes : toBytes({ ...clean, details: {} })
}

function toBytes({ code, message, retryable, details }: PeerReport): Uint8Array {
  const text = JSON.stringify({ code, message, retryable, details }, (_key, value: unknown) =>
    typeof value === 'bigint' ? { big: value.toString() } : value,
  )
  return encoder.encode(text)
}

/** @throws CoreError NETWORK_BAD_MESSAGE */
export function decodeReport(bytes: Uint8Array): PeerReport {
  let value: unknown
  try {
    value = JSON.parse(decoder.decode(bytes))
  } catch {
    throw badFrame('a report frame is not JSON')
  }
  if (!isRecord(value)) throw badFrame('a report frame is not an object')
  const { code, message, retryable, details } = value
  if (typeof code !== 'string' || typeof message !== 'string' || typeof retryable !== 'boolean' || !isRecord(details)) {
    throw badFrame('a report frame lacks code, message, retryable or details')
  }
  return cleanPeerReport({ code, message, retryable, details: decodeDetails(details) })
}

function decodeDetails(record: Record<string, unknown>): ErrorDetails {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, decodeValue(value)]))
}

function decodeValue(value: unknown): ErrorDetails[string] {
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value
  if (Array.isArray(value)) return value.filter((item) => typeof item === 'string')
  if (isRecord(value) && typeof value.big === 'string' && BIG_PATTERN.test(value.big)) return BigInt(value.big)
  return undefined
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
