// `npm test`: every check of the project, each with its own line, and a plain count at the end. Arguments name the
// steps to run (`npm test -- types unit`); without any, all run. Nothing is skipped in silence.
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { root, runStep, type StepResult } from './run-step.ts'

interface Step {
  readonly name: string
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
  { name: 'types', command: 'tsc', args: ['-p', 'tsconfig.json'] },
  { name: 'format', command: 'biome', args: ['check', '--error-on-warnings', '.'] },
  {
    name: 'promises',
    command: 'oxlint',
    args: ['--config', '.oxlintrc.json', '--type-aware', '--deny-warnings', 'packages', 'scripts', 'examples'],
  },
  { name: 'unused', command: 'knip', args: [] },
  { name: 'contracts', command: node, args: [source, 'contracts/scripts/test.ts'], count: countForge },
  { name: 'generated', command: node, args: [source, 'scripts/generate.ts', '--check'] },
  { name: 'packages', command: node, args: [source, 'scripts/check-packages.ts'] },
  {
    name: 'unit',
    command: 'vitest',
    args: ['run', '--reporter=default', '--reporter=json', `--outputFile.json=${vitestReport}`],
    count: countVitest,
  },
]

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

const wanted = process.argv.slice(2)
const unknown = wanted.filter((name) => !steps.some((step) => step.name === name))
if (unknown.length > 0) {
  process.stderr.write(`no step named ${unknown.join(', ')}; there are: ${steps.map((step) => step.name).join(', ')}\n`)
  process.exit(2)
}
rmSync(vitestReport, { force: true })
let passed = 0
let failed = 0
for (const step of steps) {
  if (wanted.length > 0 && !wanted.includes(step.name)) continue
  const count = await runOne(step)
  passed += count.passed
  failed += count.failed
}
process.stdout.write(`\n${passed} passed, ${failed} failed\n`)
process.exitCode = failed === 0 ? 0 : 1
