// `npm run sim:mutants`: puts faults that somebody could make into our own code, one at a time, and plays simulated worlds
// until a rule notices. A fault that no world notices is a hole in the rules or in the attacks.
import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { messageOf } from '@stead/core'
// By its file: the entry of the package would load all that worlds are made of, which each thread loads by itself.
import { brokenText } from '../packages/simulation/src/report/report-text.ts'
import { EXIT_BAD_ARGUMENTS } from './command-arguments.ts'
import { endWhenUnwritable, tellWhenStopped } from './command-end.ts'
import { type Mutant, mutated, sourceOf } from './mutants/mutant.ts'
import { mutantNamed, mutants } from './mutants/mutants.ts'
import { holdMutants, tryMutant } from './mutants/try-mutant.ts'

const SEEDS_MAX_DEFAULT = '40'
const EXIT_SURVIVED = 1

const HELP = `npm run sim:mutants -- [options] [names]     puts faults into our own code, one at a time, and plays worlds until a rule
                                         notices; ends with 1 when none did, with 2 when the arguments are wrong

  names                the faults to try; default: all ${mutants.length}
  --list               prints their names, each with its rule and what it does
  --story NAME         tries one, and tells of the world in which it is noticed as \`npm run sim\` tells of a failure: what was
                       broken, who was involved, and the last that they did
  -h, --help           this text

SIM_MUTANT_SEEDS=N     worlds that may be played for each; default ${SEEDS_MAX_DEFAULT}
`

/** What a command line asks for. */
interface Wanted {
  readonly chosen: readonly Mutant[]
  readonly seedsMax: number
  readonly prints: 'help' | 'list' | 'story' | undefined
}

/** @throws Error that says what is wrong, in words */
function wanted(args: string[], seedsMax = SEEDS_MAX_DEFAULT): Wanted {
  const options = {
    help: { type: 'boolean', short: 'h' },
    list: { type: 'boolean' },
    story: { type: 'string', multiple: true },
  } as const
  const { values, positionals } = parseArgs({ args, options, allowPositionals: true })
  if (!/^[1-9]\d{0,5}$/.test(seedsMax))
    throw new RangeError(`SIM_MUTANT_SEEDS is a number of worlds, not '${seedsMax}'`)
  const { help, list, story = [] } = values
  if (story.length > 1 || (story.length === 1 && positionals.length > 0))
    throw new RangeError('--story tells of one fault, and takes no other names')
  const names = [...new Set([...story, ...positionals])]
  const chosen = names.length === 0 ? mutants : names.map(mutantNamed)
  const prints = help === true ? 'help' : list === true ? 'list' : story.length > 0 ? 'story' : undefined
  return { chosen, seedsMax: Number(seedsMax), prints }
}

async function tryAll({ chosen, seedsMax, prints }: Wanted): Promise<number> {
  // All of them first: one that does not apply any more says that the code has moved on without it.
  for (const mutant of chosen) {
    const reason = reasonNotToApply(mutant)
    if (reason !== undefined) process.stderr.write(`${reason}\n`)
    if (reason !== undefined) return EXIT_SURVIVED
  }
  const waiting = [...chosen]
  let survived = 0
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const { text, caught } = await tryMutant(mutant, seedsMax)
      if (caught === undefined) survived += 1
      process.stdout.write(`${text}\n`)
      if (prints === 'story' && caught !== undefined) process.stdout.write(`${brokenText(caught)}\n`)
    }
  }
  tellWhenStopped((signal) => process.stderr.write(`stopped by ${signal}; ${faultsAre(waiting.length)} not begun\n`))
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), chosen.length) }, work))
  const all = chosen.length === 1 ? 'the fault is' : `all ${faultsAre(chosen.length)}`
  process.stdout.write(`${survived === 0 ? `${all} noticed` : `${faultsAre(survived)} not noticed`}\n`)
  return survived === 0 ? 0 : EXIT_SURVIVED
}

function faultsAre(count: number): string {
  return count === 1 ? '1 fault is' : `${count} faults are`
}

function reasonNotToApply(mutant: Mutant): string | undefined {
  try {
    mutated(sourceOf(mutant), mutant)
    return undefined
  } catch (error) {
    return messageOf(error)
  }
}

async function main(): Promise<number> {
  let asked: Wanted
  try {
    asked = wanted(process.argv.slice(2), process.env.SIM_MUTANT_SEEDS)
  } catch (error) {
    // Of what parseArgs says the first sentence alone is about what was given.
    const [reason = ''] = messageOf(error).split('. ')
    process.stderr.write(`${reason}; npm run sim:mutants -- --help tells what there is\n`)
    return EXIT_BAD_ARGUMENTS
  }
  if (asked.prints === 'help') process.stdout.write(HELP)
  if (asked.prints === 'list')
    for (const { name, rule, what } of mutants) process.stdout.write(`${name.padEnd(30)} ${rule.padEnd(24)} ${what}\n`)
  return asked.prints === 'help' || asked.prints === 'list' ? 0 : await tryAll(asked)
}

endWhenUnwritable(holdMutants)
process.exitCode = await main()
