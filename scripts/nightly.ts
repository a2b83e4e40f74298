// `npm run nightly`: the long searches, one after the other. Those of the sandbox are tests of `npm test` with more of
// everything, those of S3 with more names, more cuts and files of 256 MiB; `contracts` seeds faults into the contracts and looks whether their tests notice. STEAD_FUZZ_PROGRAMS says
// how many programs (20,000), STEAD_FUZZ_SEED where the first search begins, SANDBOX_TEST_NODES which other Node.js
// versions are compared (paths, separated like PATH). Arguments choose searches.
import { runStep } from './run-step.ts'

const searches: Readonly<Record<string, string>> = {
  fuel: 'packages/sandbox/test/fuel-generated.test.ts',
  strict: 'packages/sandbox/test/strict.test.ts',
  mutants: 'packages/sandbox/test/hostile-mutations.test.ts',
  compiling: 'packages/sandbox/test/hostile-compiling.test.ts',
  limits: 'packages/sandbox/test/hostile-limits.test.ts',
  tiers: 'packages/sandbox/test/tiers.test.ts',
  'strict-tiers': 'packages/sandbox/test/strict-tiers.test.ts',
  's3-keys': 'packages/gateway/test/hostile-paths.test.ts',
  's3-chunks': 'packages/gateway/test/hostile-chunks.test.ts',
  's3-clients': 'packages/gateway/test/clients',
  registers: 'packages/storage/test/register/schedules.test.ts',
  contracts: 'contracts/scripts/mutants.ts',
}

process.env.STEAD_FUZZ_PROGRAMS ??= '20000'
process.env.STEAD_S3_LARGE_MIB ??= '256'
process.env.STEAD_REGISTER_SEEDS ??= '5000'
const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !Object.hasOwn(searches, name))
if (unknown.length > 0) {
  process.stderr.write(`no search named ${unknown.join(', ')}; there are: ${Object.keys(searches).join(', ')}\n`)
  process.exit(2)
}
for (const [name, file] of Object.entries(searches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue
  const [command, args] = /\.test\.ts$|\/test\//.test(file) ? ['vitest', ['run', file]] : [process.execPath, [file]]
  const { exitCode, seconds, output } = await runStep(name, command, args)
  process.stdout.write(`${exitCode === 0 ? 'ok  ' : 'FAIL'} ${name.padEnd(14)} ${seconds.toFixed(1).padStart(7)} s\n`)
  if (exitCode === 0) continue
  process.stdout.write(`${output}\n`)
  process.exitCode = 1
}
