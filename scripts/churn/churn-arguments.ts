import { SEGMENT_PROFILES, type SegmentProfile } from '@stead/storage'
import { CHURN_YEARS, type ChurnOptions, COMMON_YEAR } from '../../packages/simulation/src/index.ts'
// By its file: command lines of the simulator are read alike.
import { integer, optionValues, refused, seedOf } from '../../packages/simulation/src/node/option-values.ts'

/** A value with the name by which it was chosen. */
type Named<Value> = readonly (readonly [name: string, value: Value])[]

/** What a command line asks for. */
export interface ChurnWanted {
  readonly profiles: Named<SegmentProfile>
  readonly years: Named<Partial<ChurnOptions>>
  readonly seed: number
  /** Undefined: as many as usual for a profile. */
  readonly payers: number | undefined
  readonly days: number
  /** Seed, payers and days are those of the years that docs/churn.md tells of. */
  readonly isStandard: boolean
  readonly printsJson: boolean
  readonly printsHelp: boolean
}

const OPTIONS = {
  profile: { type: 'string' },
  year: { type: 'string' },
  seed: { type: 'string' },
  payers: { type: 'string' },
  days: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const PAYERS_MAX = 1000
/** Ten years. */
const DAYS_MAX = 3650
/** A year of many pieces takes longer: fewer segments are followed. */
export const PAYERS_OF_MANY_PIECES = 12

/** What `--help` prints. */
export const CHURN_HELP: string = `npm run sim:churn -- [options]     a year of nodes that come, go and leave: what is lost, and what repairs take

  --profile A,B        ${Object.keys(SEGMENT_PROFILES).join(',')}; default: all
  --year A,B           ${Object.keys(CHURN_YEARS).join(',')}; default: all
  --seed N             default 1
  --payers N           1 .. ${PAYERS_MAX}; default ${COMMON_YEAR.payers}, of 16-of-48 ${PAYERS_OF_MANY_PIECES}; each with ${COMMON_YEAR.segmentsPerPayer} segments
  --days N             1 .. ${DAYS_MAX}; default ${COMMON_YEAR.days}
  --json               one JSON document instead of text
  -h, --help           this text

The year '30 % killed' of all profiles, without --seed, --payers and --days, draws the picture of docs/churn.md anew:
docs/churn.svg. Nothing else is written. Ends with 1 when 16-of-48 loses a segment, with 2 when the arguments are wrong.
`

/** Reads a command line. @throws SimulationError SIMULATION_BAD_ARGUMENT */
export function churnArguments(args: readonly string[]): ChurnWanted {
  const values = optionValues(args, OPTIONS)
  const { profile, year, seed, payers, days } = values
  return {
    profiles: chosen('--profile', profile, SEGMENT_PROFILES),
    years: chosen('--year', year, CHURN_YEARS),
    seed: seedOf(seed ?? '1'),
    payers: payers === undefined ? undefined : integer('--payers', payers, 1, PAYERS_MAX),
    days: integer('--days', days ?? String(COMMON_YEAR.days), 1, DAYS_MAX),
    isStandard: (seed ?? payers ?? days) === undefined,
    printsJson: values.json === true,
    printsHelp: values.help === true,
  }
}

function chosen<Value>(
  option: string,
  text: string | undefined,
  among: Readonly<Record<string, Value>>,
): readonly (readonly [string, Value])[] {
  if (text === undefined) return Object.entries(among)
  const names = text.split(',')
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw refused(`${option} names ${JSON.stringify(twice)} twice`)
  return names.map((name) => {
    const value = Object.hasOwn(among, name) ? among[name] : undefined
    if (value === undefined)
      throw refused(`${option} has no ${JSON.stringify(name)}; there are ${Object.keys(among).join(', ')}`)
    return [name, value]
  })
}
