// `npm run mutants -w contracts`: puts faults that somebody could make into a copy of the contracts, one at a time, and
// runs the tests that should notice. A fault that no test notices is a hole in the tests. Arguments choose faults.
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { contractsDirectory, repositoryDirectory, runForgeQuietly } from './forge.ts'
import { type Mutant, mutants } from './mutant-list.ts'

/** The same tree of folders, so that everything that is named by relative paths is found. */
async function makeCopy(): Promise<string> {
  const copy = await mkdtemp(join(tmpdir(), 'stead-mutants-'))
  const contracts = join(copy, 'contracts')
  for (const name of ['src', 'test', 'vectors', 'foundry.toml', 'solc-shim.cjs', 'package.json', 'out', 'cache'])
    await cp(join(contractsDirectory, name), join(contracts, name), { recursive: true })
  await symlink(join(repositoryDirectory, 'node_modules'), join(copy, 'node_modules'))
  await cp(join(contractsDirectory, 'lib'), join(contracts, 'lib'), { recursive: true, verbatimSymlinks: true })
  return copy
}

/** The source with the fault in it. @throws when the text to change is not there exactly once */
function mutate(source: string, { name, file, from, to }: Mutant): string {
  const parts = source.split(from)
  if (parts.length !== 2) throw new Error(`${name}: the text to change is ${parts.length - 1} times in ${file}`)
  return parts.join(to)
}

/** What became of one fault: `caught` by a test, by the compiler (then the fault is none), or by nobody. */
type Verdict = 'caught' | 'SURVIVED' | 'DOES NOT COMPILE'

async function tryMutant(contracts: string, mutant: Mutant): Promise<Verdict> {
  const path = join(contracts, 'src', mutant.file)
  const original = await readFile(path, 'utf8')
  await writeFile(path, mutate(original, mutant))
  try {
    // Only the sources: of the tests no more is compiled than the matching ones need.
    const built = await runForgeQuietly(['build', '--skip', 'test'], contracts)
    if (built !== 0) return 'DOES NOT COMPILE'
    const tested = await runForgeQuietly(['test', '--fail-fast', '--match-path', `test/${mutant.tests}`], contracts)
    return tested === 0 ? 'SURVIVED' : 'caught'
  } finally {
    await writeFile(path, original)
  }
}

async function main(): Promise<number> {
  const wanted = process.argv.slice(2)
  const unknown = wanted.filter((name) => !mutants.some((mutant) => mutant.name === name))
  if (unknown.length > 0) {
    process.stderr.write(
      `no fault named ${unknown.join(', ')}; there are: ${mutants.map(({ name }) => name).join(', ')}\n`,
    )
    return 2
  }
  const copy = await makeCopy()
  let failed = 0
  try {
    for (const mutant of mutants) {
      if (wanted.length > 0 && !wanted.includes(mutant.name)) continue
      const startedMs = performance.now()
      const verdict = await tryMutant(join(copy, 'contracts'), mutant)
      const seconds = ((performance.now() - startedMs) / 1000).toFixed(1)
      if (verdict !== 'caught') failed += 1
      process.stdout.write(`${verdict.padEnd(16)} ${seconds.padStart(6)} s  ${mutant.name}: ${mutant.what}\n`)
    }
  } finally {
    await rm(copy, { recursive: true, force: true })
  }
  process.stdout.write(failed === 0 ? 'every fault is noticed\n' : `${failed} faults are not noticed\n`)
  return failed === 0 ? 0 : 1
}

process.exitCode = await main()
