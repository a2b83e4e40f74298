import { CoreError, type CoreErrorCode, isSteadError, messageOf } from '@stead/core'

/** SQLite's primary result codes that mean something to a person; all others are STORE_FAILED. */
const codeOfResult: ReadonlyMap<number, CoreErrorCode> = new Map([
  [5, 'STORE_LOCKED'],
  [6, 'STORE_LOCKED'],
  [11, 'STORE_CORRUPT'],
  [13, 'STORE_FULL'],
  [26, 'STORE_CORRUPT'],
])

const sentenceOfCode: Readonly<Partial<Record<CoreErrorCode, string>>> = {
  STORE_LOCKED: 'another process uses the store',
  STORE_CORRUPT: 'the store is damaged',
  STORE_FULL: 'the disk is full; nothing was written',
  STORE_FAILED: 'the disk refused a read or write',
}

/** Which of the store's codes an error of SQLite or of the file system means. */
function codeOf(error: unknown): CoreErrorCode {
  if (typeof error !== 'object' || error === null) return 'STORE_FAILED'
  // The low byte is the primary code; the rest says where in SQLite it came from.
  if ('errcode' in error && typeof error.errcode === 'number')
    return codeOfResult.get(error.errcode & 0xff) ?? 'STORE_FAILED'
  if ('code' in error && (error.code === 'ENOSPC' || error.code === 'EDQUOT')) return 'STORE_FULL'
  return 'STORE_FAILED'
}

/** The typed error for anything that SQLite or the file system threw; Stead's own errors pass unchanged. */
export function storeError(error: unknown, path: string): CoreError {
  if (error instanceof CoreError) return error
  const code = isSteadError(error) ? 'STORE_FAILED' : codeOf(error)
  return new CoreError(code, `${sentenceOfCode[code]}: ${path} (${messageOf(error)})`, {
    details: { path },
    cause: error,
  })
}
