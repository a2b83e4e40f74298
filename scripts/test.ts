// `npm test`: every check of the project, each with its own line, and a plain count at the end. Arguments name the
// steps to run (`npm test -- types unit`); without any, all run. Nothing is skipped in silence.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root, runStep, type StepResult } from './run-step.ts'

interface Step {
  readonly name: string
  /** For people. */
  readonly what: string
  readonly command: string
  readonly args: readonly string[]
  /** Counts passed and failed of a finished step; by default a step is one check. */
  readonly count?: (result: StepResult) => Count
}

interface Count {
  readonly passed: number
  readonly failed: number
}

const node = process.execPath
const source = '--conditions=@stead/source'
const vitestReport = join(root, 'node_modules', '.cache-vitest-report.json')

const steps: readonly Step[] = [
  { name: 'types', what: 'types of all packages', command: 'tsc', args: ['-p', 'tsconfig.json'] },
  {
    name: 'format',
    what: 'formatting, imports and lint; npm run format mends them',
    command: 'biome',
    args: ['check', '--error-on-warnings', '.'],
  },
  {
    name: 'promises',
    what: 'promises that nobody awaits',
    command: 'oxlint',
    args: ['--config', '.oxlintrc.json', '--type-aware', '--deny-warnings', 'packages', 'scripts', 'examples'],
  },
  { name: 'unused', what: 'files, exports and dependencies that nothing uses', command: 'knip', args: [] },
  {
    name: 'contracts',
    what: 'Solidity: unit, fuzz, invariants, gas snapshot',
    command: node,
    args: [source, 'contracts/scripts/test.ts'],
    count: countForge,
  },
  {
    name: 'generated',
    what: 'whether what is generated is as its sources say; npm run generate mends it',
    command: node,
    args: [source, 'scripts/generate.ts', '--check'],
  },
  {
    name: 'packages',
    what: 'packages as they would be published',
    command: node,
    args: [source, 'scripts/check-packages.ts'],
  },
  {
    name: 'unit',
    what: 'tests of all packages; one package alone: npx vitest run packages/market',
    command: 'vitest',
    args: ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${vitestReport}`],
    count: countVitest,
  },
]
const stepNames = steps.map(({ name }) => name).join(', ')

const HELP = `npm test -- [steps]     every check of the project, or the steps that are named; ends with "N passed, N failed", with 1
                        when something failed, with 2 when a step or an option is unknown

${steps.map(({ name, what }) => `  ${name.padEnd(10)} ${what}`).join('\n')}

  -h, --help  this text
`

function oneCheck(result: StepResult): Count {
  return result.exitCode === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 }
}

function countForge(result: StepResult): Count {
  const totals = [...result.output.matchAll(/(\d+) tests? passed, (\d+) failed/g)].at(-1)
  if (totals === null || totals === undefined) return oneCheck(result)
  const failed = Number(totals[2])
  // The gas snapshot is a check of its own beside the tests.
  return { passed: Number(totals[1]), failed: result.exitCode !== 0 && failed === 0 ? 1 : failed }
}

function countVitest(result: StepResult): Count {
  const report = JSON.parse(readFileSync(vitestReport, 'utf8')) as { numPassedTests: number; numFailedTests: number }
  const failed = result.exitCode !== 0 && report.numFailedTests === 0 ? 1 : report.numFailedTests
  return { passed: report.numPassedTests, failed }
}

async function runOne(step: Step): Promise<Count> {
  const result = await runStep(step.name, step.command, step.args)
  let count: Count
  try {
    count = (step.count ?? oneCheck)(result)
  } catch {
    // A step that ended before it could report is a failure, whatever the reason; its output follows.
    count = { passed: 0, failed: 1 }
  }
  const verdict = result.exitCode === 0 && count.failed === 0 ? 'ok  ' : 'FAIL'
  process.stdout.write(`${verdict} ${step.name.padEnd(10)} ${result.seconds.toFixed(1).padStart(6)} s\n`)
  if (verdict === 'FAIL') process.stdout.write(`${result.output}\n`)
  return count
}

/** Which steps are meant. @throws Error that says what is wrong, in words */
function wantedSteps(args: string[]): readonly Step[] | 'help' {
  const { values, positionals } = parseArgs({
    args,
    options: { help: { type: 'boolean', short: 'h' } },
    allowPositionals: true,
  })
  const unknown = positionals.filter((name) => !steps.some((step) => step.name === name))
  if (unknown.length > 0) throw new Error(`no step named ${unknown.join(', ')}`)
  if (values.help === true) return 'help'
  return positionals.length === 0 ? steps : steps.filter(({ name }) => positionals.includes(name))
}

async function runSteps(chosen: readonly Step[]): Promise<number> {
  rmSync(vitestReport, { force: true })
  let passed = 0
  let failed = 0
  for (const step of chosen) {
    const count = await runOne(step)
    passed += count.passed
    failed += count.failed
  }
  process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
  return failed === 0 ? 0 : 1
}

async function main(): Promise<number> {
  let chosen: readonly Step[] | 'help'
  try {
    chosen = wantedSteps(process.argv.slice(2))
  } catch (error) {
    // Of what parseArgs says the first sentence alone is about what was given.
    const [reason = ''] = (error instanceof Error ? error.message : String(error)).split('. ')
    process.stderr.write(`${reason}; there are: ${stepNames}\n`)
    return 2
  }
  if (chosen !== 'help') return await runSteps(chosen)
  process.stdout.write(HELP)
  return 0
}

process.exitCode = await main()
