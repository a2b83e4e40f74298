// `npm run sim:churn`: a year in which nodes come, go and leave, over the rules by which the code places and repairs; what
// is lost, how close it came, and what repairs take. `docs/churn.svg` shows the year in which three tenths are killed.
import { writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { SEGMENT_PROFILES } from '@stead/storage'
import { type ChurnResult, COMMON_YEAR, runChurn } from '../packages/simulation/src/index.ts'
import { CHURN_HELP, type ChurnWanted, churnArguments, PAYERS_OF_MANY_PIECES } from './churn/churn-arguments.ts'
import { drawYear } from './churn/draw-year.ts'
import { printYears, type ShownYear } from './churn/print-years.ts'
import { EXIT_BAD_ARGUMENTS, readArguments } from './command-arguments.ts'
import { endWhenUnwritable } from './command-end.ts'
import { root } from './run-step.ts'

const MANY_PIECES = 24
const EXIT_LOST = 1

function yearsOf({ profiles, years, seed, payers, days }: ChurnWanted): readonly ShownYear[] {
  return profiles.flatMap(([profileName, profile]) =>
    years.map(([yearName, change]) => {
      process.stderr.write(`${profileName}, ${yearName} …\n`)
      const followed = payers ?? (profile.pieces >= MANY_PIECES ? PAYERS_OF_MANY_PIECES : COMMON_YEAR.payers)
      const result = runChurn({ ...COMMON_YEAR, seed, payers: followed, days, profile, ...change })
      return { profile: profileName, year: yearName, result }
    }),
  )
}

/** The picture is that of the years that docs/churn.md tells of. */
function draw(shown: readonly ShownYear[]): void {
  const killed = shown
    .filter(({ year }) => year === '30 % killed')
    .map(({ profile, result }): [string, ChurnResult] => [profile, result])
  if (killed.length < Object.keys(SEGMENT_PROFILES).length) return
  const file = join(root, 'docs', 'churn.svg')
  writeFileSync(file, drawYear(killed))
  process.stderr.write(`wrote ${relative(process.cwd(), file)}\n`)
}

function main(): number {
  const wanted = readArguments('npm run sim:churn', churnArguments)
  if (wanted === undefined) return EXIT_BAD_ARGUMENTS
  if (wanted.printsHelp) {
    process.stdout.write(CHURN_HELP)
    return 0
  }
  const shown = yearsOf(wanted)
  const text = wanted.printsJson ? JSON.stringify({ years: shown }, null, 2) : printYears(shown)
  process.stdout.write(`${text}\n`)
  if (wanted.isStandard) draw(shown)
  const isLost = shown.some(({ profile, result }) => profile === '16-of-48' && result.lostSegments > 0)
  return isLost ? EXIT_LOST : 0
}

endWhenUnwritable()
process.exitCode = main()
