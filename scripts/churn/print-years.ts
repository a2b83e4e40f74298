import type { ChurnResult } from '../../packages/simulation/src/index.ts'

/** A year that was played, by its names. */
export interface ShownYear {
  readonly profile: string
  readonly year: string
  readonly result: ChurnResult
}

/** A table for people and for Markdown: one line a year. */
export function printYears(years: readonly ShownYear[]): string {
  const head = [
    'profile',
    'year',
    'lost of segments',
    'fewest kept / at hand',
    'unreadable',
    'read, sent for repair',
    'time',
    'busiest hour',
  ]
  const lines = years.map(({ profile, year, result }) => [
    profile,
    year,
    `${result.lostSegments} of ${result.segments}`,
    `${result.fewestKept} / ${result.fewestThere}`,
    result.unreadableShare === 0 ? 'never' : percent(result.unreadableShare),
    `${figure(result.readPerStoredByteMonth)}, ${figure(result.sentPerStoredByteMonth)}`,
    percent(result.busyShare),
    result.repairs === 0 ? '-' : percent(result.busiestHourShare),
  ])
  const total = years.reduce((sum, { result }) => sum + result.segmentYears, 0)
  const rows = [head, head.map(() => '---'), ...lines].map((cells) => `| ${cells.join(' | ')} |`)
  return `${rows.join('\n')}\n\n${Math.round(total).toLocaleString('en')} segment-years. Read and sent: bytes per byte of the objects and month; time: share of the daemon's time.`
}

function figure(value: number): string {
  return value === 0 ? '0' : String(Number(value.toPrecision(2)))
}

function percent(share: number): string {
  return `${figure(100 * share)} %`
}
