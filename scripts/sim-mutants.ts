// `npm run sim:mutants`: puts faults that somebody could make into our own code, one at a time, and plays simulated worlds
// until a rule notices. A fault that no world notices is a hole in the rules or in the attacks. Arguments choose faults;
// SIM_MUTANT_SEEDS says how many worlds may be played for each (40).
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { type Mutant, mutated, sourceOf } from './mutants/mutant.ts'
import { mutantNamed, mutants } from './mutants/mutants.ts'
import type { SweepOutcome } from './mutants/sweep.ts'
import { root, runStep } from './run-step.ts'

const seedsMax = process.env.SIM_MUTANT_SEEDS ?? '40'
if (!/^[1-9]\d{0,5}$/.test(seedsMax)) throw new RangeError(`SIM_MUTANT_SEEDS is a number of worlds, not '${seedsMax}'`)

/** One line of the table, and whether the fault was noticed. */
interface Row {
  readonly text: string
  readonly isCaught: boolean
}

async function tryMutant(mutant: Mutant): Promise<Row> {
  const script = join(root, 'scripts', 'mutants', 'try-mutant.ts')
  const { exitCode, output, seconds } = await runStep(mutant.name, process.execPath, [
    '--conditions=@stead/source',
    script,
    mutant.name,
    seedsMax,
  ])
  const took = `${seconds.toFixed(1).padStart(6)} s`
  if (exitCode !== 0) return { text: `FAILED    ${took}  ${mutant.name}\n${output}`, isCaught: false }
  const { seed, rules, what } = JSON.parse(output.trim().split('\n').at(-1) ?? '') as SweepOutcome
  if (seed === undefined) {
    const noticed = rules.length === 0 ? 'no rule noticed' : `only ${rules.join(', ')} noticed`
    return { text: `SURVIVED  ${took}  ${mutant.name}: ${mutant.what} (${noticed})`, isCaught: false }
  }
  const where = `${mutant.rule} at seed ${seed} of ${mutant.profile}`
  return {
    text: `caught    ${took}  ${mutant.name.padEnd(25)} ${where.padEnd(40)} ${what.slice(0, 120)}`,
    isCaught: true,
  }
}

async function main(): Promise<number> {
  const wanted = process.argv.slice(2)
  const chosen = wanted.length === 0 ? mutants : wanted.map(mutantNamed)
  // All of them first: one that does not apply any more says that the code has moved on without it.
  for (const mutant of chosen) mutated(sourceOf(mutant), mutant)
  const waiting = [...chosen]
  let survived = 0
  const work = async (): Promise<void> => {
    for (let mutant = waiting.shift(); mutant !== undefined; mutant = waiting.shift()) {
      const { text, isCaught } = await tryMutant(mutant)
      if (!isCaught) survived += 1
      process.stdout.write(`${text}\n`)
    }
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), chosen.length) }, work))
  process.stdout.write(
    survived === 0 ? `all ${chosen.length} faults are noticed\n` : `${survived} faults are not noticed\n`,
  )
  return survived === 0 ? 0 : 1
}

process.exitCode = await main()
