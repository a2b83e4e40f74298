import { type Address, type MicroUsd, microUsd } from '@stead/core'
import type { JobVerification } from '@stead/sdk/api'
import type { JobOption } from '@stead/sdk/job'
import { type Command, Option } from 'commander'
import { CliError } from '../errors.ts'

/** What a job may cost when nobody says: enough for any example, little enough to lose. */
const MAX_COST_DEFAULT = '1'

/** The options of `run` and `quote` as commander gives them. */
export interface GivenJobOptions {
  readonly input?: readonly string[]
  readonly maxCost: string
  readonly verification: string
  readonly maxRtt?: string
  readonly deadline?: string
  readonly operator?: readonly string[]
  readonly hedge: boolean
  readonly strictFloats?: boolean
}

/** On what terms a job is to run. */
export interface RunTerms {
  readonly verification: JobVerification
  readonly maxCostMicroUsd: MicroUsd
  readonly maxRttMs?: number
  readonly deadlineMs?: number
  readonly operators?: readonly Address[]
  readonly hedge?: boolean
  readonly floats?: 'strict'
}

/** Adds the folder and the options that every job has; `run` takes the folder as optional, for its help. */
export function addJobOptions(command: Command, directory: '<directory>' | '[directory]' = '<directory>'): void {
  const collect = (next: string, before: string[] | undefined): string[] => [...(before ?? []), next]
  command
    .argument(directory, 'folder of the job package (it has a stead.job.ts)')
    .argument('[options...]', 'options of the job itself; see: stead run <directory> --help')
    .allowUnknownOption()
    .addOption(
      new Option(
        '--input <file>',
        'a file, stead://bucket/key or all of stead://bucket/folder/; may be repeated',
      ).argParser(collect),
    )
    .addOption(new Option('--max-cost <usd>', 'hard cap in dollars').default(MAX_COST_DEFAULT))
    .addOption(
      new Option('--verification <how>', 'trust, quorum=<n>, adaptive or adaptive=<floor 0..1>').default('adaptive'),
    )
    .addOption(new Option('--max-rtt <ms>', 'only nodes with a shorter measured round trip'))
    .addOption(new Option('--deadline <seconds>', 'end in what is done after so long'))
    .addOption(
      new Option('--operator <address>', 'only nodes of this operator (your own); may be repeated').argParser(collect),
    )
    .addOption(new Option('--no-hedge', 'no second copies of slow tasks'))
    .addOption(new Option('--strict-floats', 'the same NaN bits on every node from the start, at some cost in fuel'))
}

/** The terms that the options say. @throws CliError CLI_USAGE naming the option */
export function runTermsOf(options: GivenJobOptions): RunTerms {
  const { maxRtt, deadline, operator } = options
  return {
    verification: verificationOf(options.verification),
    maxCostMicroUsd: dollarsOf('--max-cost', options.maxCost),
    ...(maxRtt === undefined ? {} : { maxRttMs: positiveOf('--max-rtt', maxRtt) }),
    ...(deadline === undefined ? {} : { deadlineMs: Math.ceil(positiveOf('--deadline', deadline) * 1000) }),
    ...(operator === undefined ? {} : { operators: operator.map(operatorOf) }),
    ...(options.hedge ? {} : { hedge: false }),
    ...(options.strictFloats === true ? { floats: 'strict' } : {}),
  }
}

function usage(message: string): CliError {
  return new CliError('CLI_USAGE', message, { next: 'See: stead run --help' })
}

function verificationOf(text: string): JobVerification {
  const [mode = '', value] = text.split('=')
  if (mode === 'trust' && value === undefined) return { mode }
  if (mode === 'adaptive' && value === undefined) return { mode }
  if (mode === 'adaptive') {
    const floor = Number(value)
    if (value !== '' && floor >= 0 && floor <= 1) return { mode, floor }
  }
  const replicas = Number(value)
  if (mode === 'quorum' && Number.isInteger(replicas) && replicas >= 2 && replicas <= 16) return { mode, replicas }
  throw usage(`--verification must be trust, quorum=2..16, adaptive or adaptive=0..1, not ${JSON.stringify(text)}`)
}

/** Dollars as people write them, with at most six decimals, exactly. */
function dollarsOf(name: string, text: string): MicroUsd {
  const match = /^(\d{1,12})(?:\.(\d{1,6}))?$/.exec(text)
  if (match === null)
    throw usage(`${name} must be dollars with at most 6 decimals, such as 0.25, not ${JSON.stringify(text)}`)
  const [, whole = '0', fraction = ''] = match
  const amount = BigInt(whole) * 1_000_000n + BigInt(fraction.padEnd(6, '0'))
  if (amount === 0n) throw usage(`${name} must be above 0`)
  return microUsd(amount)
}

function positiveOf(name: string, text: string): number {
  const value = Number(text)
  if (text.trim() === '' || !Number.isFinite(value) || value <= 0)
    throw usage(`${name} must be a number above 0, not ${JSON.stringify(text)}`)
  return value
}

function operatorOf(text: string): Address {
  if (!/^0x[0-9a-fA-F]{40}$/.test(text))
    throw usage(`--operator must be 0x and 40 hexadecimal digits, not ${JSON.stringify(text)}`)
  return text.toLowerCase() as Address
}

/** What is left of a command line, as values of the job's own options. @throws CliError CLI_USAGE */
export function ownOptionsOf(
  options: readonly JobOption[],
  rest: readonly string[],
): Record<string, string | boolean | undefined> {
  const values: Record<string, string | boolean> = {}
  const words = [...rest]
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    const match = /^--([a-z0-9][a-z0-9-]*)(?:=([\s\S]*))?$/.exec(word)
    const name = match?.[1]
    if (name === undefined) throw usage(`${JSON.stringify(word)} is not an option`)
    const known = options.find((option) => option.name === name)
    if (known === undefined) {
      const names = options.map((option) => `--${option.name}`).join(', ')
      throw usage(`unknown option --${name}; the job's own options: ${names === '' ? 'none' : names}`)
    }
    const value = known.kind === 'flag' ? true : (match?.[2] ?? words.shift())
    if (value === undefined) throw usage(`--${name} needs a value`)
    values[name] = value
  }
  return values
}

/** The job's own options as help. */
export function describeOwnOptions(options: readonly JobOption[]): string {
  if (options.length === 0) return 'The job has no options of its own.'
  const lines = options.map((option) => {
    const value = option.kind === 'flag' ? '' : ` <${option.valueName ?? option.choices?.join('|') ?? option.kind}>`
    const standard = option.default === undefined ? '' : ` (default: ${JSON.stringify(option.default)})`
    return `  ${`--${option.name}${value}`.padEnd(26)} ${option.description}${standard}`
  })
  return `Options of the job:\n${lines.join('\n')}`
}
