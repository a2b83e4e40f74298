import { SdkError } from '../errors.ts'

/** One option of a job's command line. */
export interface JobOption {
  /** Without dashes: `time` is given as `--time <value>`; `a-z` and `-`. */
  readonly name: string
  /** `flag` takes no value; `choice` takes one of `choices`. */
  readonly kind: 'text' | 'number' | 'flag' | 'choice'
  /** One sentence for the help, with the unit. */
  readonly description: string
  /** What the help calls the value, for example `column`. @default the kind */
  readonly valueName?: string
  readonly choices?: readonly string[]
  readonly default?: string | number | boolean
  /** Least and greatest number. */
  readonly minimum?: number
  readonly maximum?: number
}

/** Values of a job's options by name; what was not given and has no default is missing. */
export type JobOptionValues = Readonly<Record<string, string | number | boolean | undefined>>

/**
 * Turns what the command line gave (texts, `true` for a flag) into typed values with defaults.
 * @throws SdkError JOB_OPTION_INVALID for an unknown option or a value that the option cannot take
 */
export function parseJobOptions(
  options: readonly JobOption[],
  given: Readonly<Record<string, string | boolean | undefined>>,
): JobOptionValues {
  const values: Record<string, string | number | boolean | undefined> = {}
  for (const name of Object.keys(given)) {
    if (given[name] === undefined || options.some((option) => option.name === name)) continue
    const known = options.length === 0 ? 'it has none' : `it has --${options.map((option) => option.name).join(', --')}`
    throw new SdkError('JOB_OPTION_INVALID', `the job has no option --${name}; ${known}`, { details: { option: name } })
  }
  for (const option of options) {
    const raw = Object.hasOwn(given, option.name) ? given[option.name] : undefined
    const value = raw === undefined ? option.default : typedValue(option, raw)
    if (value !== undefined) values[option.name] = value
  }
  return values
}

function typedValue(option: JobOption, raw: string | boolean): string | number | boolean {
  const refuse = (need: string): never => {
    throw new SdkError('JOB_OPTION_INVALID', `--${option.name} must be ${need}, not ${JSON.stringify(raw)}`, {
      details: { option: option.name, need, have: String(raw) },
    })
  }
  if (option.kind === 'flag') return typeof raw === 'boolean' ? raw : refuse('given without a value')
  if (typeof raw !== 'string') return refuse('followed by a value')
  if (option.kind === 'number') {
    const number = raw.trim() === '' ? Number.NaN : Number(raw)
    if (!Number.isFinite(number)) return refuse('a number')
    if (option.minimum !== undefined && number < option.minimum) return refuse(`at least ${option.minimum}`)
    if (option.maximum !== undefined && number > option.maximum) return refuse(`at most ${option.maximum}`)
    return number
  }
  const choices = option.choices ?? []
  if (option.kind === 'choice' && !choices.includes(raw)) return refuse(`one of ${choices.join(', ')}`)
  return raw
}
