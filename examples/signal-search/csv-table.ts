import { SdkError } from '@stead/sdk/job'
import { parse } from 'csv-parse/sync'

/** One row of a table and where it stood. */
export interface CsvRow {
  /** Line of the file on which the row ends, from 1. */
  readonly line: number
  readonly cells: readonly string[]
}

/** A CSV file as text cells. */
export interface CsvTable {
  /** The file's name, for messages. */
  readonly name: string
  readonly columns: readonly string[]
  readonly rows: readonly CsvRow[]
}

/** Most rows of one file: the search takes time in proportion to their square. */
export const ROWS_MAX = 500_000
const RECORD_LENGTH_MAX = 1_048_576
const DELIMITERS = [',', ';', '\t', '|'] as const
/** First bytes of what people name .csv and is not. */
const FOREIGN: readonly (readonly [first: readonly number[], what: string])[] = [
  [[0x50, 0x4b, 0x03, 0x04], 'a spreadsheet or zip archive; save it as CSV'],
  [[0x1f, 0x8b], 'compressed; unpack it first'],
  [[0x25, 0x50, 0x44, 0x46], 'a PDF'],
]

/**
 * Reads a CSV file with a header line: comma, semicolon, tab or bar; quotes; any line ends; UTF-8, UTF-16 with a byte
 * order mark, or else Windows-1252. Lines that begin with # are comments.
 * @throws SdkError JOB_INPUT_EMPTY, JOB_INPUT_INVALID, JOB_TOO_LARGE
 */
export function readCsvTable(name: string, bytes: Uint8Array): CsvTable {
  const text = textOf(name, bytes)
  const head = text.split(/\r\n|\n|\r/, 2_000).find((line) => line.trim() !== '' && !line.startsWith('#'))
  if (head === undefined) throw new SdkError('JOB_INPUT_EMPTY', `${name} holds no data`, { details: { file: name } })
  const rows = parsedRows(name, text, delimiterOf(head))
  const header = rows.shift()
  if (header === undefined) throw new SdkError('JOB_INPUT_EMPTY', `${name} holds no data`, { details: { file: name } })
  const columns = header.cells.map((cell, index) => (cell === '' ? `column ${index + 1}` : cell))
  if (columns.every((column) => Number.isFinite(Number(column)))) {
    throw new SdkError(
      'JOB_INPUT_INVALID',
      `the first line of ${name} has only numbers: ${columns.join(', ').slice(0, 200)}`,
      {
        details: { file: name, line: header.line },
        next: 'Give the columns names in a first line, for example: time,value',
      },
    )
  }
  return { name, columns, rows }
}

function textOf(name: string, bytes: Uint8Array): string {
  for (const [first, what] of FOREIGN) {
    if (first.every((byte, index) => bytes[index] === byte)) throw notText(name, what)
  }
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8'
  let text: string
  try {
    text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    text = new TextDecoder('windows-1252').decode(bytes)
  }
  if (text.includes('\0')) throw notText(name, 'not text: it has zero bytes')
  return text
}

function notText(name: string, what: string): SdkError {
  return new SdkError('JOB_INPUT_INVALID', `${name} is ${what}`, { details: { file: name } })
}

/** The candidate that occurs most often outside quotes in the header. */
function delimiterOf(head: string): string {
  const bare = head.replaceAll(/"[^"]*"/g, '')
  const counts = DELIMITERS.map((delimiter) => bare.split(delimiter).length)
  return DELIMITERS[counts.indexOf(Math.max(...counts))] ?? ','
}

function parsedRows(name: string, text: string, delimiter: string): CsvRow[] {
  const rows: CsvRow[] = []
  try {
    parse(text, {
      delimiter,
      comment: '#',
      comment_no_infix: true,
      max_record_size: RECORD_LENGTH_MAX,
      relax_column_count: true,
      relax_quotes: true,
      skip_empty_lines: true,
      trim: true,
      on_record: (cells: string[], { lines }) => {
        if (rows.length > ROWS_MAX) throw tooManyRows(name)
        rows.push({ line: lines, cells })
        return undefined
      },
    })
  } catch (error) {
    if (error instanceof SdkError) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new SdkError('JOB_INPUT_INVALID', `${name} cannot be read as CSV: ${message}`, {
      cause: error,
      details: { file: name },
    })
  }
  return rows
}

function tooManyRows(name: string): SdkError {
  return new SdkError('JOB_TOO_LARGE', `${name} has more than ${ROWS_MAX} rows`, {
    details: { file: name, limitRows: ROWS_MAX },
    next: 'Average neighbouring rows, or split the file, and run the command again.',
  })
}
