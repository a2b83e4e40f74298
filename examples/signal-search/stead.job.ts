import { fuel } from '@stead/core'
import {
  defineJob,
  type JobContext,
  type JobOption,
  type JobOptionValues,
  type JobPackage,
  type JobPlan,
  type JsonValue,
  type PlannedTask,
  SdkError,
} from '@stead/sdk/job'
import { buildAssemblyScript } from '@stead/toolchain'
import { readCsvTable } from './csv-table.ts'
import { DEFAULT_SERIES, readDefaultSeries } from './default-series.ts'
import { type ColumnChoice, type Observations, readObservations, TIME_UNIT_DAYS } from './observations.ts'
import { parsePeriodDays } from './period.ts'
import { reportSearch, type SearchContext, taskKey } from './report.ts'
import { planSearch, rangeOf, type SearchOptions, type SeriesSearch } from './search-plan.ts'
import { encodeRange, encodeSeries, RESULT_BYTES_MAX } from './task-format.ts'
import { fuelFor, memoryPagesFor } from './task-limits.ts'

const COLUMN_OPTIONS: readonly JobOption[] = [
  {
    name: 'time',
    kind: 'text',
    valueName: 'column',
    description: 'Column of dates or numbers; without it the first such column',
  },
  {
    name: 'value',
    kind: 'text',
    valueName: 'column',
    description: 'Column of values; without it the next numeric column',
  },
  {
    name: 'uncertainty',
    kind: 'text',
    valueName: 'column',
    description: 'Column of standard errors; weighs each row by 1/error^2',
  },
  {
    name: 'date-order',
    kind: 'choice',
    choices: ['dmy', 'mdy'],
    description: 'Whether 03/04/2020 is 3 April (dmy) or March 4 (mdy)',
  },
  {
    name: 'time-unit',
    kind: 'choice',
    choices: Object.keys(TIME_UNIT_DAYS),
    description: 'Unit of a numeric time column',
  },
]

const SEARCH_OPTIONS: readonly JobOption[] = [
  {
    name: 'trend',
    kind: 'number',
    valueName: 'degree',
    minimum: 0,
    maximum: 8,
    description: 'Degree of the polynomial fitted together with each sinusoid; 1 for own data',
  },
  {
    name: 'taper',
    kind: 'choice',
    choices: ['hann', 'none'],
    default: 'hann',
    description: 'Bell-shaped weights, which keep strong signals from leaking into other periods',
  },
  {
    name: 'oversampling',
    kind: 'number',
    valueName: 'points',
    default: 40,
    minimum: 5,
    maximum: 200,
    description: 'Grid points per 1/span of frequency',
  },
  {
    name: 'min-period',
    kind: 'text',
    valueName: 'period',
    description: 'Shortest period, like 90min, 12h, 3d; without it twice the usual spacing',
  },
  {
    name: 'max-period',
    kind: 'text',
    valueName: 'period',
    description: 'Longest period, like 2y; without it half the span',
  },
]

/** The search for periodic signals as `stead run examples/signal-search` runs it. */
export const job: JobPackage = defineJob({
  name: 'signal-search',
  summary: 'Searches time series for periodic signals with a generalised Lomb-Scargle periodogram',
  options: [...COLUMN_OPTIONS, ...SEARCH_OPTIONS],
  plan,
  report: reportSearch,
})

interface Source {
  readonly observations: Observations
  readonly trendDegree: number
}

async function plan(context: JobContext): Promise<JobPlan> {
  const sources = context.inputs.length === 0 ? await defaultSources(context.options) : await inputSources(context)
  const module = await buildAssemblyScript(import.meta.dirname, 'signal-search')
  const blobs = new Map<string, Uint8Array>()
  const tasks: PlannedTask[] = []
  const series: SeriesSearch[] = []
  const notices: string[] = []
  for (const [index, { observations, trendDegree }] of sources.entries()) {
    const planned = planSearch(observations, searchOptions(context.options, trendDegree))
    const { search } = planned
    series.push(search)
    notices.push(...observations.notices, ...planned.notices)
    blobs.set(search.name, encodeSeries(planned.data))
    for (let task = 0; task < search.taskCount; task++) {
      const range = rangeOf(search, task)
      tasks.push({
        key: taskKey(index, task),
        input: [encodeRange(range), { blob: search.name }],
        fuel: fuelFor(search, range.count),
      })
    }
  }
  const kept: SearchContext = { version: 1, series }
  return {
    module,
    kind: 'function',
    blobs,
    tasks,
    limits: {
      fuel: fuel(Math.max(...series.map((search) => Number(fuelFor(search, search.countPerTask))))),
      memoryPages: Math.max(...series.map(memoryPagesFor)),
      outputBytes: RESULT_BYTES_MAX,
      timeMs: 60_000,
    },
    context: kept as unknown as JsonValue,
    notices,
  }
}

async function defaultSources(options: JobOptionValues): Promise<Source[]> {
  const foreign = COLUMN_OPTIONS.find(({ name }) => options[name] !== undefined)
  if (foreign !== undefined) {
    throw new SdkError('JOB_OPTION_INVALID', `--${foreign.name} is about a file of yours, and none was given`, {
      details: { option: foreign.name },
      next: `Name the file: --input <file.csv> --${foreign.name} ${String(options[foreign.name])}`,
    })
  }
  const trend = options.trend
  return await Promise.all(
    DEFAULT_SERIES.map(async ({ file, value, trendDegree }) => {
      const table = readCsvTable(file, await readDefaultSeries(file))
      const observations = readObservations(table, { value })
      return { observations, trendDegree: typeof trend === 'number' ? trend : trendDegree }
    }),
  )
}

async function inputSources({ inputs, options }: JobContext): Promise<Source[]> {
  const names = new Set<string>()
  const sources: Source[] = []
  for (const { name, read } of inputs) {
    // Blobs and findings go by name; two files of one name must stay apart.
    let unique = name
    for (let copy = 2; names.has(unique); copy++) unique = `${name} (${copy})`
    names.add(unique)
    const observations = readObservations(readCsvTable(unique, await read()), columnChoice(options))
    const trend = options.trend
    sources.push({ observations, trendDegree: typeof trend === 'number' ? trend : 1 })
  }
  return sources
}

function columnChoice(options: JobOptionValues): ColumnChoice {
  const choice = {
    time: options.time,
    value: options.value,
    uncertainty: options.uncertainty,
    dateOrder: options['date-order'],
    timeUnit: options['time-unit'],
  }
  // parseJobOptions has checked the kinds and choices; only what was given may be there.
  return Object.fromEntries(Object.entries(choice).filter(([, value]) => value !== undefined)) as ColumnChoice
}

function searchOptions(options: JobOptionValues, trendDegree: number): SearchOptions {
  const { taper, oversampling } = options
  const shortest = options['min-period']
  const longest = options['max-period']
  if (!Number.isInteger(trendDegree)) {
    throw new SdkError('JOB_OPTION_INVALID', `--trend must be a whole number, not ${trendDegree}`)
  }
  return {
    trendDegree,
    taper: taper === 'none' ? 'none' : 'hann',
    oversampling: typeof oversampling === 'number' ? oversampling : 40,
    ...(typeof shortest === 'string' ? { minimumPeriodDays: parsePeriodDays('min-period', shortest) } : {}),
    ...(typeof longest === 'string' ? { maximumPeriodDays: parsePeriodDays('max-period', longest) } : {}),
  }
}
