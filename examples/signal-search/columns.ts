import { SdkError } from '@stead/sdk/job'
import { compactDateOf, type DateOrder, dateOf, isMissing, numberOf, undecidedDate } from './cells.ts'
import type { CsvTable } from './csv-table.ts'

/** What a column holds, and how each of its cells is read: to a number (days for dates), or undefined. */
export interface Column {
  readonly index: number
  readonly name: string
  readonly kind: 'date' | 'number' | 'text'
  readonly read: (cell: string) => number | undefined
}

/** Rows that are looked at to tell what a column holds; all rows are read the way that these say. */
const SAMPLE_ROWS = 2_000

/**
 * Looks at a column's cells and says what it holds. Reading a date that can be read in two ways, when `order` does not
 * say which, throws SdkError JOB_INPUT_INVALID.
 */
export function columnOf(table: CsvTable, index: number, order?: DateOrder): Column {
  const name = table.columns[index] ?? `column ${index + 1}`
  const cells: string[] = []
  for (const row of table.rows) {
    const cell = row.cells[index]
    if (cell !== undefined && !isMissing(cell)) cells.push(cell)
    if (cells.length === SAMPLE_ROWS) break
  }
  const share = (read: (cell: string) => number | undefined): number =>
    cells.length === 0 ? 0 : cells.filter((cell) => read(cell) !== undefined).length / cells.length

  if (share(compactDateOf) === 1) return { index, name, kind: 'date', read: compactDateOf }
  const point = (cell: string): number | undefined => numberOf(cell, false)
  const comma = (cell: string): number | undefined => numberOf(cell, true)
  const number = share(point) >= share(comma) ? point : comma
  if (share(number) > 0.5) return { index, name, kind: 'number', read: number }
  const isDate = share((cell) => dateOf(cell, 'dmy') ?? dateOf(cell, 'mdy')) > 0.5
  if (!isDate) return { index, name, kind: 'text', read: number }
  // Only a column that is used must be unambiguous.
  let decided = order
  const read = (cell: string): number | undefined => {
    decided ??= orderOf(table, index)
    return dateOf(cell, decided)
  }
  return { index, name, kind: 'date', read }
}

/** The index of the column with this name. @throws SdkError JOB_OPTION_INVALID listing the columns */
export function indexOfColumn(table: CsvTable, name: string, option: string): number {
  const exact = table.columns.indexOf(name)
  if (exact !== -1) return exact
  const loose = table.columns.findIndex((column) => column.toLowerCase() === name.toLowerCase())
  if (loose !== -1) return loose
  const columns = table.columns.slice(0, 50).join(', ')
  throw new SdkError('JOB_OPTION_INVALID', `${table.name} has no column ${JSON.stringify(name)}; it has: ${columns}`, {
    details: { file: table.name, option, have: table.columns.slice(0, 50) },
    next: `Name one of them: --${option} <column>`,
  })
}

/** Finds out from all rows which number of 03/04/2020 is the day. */
function orderOf(table: CsvTable, index: number): DateOrder {
  let firstMax = 0
  let secondMax = 0
  let example: string | undefined
  for (const row of table.rows) {
    const cell = row.cells[index] ?? ''
    const [first, second] = undecidedDate(cell) ?? [0, 0]
    if (first > 0) example ??= cell
    // Numbers above 31 are no days; such a cell is unreadable either way and must not decide.
    if (first <= 31) firstMax = Math.max(firstMax, first)
    if (second <= 31) secondMax = Math.max(secondMax, second)
  }
  if (example === undefined) return 'dmy'
  if (firstMax > 12 && secondMax <= 12) return 'dmy'
  if (secondMax > 12 && firstMax <= 12) return 'mdy'
  const why = firstMax > 12 ? 'some have a day first and some a month first' : 'either number could be the day'
  throw new SdkError('JOB_INPUT_INVALID', `dates like ${example} in ${table.name} are ambiguous: ${why}`, {
    details: { file: table.name, column: table.columns[index] ?? '', example },
    next: 'Say which: --date-order dmy (3 April is 03/04) or --date-order mdy (3 April is 04/03)',
  })
}
