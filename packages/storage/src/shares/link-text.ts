import { concatBytes, equalBytes, sha256 } from '@stead/protocol'
import { base64url } from 'multiformats/bases/base64'
import { StorageError } from '../errors.ts'

/** How one kind of link is told from all others. */
export interface LinkKind {
  /** What each begins with: letters and colons. */
  readonly scheme: string
  /** What its checksum is of, besides the row. */
  readonly domain: string
}

const CHECKSUM_BYTES = 4
const LINK_LENGTH_MAX = 4096
const NOT_WHOLE = 'the link is not whole: something of it was lost or changed'

/** A row as text: letters, digits, `-`, `_` and two colons. */
export function linkText(kind: LinkKind, row: Uint8Array): string {
  return kind.scheme + base64url.encode(concatBytes(row, checksumOf(kind, row)))
}

/** The row of a link. @throws StorageError STORAGE_BAD_LINK, which never repeats the link */
export function linkRow(kind: LinkKind, text: string): Uint8Array {
  const trimmed = text.trim()
  if (!trimmed.startsWith(kind.scheme) || trimmed.length > LINK_LENGTH_MAX)
    throw new StorageError('STORAGE_BAD_LINK', `a link of this kind begins with ${kind.scheme}`)
  const bytes = decoded(trimmed.slice(kind.scheme.length))
  const row = bytes.subarray(0, Math.max(0, bytes.length - CHECKSUM_BYTES))
  if (row.length === 0 || !equalBytes(bytes.subarray(row.length), checksumOf(kind, row)))
    throw new StorageError('STORAGE_BAD_LINK', NOT_WHOLE)
  return row
}

/** What a row says, by whoever knows its form. @throws StorageError STORAGE_BAD_LINK */
export function rowRead<Row extends { readonly expiresAt?: number }>(read: () => Row): Row {
  try {
    const row = read()
    // A time that no clock shows is no time.
    if (row.expiresAt !== undefined) new Date(row.expiresAt).toISOString()
    return row
  } catch {
    throw new StorageError('STORAGE_BAD_LINK', 'the link was made by a newer version, or is none')
  }
}

function decoded(text: string): Uint8Array {
  try {
    return base64url.decode(text)
  } catch {
    const isCut = /^[\w-]*$/.test(text)
    throw new StorageError('STORAGE_BAD_LINK', isCut ? NOT_WHOLE : 'the link has letters that no link has')
  }
}

function checksumOf({ domain }: LinkKind, row: Uint8Array): Uint8Array {
  return sha256(concatBytes(new TextEncoder().encode(domain), row)).subarray(0, CHECKSUM_BYTES)
}
