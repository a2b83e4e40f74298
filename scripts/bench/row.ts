/** One line of the table: a figure, and its reference measured beside it in the same run. */
export interface BenchRow {
  readonly name: string
  readonly unit: string
  /** undefined when it could not be measured; `missing` says why. */
  readonly value: number | undefined
  /** What the ratio is against, with its figure in the same unit; a ratio is worth more than a figure on a noisy machine. */
  readonly reference: { readonly name: string; readonly value: number } | undefined
  /** value / reference. */
  readonly ratio: number | undefined
  readonly target: { readonly limit: number; readonly better: 'less' | 'more' } | undefined
  readonly met: boolean | undefined
  /** Why there is no value: what a person would have to install or allow. */
  readonly missing: string | undefined
}

type Measured = Pick<BenchRow, 'name' | 'unit' | 'reference' | 'target'> & { readonly value: number }

/** Makes a row; says itself whether the target is met. */
export function benchRow(row: Measured): BenchRow {
  const { reference, target, value } = row
  const met =
    target === undefined ? undefined : target.better === 'less' ? value <= target.limit : value >= target.limit
  return { ...row, ratio: reference === undefined ? undefined : value / reference.value, met, missing: undefined }
}

/** A row without a figure, so that what was not measured is not forgotten; a target that it had is missed. */
export function missingRow(row: Pick<BenchRow, 'name' | 'unit' | 'target'> & { readonly missing: string }): BenchRow {
  return { ...row, value: undefined, reference: undefined, ratio: undefined, met: row.target && false }
}

/** The value below which `share` (0 .. 1) of the samples lie. @throws RangeError for no samples */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = [...samples].sort((left, right) => left - right)
  const found = sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))]
  if (found === undefined) throw new RangeError('no samples')
  return found
}

/** A figure with three significant digits, whole above 1000. */
function figure(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en') : String(Number(value.toPrecision(3)))
}

/** The table for people. */
export function printTable(rows: readonly BenchRow[]): string {
  const head = ['what', 'value', 'unit', 'reference', 'ratio', 'target', 'met']
  const body = rows.map((row) => [
    row.name,
    row.value === undefined ? '-' : figure(row.value),
    row.unit,
    row.reference === undefined ? '' : `${row.reference.name}: ${figure(row.reference.value)}`,
    row.ratio === undefined ? '' : figure(row.ratio),
    row.target === undefined ? '' : `${row.target.better === 'less' ? '≤' : '≥'} ${figure(row.target.limit)}`,
    row.missing === undefined ? (row.met === undefined ? '' : row.met ? 'yes' : 'NO') : `not measured: ${row.missing}`,
  ])
  const widths = head.map((_, column) => Math.max(...[head, ...body].map((line) => line[column]?.length ?? 0)))
  const print = (line: readonly string[]): string =>
    line
      .map((cell, i) => cell.padEnd(widths[i] ?? 0))
      .join('  ')
      .trimEnd()
  return [print(head), widths.map((width) => '-'.repeat(width)).join('  '), ...body.map(print)].join('\n')
}

/** The rows as `--json` prints them: figures flat, absent ones null. */
export function jsonRows(rows: readonly BenchRow[]): readonly object[] {
  return rows.map(({ name, unit, value, reference, ratio, target, met, missing }) => ({
    name,
    unit,
    value: value ?? null,
    reference: reference?.value ?? null,
    referenceName: reference?.name ?? null,
    ratio: ratio ?? null,
    target: target?.limit ?? null,
    better: target?.better ?? null,
    met: met ?? null,
    missing: missing ?? null,
  }))
}
