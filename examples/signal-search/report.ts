import { type JobReport, type JsonValue, SdkError, type TaskResult } from '@stead/sdk/job'
import { type Finding, findSignals, type SeriesFindings } from './findings.ts'
import { formatPeriod } from './period.ts'
import type { SeriesSearch } from './search-plan.ts'
import { decodeResult, type RangeResult } from './task-format.ts'

/** What the job keeps for its report. */
export interface SearchContext {
  readonly version: 1
  readonly series: readonly SeriesSearch[]
}

const CONTEXT_VERSION = 1

/** The key of a task; the report finds its place by it. */
export function taskKey(series: number, task: number): string {
  return `${series + 1}/${String(task + 1).padStart(3, '0')}`
}

/** Makes findings of results, also of a part of them. @throws SdkError JOB_CONTEXT_INVALID */
export function reportSearch(results: readonly TaskResult[], context: JsonValue): JobReport {
  const { series } = contextOf(context)
  const byKey = new Map(results.map((result) => [result.key, result]))
  const all = series.map((search, index) => {
    const decoded: (RangeResult | undefined)[] = []
    const reasons = new Map<string, number>()
    for (let task = 0; task < search.taskCount; task++) {
      const result = byKey.get(taskKey(index, task))
      const value = result?.status === 'ok' ? decodeResult(result.output) : undefined
      decoded.push(value)
      if (value !== undefined) continue
      const reason = reasonOf(result)
      reasons.set(reason, (reasons.get(reason) ?? 0) + 1)
    }
    return { found: findSignals(search, decoded), reasons }
  })
  return {
    findings: all.flatMap(({ found }) => found.findings) as unknown as readonly JsonValue[],
    lines: all.flatMap(({ found, reasons }) => linesOf(found, reasons)),
    complete: all.every(({ found }) => found.missing.length === 0),
  }
}

function contextOf(context: JsonValue): SearchContext {
  const known = context as unknown as Partial<SearchContext> | null
  if (typeof known === 'object' && known?.version === CONTEXT_VERSION && Array.isArray(known.series)) {
    return known as SearchContext
  }
  throw new SdkError('JOB_CONTEXT_INVALID', 'the job was planned by another version of signal-search')
}

function reasonOf(result: TaskResult | undefined): string {
  if (result === undefined) return 'no result'
  if (result.status === 'ok') return 'unreadable result'
  return result.reason === undefined ? result.status : `${result.status}: ${result.reason}`
}

function linesOf(found: SeriesFindings, reasons: ReadonlyMap<string, number>): string[] {
  const { search, findings, searchedShare, isAllTrend } = found
  const lines = [
    `${search.name}: ${search.points} observations over ${formatPeriod(search.spanDays)}, ${search.count} frequencies, ${trendName(search.trendDegree)}`,
  ]
  if (found.missing.length > 0) {
    const stretches = found.missing
      .slice(0, 3)
      .map(({ fromDays, toDays }) => `${formatPeriod(fromDays)} to ${formatPeriod(toDays)}`)
    const rest = found.missing.length > 3 ? ` and ${found.missing.length - 3} more` : ''
    const why = [...reasons].map(([reason, count]) => `${count} ${count === 1 ? 'task' : 'tasks'} ${reason}`)
    lines.push(
      `  searched ${(searchedShare * 100).toFixed(1)} % only; missing periods: ${stretches.join(', ')}${rest} (${why.join('; ')})`,
    )
  }
  if (isAllTrend) lines.push('  the trend explains every value; nothing is left to search')
  for (const finding of findings) lines.push(`  ${describe(finding)}`)
  return lines
}

function describe(finding: Finding): string {
  const period = formatPeriod(finding.periodDays, finding.periodUncertaintyDays)
  const power = `power ${finding.power.toFixed(3)}`
  const amplitude = `amplitude ${finding.amplitude.toPrecision(3)}`
  const falseAlarm = `false alarm ${formatProbability(finding.log10FalseAlarmProbability)}`
  if (!finding.significant) {
    const local = formatProbability(Math.log10(finding.localFalseAlarmProbability))
    return `no significant period; the strongest peak is at ${period}: ${power}, ${falseAlarm} if noise were white, ${local} with the noise around it, ${amplitude}`
  }
  const overtones = finding.overtonesDays.slice(0, 4).map((days) => formatPeriod(days))
  const shape = overtones.length === 0 ? '' : `, overtones at ${overtones.join(', ')}`
  return `period ${period}: ${power}, ${falseAlarm}, ${amplitude}${shape}`
}

function trendName(degree: number): string {
  const names = ['floating mean', 'trend: a line', 'trend: a parabola']
  return names[degree] ?? `trend: a polynomial of degree ${degree}`
}

function formatProbability(log10: number): string {
  if (log10 > -3) return Number((10 ** log10).toPrecision(2)).toString()
  const exponent = Math.floor(log10)
  return exponent < -300 ? 'below 1e-300' : `${(10 ** (log10 - exponent)).toFixed(0)}e${exponent}`
}
