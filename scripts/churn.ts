// `npm run sim:churn`: a year in which nodes come, go and leave, over the rules by which the code places and repairs; what
// is lost, how close it came, and what repairs take. `docs/churn.svg` shows the year in which three tenths are killed.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { messageOf } from '@stead/core'
import { SEGMENT_PROFILES } from '@stead/storage'
import { CHURN_YEARS, type ChurnResult, COMMON_YEAR, runChurn } from '../packages/simulation/src/index.ts'
import { drawYear } from './churn/draw-year.ts'
import { printYears, type ShownYear } from './churn/print-years.ts'
import { root } from './run-step.ts'

/** A year of many pieces takes longer: fewer segments are followed. */
const PAYERS_OF_MANY_PIECES = 12
const MANY_PIECES = 24

const HELP = `npm run sim:churn -- [options]     a year of nodes that come, go and leave: what is lost, and what repairs take

  --profile A,B        ${Object.keys(SEGMENT_PROFILES).join(',')}; default: all
  --year A,B           ${Object.keys(CHURN_YEARS).join(',')}; default: all
  --seed N             default 1
  --payers N           default ${COMMON_YEAR.payers}, of 16-of-48 ${PAYERS_OF_MANY_PIECES}; each with ${COMMON_YEAR.segmentsPerPayer} segments
  --days N             default ${COMMON_YEAR.days}
  --json               one JSON document instead of text

Exits with 1 when 16-of-48 loses a segment.
`

function readOptions() {
  try {
    return parseArgs({
      options: {
        profile: { type: 'string', default: Object.keys(SEGMENT_PROFILES).join(',') },
        year: { type: 'string', default: Object.keys(CHURN_YEARS).join(',') },
        seed: { type: 'string', default: '1' },
        payers: { type: 'string' },
        days: { type: 'string', default: String(COMMON_YEAR.days) },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    }).values
  } catch (error) {
    return refuse(messageOf(error))
  }
}

function refuse(reason: string): never {
  process.stderr.write(`${reason}\n${HELP}`)
  process.exit(2)
}

function chosen<Value>(names: string, among: Readonly<Record<string, Value>>): readonly (readonly [string, Value])[] {
  return names.split(',').map((name) => {
    const value = among[name]
    return value === undefined
      ? refuse(`there is no '${name}'; there are: ${Object.keys(among).join(', ')}`)
      : [name, value]
  })
}

const values = readOptions()
if (values.help) {
  process.stdout.write(HELP)
  process.exit(0)
}
const [seed, payers, days] = [Number(values.seed), Number(values.payers ?? COMMON_YEAR.payers), Number(values.days)]
const isBad = (number: number, least: number): boolean => !Number.isSafeInteger(number) || number < least
if (isBad(seed, 0) || isBad(payers, 1) || isBad(days, 1)) refuse('give --seed from 0 on, --payers and --days from 1 on')

const shown: ShownYear[] = []
for (const [profileName, profile] of chosen(values.profile, SEGMENT_PROFILES)) {
  for (const [yearName, change] of chosen(values.year, CHURN_YEARS)) {
    process.stderr.write(`${profileName}, ${yearName} …\n`)
    const isLarge = values.payers === undefined && profile.pieces >= MANY_PIECES
    const followed = isLarge ? PAYERS_OF_MANY_PIECES : payers
    const result = runChurn({ ...COMMON_YEAR, seed, payers: followed, days, profile, ...change })
    shown.push({ profile: profileName, year: yearName, result })
  }
}
const losses = shown.filter(({ profile, result }) => profile === '16-of-48' && result.lostSegments > 0)
if (values.json) process.stdout.write(`${JSON.stringify({ years: shown }, null, 2)}\n`)
else process.stdout.write(`${printYears(shown)}\n`)
const killed = shown
  .filter(({ year }) => year === '30 % killed')
  .map(({ profile, result }): [string, ChurnResult] => [profile, result])
// The picture is that of the years that docs/churn.md tells of.
const isAsCommon = days === COMMON_YEAR.days && seed === 1 && values.payers === undefined
if (killed.length === Object.keys(SEGMENT_PROFILES).length && isAsCommon) {
  const file = join(root, 'docs', 'churn.svg')
  writeFileSync(file, drawYear(killed))
  process.stderr.write(`wrote ${file}\n`)
}
process.exitCode = losses.length > 0 ? 1 : 0
