import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { amountOf } from '@stead/compute'
import { formatMicroUsd, type MicroUsd, messageOf, microUsd } from '@stead/core'
import type { JobPlan, JobReport } from '@stead/sdk/job'
import { sourceStack } from '@stead/toolchain'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { exitCodeOf } from '../exit-codes.ts'
import { jobInputs } from '../job/job-inputs.ts'
import { ownOptionsOf } from '../job/job-options.ts'
import { type LoadedPackage, loadPackage, planJob } from '../job/load-package.ts'
import { describeTasks, type TaskLine, taskLineOf } from '../local/local-report.ts'
import { type LocalRun, runLocally } from '../local/local-run.ts'
import { clientFor } from '../node-place.ts'
import { errorFacts, printError } from '../terminal/print-error.ts'
import { toJson } from '../terminal/terminal.ts'

/** What a node asks when its owner sets nothing (provide.priceMicroUsdPerGigafuel, provide.minimumMicroUsdPerTask). */
const PRICE_DEFAULT = '20'
const MINIMUM_MICRO_USD = microUsd(1)
const PRICE_MAX = 1_000_000_000
const EXPECTED_FILE = join('test', 'expected.json')
/** How far the fuel limit may lie above what the longest task used before that is worth a word. */
const LIMIT_RATIO_MAX = 20n
/** Standard error shown of a task that failed. */
const STDERR_LINES = 20

interface TestOptions {
  readonly input?: readonly string[]
  readonly price: string
  readonly update?: boolean
}

/** `stead test`: a job's tasks in the sandbox on this machine, what they would cost, and the report. */
export function define(command: Command, context: CommandContext): void {
  const collect = (next: string, before: string[] | undefined): string[] => [...(before ?? []), next]
  command
    .argument('[directory]', 'folder of the job package (it has a stead.job.ts)', '.')
    .argument('[options...]', 'options of the job itself')
    .allowUnknownOption()
    .addOption(
      new Option(
        '--input <file>',
        'a file, stead://bucket/key or all of stead://bucket/folder/; may be repeated',
      ).argParser(collect),
    )
    .addOption(
      new Option('--price <micro-usd>', 'price of 10^9 units of fuel, in micro-dollars').default(PRICE_DEFAULT),
    )
    .addOption(new Option('--update', `write the findings into ${EXPECTED_FILE}, with which later tests compare`))
    .action((directory: string, rest: string[], options: TestOptions) => test(directory, { rest, options }, context))
}

async function test(
  directory: string,
  { rest, options }: { readonly rest: readonly string[]; readonly options: TestOptions },
  context: CommandContext,
): Promise<void> {
  const { terminal } = context
  const priceOf = priceRule(options.price)
  const signal = context.interruption()
  const loaded = await loadPackage(directory)
  const own = ownOptionsOf(loaded.job.options, rest)
  const inputs = await jobInputs(options.input ?? [], () => clientFor(context))
  const plan = await planJob(loaded, { inputs, options: own })
  for (const notice of plan.notices) terminal.message(notice)
  const run = await runInterruptibly(plan, { directory, signal })
  const lines = run.tasks.map((task) => taskLineOf(task, priceOf))
  const results = run.tasks.map(({ result }) => result)
  const report = loaded.job.report(results, JSON.parse(JSON.stringify(plan.context)))
  const isPlain = rest.length === 0 && options.input === undefined
  const failed = failureOf(lines)
  // What failed tasks leave of the findings is nothing that later tests should expect.
  if (options.update === true && failed === undefined) await writeExpected(loaded, report)
  const failure = failed ?? (isPlain ? await mismatchOf(loaded, report) : undefined)
  if (failure !== undefined) context.exitWith(exitCodeOf(failure))
  const fuel = lines.reduce((sum, line) => sum + line.fuel, 0n)
  const costMicroUsd = microUsd(lines.reduce((sum, line) => sum + line.priceMicroUsd, 0n))
  if (terminal.isJson) {
    const { findings, complete } = report
    const facts = { module: run.module.moduleId, memoryPagesMin: run.module.memoryPagesMin, limits: plan.limits }
    const error = failure === undefined ? {} : { error: errorFacts(failure) }
    terminal.out(toJson({ findings, complete, tasks: lines, fuel, costMicroUsd, ...facts, ...error }))
  } else {
    terminal.out(describeTasks(lines))
    await printFailures(loaded, run, context)
    terminal.message(
      `\n${lines.length} tasks: fuel ${fuel}; ${formatMicroUsd(costMicroUsd)} for each replica at ${options.price} micro-dollars per 10^9 units`,
    )
    terminal.message(
      `memory: ${run.module.memoryPagesMin} pages of 64 KiB at the start, at most ${plan.limits.memoryPages}\n`,
    )
    const hint = limitHint(lines, plan.limits.fuel)
    if (hint !== undefined) terminal.message(hint)
    for (const line of report.lines) terminal.out(line)
  }
  if (failure !== undefined && !terminal.isJson) printError(terminal, failure)
}

async function runInterruptibly(
  plan: JobPlan,
  { directory, signal }: { readonly directory: string; readonly signal: AbortSignal },
): Promise<LocalRun> {
  try {
    return await runLocally(plan, signal)
  } catch (cause) {
    if (!signal.aborted) throw cause
    const next = `Run it again: stead test ${directory}`
    throw new CliError('CLI_INTERRUPTED', 'interrupted; nothing was paid', { next, cause })
  }
}

function priceRule(text: string): (fuel: bigint) => MicroUsd {
  const price = Number(text)
  if (text.trim() === '' || !Number.isInteger(price) || price < 0 || price > PRICE_MAX) {
    throw new CliError('CLI_USAGE', `--price must be a whole number of micro-dollars, not ${JSON.stringify(text)}`, {
      next: 'See: stead test --help',
    })
  }
  const terms = { priceMicroUsdPerGigafuel: microUsd(price), minimumMicroUsdPerTask: MINIMUM_MICRO_USD }
  return (fuel) => amountOf(terms, fuel as Parameters<typeof amountOf>[1])
}

/** Nodes give credit for a task at its fuel limit, a stranger gets little: a limit far too high finds nobody. */
function limitHint(lines: readonly TaskLine[], limit: bigint): string | undefined {
  let most = 0n
  for (const { succeeded, fuel } of lines) if (succeeded && fuel > most) most = fuel
  if (most === 0n || limit / most < LIMIT_RATIO_MAX) return undefined
  return `The fuel limit of ${limit} is ${limit / most} times what the longest task used; nodes give little credit to strangers, so set it to a few times that.\n`
}

function failureOf(lines: readonly TaskLine[]): CliError | undefined {
  const failed = lines.filter(({ succeeded }) => !succeeded)
  const [first] = failed
  if (first === undefined) return undefined
  return new CliError(
    'CLI_TEST_FAILED',
    `${failed.length} of ${lines.length} tasks failed; the first: ${first.key}: ${first.outcome}`,
    {
      details: { failed: failed.length, tasks: lines.length },
    },
  )
}

/** Says what each failed task wrote to standard error, with the places of its TypeScript sources where they are known. */
async function printFailures({ directory }: LoadedPackage, run: LocalRun, { terminal }: CommandContext): Promise<void> {
  for (const { key, outcome } of run.tasks) {
    if (outcome.status !== 'ok' || outcome.exitCode === 0 || outcome.stderr.length === 0) continue
    const said = await sourceStack(directory, run.module.moduleId, new TextDecoder().decode(outcome.stderr).trimEnd())
    const lines = said.split('\n')
    terminal.message(
      `\n${key}:\n${lines
        .slice(0, STDERR_LINES)
        .map((line) => `  ${line}`)
        .join('\n')}`,
    )
    if (lines.length > STDERR_LINES) terminal.message(`  … ${lines.length - STDERR_LINES} more lines`)
  }
}

async function writeExpected({ directory }: LoadedPackage, report: JobReport): Promise<void> {
  const file = join(directory, EXPECTED_FILE)
  await mkdir(dirname(file), { recursive: true })
  await writeFile(file, `${JSON.stringify(report.findings, null, 2)}\n`)
}

async function mismatchOf({ directory }: LoadedPackage, report: JobReport): Promise<CliError | undefined> {
  const file = join(directory, EXPECTED_FILE)
  if (!existsSync(file)) return undefined
  let expected: unknown
  try {
    expected = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    return new CliError('CLI_TEST_FAILED', `${file} is not JSON: ${messageOf(cause)}`, { cause })
  }
  const found: unknown = JSON.parse(JSON.stringify(report.findings))
  if (isDeepStrictEqual(expected, found)) return undefined
  return new CliError('CLI_TEST_FAILED', `the findings are not those of ${file}`, {
    details: { expected: JSON.stringify(expected).slice(0, 500), found: JSON.stringify(found).slice(0, 500) },
    next: `If the new findings are right: stead test ${directory} --update`,
  })
}
