import type { ScanRange, StoreOperation } from './store.ts'

const TABLE_PATTERN = /^[a-z][a-z0-9-]{0,63}$/
const ASCII_PATTERN = /^[ -~]*$/
/** Longest key of a store, in bytes of UTF-8. */
export const storeKeyBytesMax: number = 512
/** Largest value of a store. */
export const storeValueBytesMax: number = 64 * 1024 * 1024

/** Bytes that well-formed text takes in UTF-8. */
function utf8Bytes(text: string): number {
  if (ASCII_PATTERN.test(text)) return text.length
  let bytes = 0
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0
    bytes += point < 0x80 ? 1 : point < 0x800 ? 2 : point < 0x1_0000 ? 3 : 4
  }
  return bytes
}

/** Refuses a table name that no store may have. @throws RangeError */
export function checkStoreTable(table: string): void {
  if (!TABLE_PATTERN.test(table))
    throw new RangeError(`a store table is named [a-z][a-z0-9-]{0,63}, not ${JSON.stringify(table.slice(0, 80))}`)
}

/** Refuses a key that no store may have: empty, longer than 512 bytes, or with a lone surrogate. @throws RangeError */
export function checkStoreKey(key: string): void {
  const bytes = key.length > storeKeyBytesMax ? key.length : utf8Bytes(key)
  if (bytes < 1 || bytes > storeKeyBytesMax)
    throw new RangeError(`a store key is 1 .. ${storeKeyBytesMax} bytes of UTF-8, not ${bytes}`)
  if (!key.isWellFormed()) throw new RangeError(`a store key is well-formed Unicode, not ${JSON.stringify(key)}`)
}

/** Refuses a batch that no store may take, so that every adapter draws the same line. @throws RangeError */
export function checkStoreBatch(batch: readonly StoreOperation[]): void {
  for (const operation of batch) {
    checkStoreTable(operation.table)
    checkStoreKey(operation.key)
    if (operation.kind === 'put' && operation.value.length > storeValueBytesMax)
      throw new RangeError(`a store value is 0 .. ${storeValueBytesMax} bytes, not ${operation.value.length}`)
  }
}

/** Refuses a range that no store can scan: text with lone surrogates, or a limit that is not a whole number. @throws RangeError */
export function checkScanRange(range: ScanRange): void {
  for (const bound of [range.prefix, range.after, range.before])
    if (bound !== undefined && !bound.isWellFormed())
      throw new RangeError(`a scan's bounds are well-formed Unicode, not ${JSON.stringify(bound.slice(0, 80))}`)
  if (range.limit !== undefined && (!Number.isSafeInteger(range.limit) || range.limit < 0))
    throw new RangeError(`a scan's limit is a whole number of rows, not ${range.limit}`)
}
