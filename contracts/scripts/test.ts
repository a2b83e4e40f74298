// Everything about the contracts that can fail: they compile without a warning and are formatted, the generated modules
// are current, every forge test passes, and no transaction costs more or less gas than the committed snapshot says.
//   --update   commits new gas figures and generated modules instead of refusing them
//   --seed n   other random numbers for fuzzing than the fixed ones
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { updateGeneratedModules } from './build.ts'
import { contractsDirectory, runForge } from './forge.ts'
import { commitGas, compareGas } from './gas.ts'

interface Options {
  update: boolean
  seed: string | undefined
}

/** Prints faults and what to do about them; the exit code that they deserve. */
function report(faults: readonly string[], advice: string): number {
  for (const fault of faults) process.stderr.write(`${fault}\n`)
  if (faults.length === 0) return 0
  process.stderr.write(`${advice}\n`)
  return 1
}

async function checkGenerated({ update }: Options): Promise<number> {
  const stale = await updateGeneratedModules(!update)
  return update ? 0 : report(stale, 'These generated modules are stale. Run: npm run build -w contracts')
}

async function checkGas({ update }: Options): Promise<number> {
  // forge only adds to the file; a figure that is not measured any more must not survive in it.
  await rm(join(contractsDirectory, 'cache', 'gas'), { recursive: true, force: true })
  const code = await runForge(['test', '--match-contract', 'GasTest', '--isolate', '--quiet'])
  if (code !== 0) return code
  if (update) {
    await commitGas()
    return 0
  }
  return report(await compareGas(), 'Gas has changed. If it is meant to, run: npm test -w contracts -- --update')
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { update: { type: 'boolean', default: false }, seed: { type: 'string' } },
  })
  const options: Options = { update: values.update, seed: values.seed }
  const seed = options.seed === undefined ? [] : ['--fuzz-seed', options.seed]
  const steps: readonly [string, () => Promise<number>][] = [
    ['format', () => runForge(['fmt', '--check'])],
    ['build', () => runForge(['build'])],
    ['generated modules', () => checkGenerated(options)],
    ['tests', () => runForge(['test', '--no-match-contract', 'GasTest', ...seed])],
    ['gas', () => checkGas(options)],
  ]
  for (const [name, step] of steps) {
    const code = await step()
    if (code === 0) continue
    process.stderr.write(`contracts: ${name} failed\n`)
    return code
  }
  process.stdout.write('contracts: all checks passed\n')
  return 0
}

process.exitCode = await main()
