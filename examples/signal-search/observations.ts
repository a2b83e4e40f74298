import { SdkError } from '@stead/sdk/job'
import { DATE_FORMATS, type DateOrder, isMissing } from './cells.ts'
import { type Column, columnOf, indexOfColumn } from './columns.ts'
import type { CsvRow, CsvTable } from './csv-table.ts'

/** How long one unit of a numeric time column is, in days. */
export const TIME_UNIT_DAYS: Readonly<Record<TimeUnit, number>> = {
  milliseconds: 1 / 86_400_000,
  seconds: 1 / 86_400,
  minutes: 1 / 1_440,
  hours: 1 / 24,
  days: 1,
  years: 365.25,
}

/** Units of a numeric time column. */
export type TimeUnit = 'milliseconds' | 'seconds' | 'minutes' | 'hours' | 'days' | 'years'

/** Which columns to read, and how. */
export interface ColumnChoice {
  readonly time?: string
  readonly value?: string
  /** Column of standard errors; weights are 1/error^2. */
  readonly uncertainty?: string
  readonly dateOrder?: DateOrder
  readonly timeUnit?: TimeUnit
}

/** A series of observations in ascending order of time, each time once. */
export interface Observations {
  /** `file:column`. */
  readonly name: string
  /** Days: since 1970 for dates, of the column's own zero for numbers. */
  readonly times: Float64Array
  readonly values: Float64Array
  /** Weights by uncertainty; all 1 without. */
  readonly weights: Float64Array
  readonly isDated: boolean
  /** What the user should know, a sentence each: choices made, rows left out. */
  readonly notices: readonly string[]
}

/** Fewest usable rows: a trend and a sinusoid have up to five parameters, and some rows must be left to contradict them. */
export const ROWS_MIN = 10
const SKIPPED_NAMED_MAX = 10

/**
 * Picks time and value out of a table: the named columns, or the first date or number column and the next numeric one.
 * Rows that cannot be read are counted and named in the notices.
 * @throws SdkError JOB_OPTION_INVALID, JOB_INPUT_INVALID, JOB_INPUT_EMPTY
 */
export function readObservations(table: CsvTable, choice: ColumnChoice): Observations {
  const time = timeColumn(table, choice)
  const value = valueColumn(table, choice, time)
  const uncertainty =
    choice.uncertainty === undefined
      ? undefined
      : columnOf(table, indexOfColumn(table, choice.uncertainty, 'uncertainty'))
  const { points, skipped } = readPoints(table.rows, { time, value, uncertainty })
  const notices = [
    `${table.name}: time is column ${JSON.stringify(time.name)}, value is column ${JSON.stringify(value.name)}`,
  ]
  if (skipped.length > 0) notices.push(describeSkipped(table, skipped))
  checkEnough(table, points.length, skipped.length)
  const unit = time.kind === 'date' ? 'days' : (choice.timeUnit ?? guessUnit(time.name, points))
  if (time.kind === 'number') {
    const why = choice.timeUnit === undefined ? '; another unit: --time-unit' : ''
    notices.push(`${table.name}: times are numbers and were taken as ${unit}${why}`)
  }
  const merged = mergeEqualTimes(points)
  if (merged.length < points.length) {
    notices.push(
      `${table.name}: ${points.length - merged.length} rows have the time of another row and were averaged with it`,
    )
  }
  checkEnough(table, merged.length, skipped.length)
  const values = Float64Array.from(merged, (point) => point.value)
  if (values.every((each) => each === values[0])) {
    throw new SdkError(
      'JOB_INPUT_INVALID',
      `all ${values.length} values of ${JSON.stringify(value.name)} in ${table.name} are equal: ${values[0]}`,
      {
        details: { file: table.name, column: value.name },
        next: 'Choose a column that varies: --value <column>',
      },
    )
  }
  return {
    name: `${table.name}:${value.name}`,
    times: Float64Array.from(merged, (point) => point.time * TIME_UNIT_DAYS[unit]),
    values,
    weights: Float64Array.from(merged, (point) => point.weight),
    isDated: time.kind === 'date',
    notices,
  }
}

interface Point {
  readonly time: number
  readonly value: number
  readonly weight: number
}

interface Columns {
  readonly time: Column
  readonly value: Column
  readonly uncertainty: Column | undefined
}

function timeColumn(table: CsvTable, choice: ColumnChoice): Column {
  if (choice.time !== undefined) {
    const column = columnOf(table, indexOfColumn(table, choice.time, 'time'), choice.dateOrder)
    if (column.kind !== 'text') return column
    throw new SdkError(
      'JOB_INPUT_INVALID',
      `column ${JSON.stringify(column.name)} of ${table.name} has neither dates nor numbers`,
      {
        details: { file: table.name, column: column.name, example: table.rows[0]?.cells[column.index] ?? '' },
        next: `Dates that are understood: ${DATE_FORMATS}`,
      },
    )
  }
  for (let index = 0; index < table.columns.length; index++) {
    const column = columnOf(table, index, choice.dateOrder)
    if (column.kind !== 'text') return column
  }
  throw new SdkError(
    'JOB_INPUT_INVALID',
    `${table.name} has no column of dates or numbers among: ${table.columns.slice(0, 50).join(', ')}`,
    {
      details: { file: table.name },
      next: `Dates that are understood: ${DATE_FORMATS}`,
    },
  )
}

function valueColumn(table: CsvTable, choice: ColumnChoice, time: Column): Column {
  if (choice.value !== undefined) {
    const column = columnOf(table, indexOfColumn(table, choice.value, 'value'), choice.dateOrder)
    if (column.kind === 'number') return column
    throw new SdkError(
      'JOB_INPUT_INVALID',
      `column ${JSON.stringify(column.name)} of ${table.name} does not hold numbers`,
      {
        details: { file: table.name, column: column.name },
        next: 'Choose a numeric column: --value <column>',
      },
    )
  }
  for (let index = time.index + 1; index < table.columns.length; index++) {
    const column = columnOf(table, index, choice.dateOrder)
    if (column.kind === 'number') return column
  }
  throw new SdkError(
    'JOB_INPUT_INVALID',
    `${table.name} has no numeric column after ${JSON.stringify(time.name)} among: ${table.columns.slice(0, 50).join(', ')}`,
    {
      details: { file: table.name },
      next: 'Name both: --time <column> --value <column>',
    },
  )
}

function readPoints(
  rows: readonly CsvRow[],
  columns: Columns,
): { readonly points: Point[]; readonly skipped: readonly string[] } {
  const points: Point[] = []
  const skipped: string[] = []
  for (const row of rows) {
    const point = pointOf(row, columns)
    if (typeof point === 'string') skipped.push(`line ${row.line}: ${point}`)
    else points.push(point)
  }
  return { points, skipped }
}

/** The row's point, or why it has none. */
function pointOf(row: CsvRow, { time, value, uncertainty }: Columns): Point | string {
  const at = cellOf(row, time)
  if (typeof at === 'string') return at
  const what = cellOf(row, value)
  if (typeof what === 'string') return what
  if (uncertainty === undefined) return { time: at, value: what, weight: 1 }
  const error = cellOf(row, uncertainty)
  if (typeof error === 'string') return error
  if (error <= 0) return `${uncertainty.name} must be above 0, not ${error}`
  return { time: at, value: what, weight: 1 / (error * error) }
}

function cellOf(row: CsvRow, column: Column): number | string {
  const cell = row.cells[column.index]
  if (cell === undefined) return `has ${row.cells.length} cells, none for ${column.name}`
  if (isMissing(cell)) return `no ${column.name}`
  return column.read(cell) ?? `${column.name} ${JSON.stringify(cell.slice(0, 40))} is not a ${column.kind}`
}

function describeSkipped(table: CsvTable, skipped: readonly string[]): string {
  const named = skipped.slice(0, SKIPPED_NAMED_MAX).join('; ')
  const rest = skipped.length > SKIPPED_NAMED_MAX ? `; and ${skipped.length - SKIPPED_NAMED_MAX} more` : ''
  return `${table.name}: ${skipped.length} of ${table.rows.length} rows cannot be read and were left out: ${named}${rest}`
}

function checkEnough(table: CsvTable, have: number, skipped: number): void {
  if (have >= ROWS_MIN) return
  const left = skipped === 0 ? '' : ` (${skipped} cannot be read)`
  throw new SdkError(
    'JOB_INPUT_EMPTY',
    `${table.name} has ${have} usable rows${left}, at least ${ROWS_MIN} with different times are needed`,
    {
      details: { file: table.name, needRows: ROWS_MIN, haveRows: have, skippedRows: skipped },
    },
  )
}

function guessUnit(name: string, points: readonly Point[]): TimeUnit {
  const lower = name.toLowerCase()
  for (const [pattern, unit] of UNIT_NAMES) if (pattern.test(lower)) return unit
  const greatest = points.reduce((most, point) => Math.max(most, Math.abs(point.time)), 0)
  if (greatest >= 1e11) return 'milliseconds'
  return greatest >= 1e8 ? 'seconds' : 'days'
}

const UNIT_NAMES: readonly (readonly [RegExp, TimeUnit])[] = [
  [/year|yr\b/, 'years'],
  [/day|\b[mbh]?jd\b/, 'days'],
  [/hour|\bhrs?\b/, 'hours'],
  [/minute|\bmins?\b/, 'minutes'],
  [/milli|\bms\b|_ms$/, 'milliseconds'],
  [/second|\bsecs?\b|\(s\)|_s$/, 'seconds'],
]

/** Sorts by time; points of one time become one, weighted. */
function mergeEqualTimes(points: readonly Point[]): readonly Point[] {
  const sorted = points.toSorted((a, b) => a.time - b.time)
  const merged: Point[] = []
  for (const point of sorted) {
    const last = merged.at(-1)
    if (last?.time !== point.time) {
      merged.push(point)
      continue
    }
    const weight = last.weight + point.weight
    const value = last.value + (point.value - last.value) * (point.weight / weight)
    merged[merged.length - 1] = { time: point.time, value, weight }
  }
  return merged
}
