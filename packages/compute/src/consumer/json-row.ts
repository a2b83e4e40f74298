import { ComputeError } from '../errors.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** A row of our own journal as JSON. Bigints must have been made digits before. */
export function encodeRow(value: object): Uint8Array {
  return encoder.encode(JSON.stringify(value))
}

/** Reads a row that {@link encodeRow} wrote. @throws ComputeError COMPUTE_JOURNAL when it is damaged */
export function decodeRow<Row extends object>(bytes: Uint8Array): Row {
  let row: unknown
  try {
    row = JSON.parse(decoder.decode(bytes))
  } catch (cause) {
    throw new ComputeError('COMPUTE_JOURNAL', 'a row of the journal is not what this program wrote', { cause })
  }
  if (typeof row === 'object' && row !== null) return row as Row
  throw new ComputeError('COMPUTE_JOURNAL', 'a row of the journal is not what this program wrote')
}
