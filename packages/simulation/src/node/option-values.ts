import { parseArgs } from 'node:util'
import { SimulationError } from '../errors.ts'

/** Options of a command line by their names. */
export type OptionTypes = Readonly<Record<string, { readonly type: 'string' | 'boolean'; readonly short?: string }>>

/** What was given of them. */
export type OptionValues<Options extends OptionTypes> = {
  [Name in keyof Options]?: Options[Name]['type'] extends 'boolean' ? boolean : string
}

/** The largest seed. */
export const SEED_MAX: number = 2 ** 32 - 1

/** Every option at most once, with a value where it takes one. @throws SimulationError SIMULATION_BAD_ARGUMENT */
export function optionValues<Options extends OptionTypes>(
  args: readonly string[],
  options: Options,
): OptionValues<Options> {
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  const values: Record<string, string | boolean> = {}
  for (const token of tokens) {
    if (token.kind === 'option-terminator') continue
    if (token.kind === 'positional')
      throw refused(`${JSON.stringify(token.value)} is no option, and npm keeps options that do not follow --`)
    const { name, rawName, value } = token
    const known = Object.hasOwn(options, name) ? options[name] : undefined
    if (known === undefined) throw refused(`there is no option ${rawName}`)
    if (values[name] !== undefined) throw refused(`${rawName} is given twice`)
    if (known.type === 'boolean' && value !== undefined) throw refused(`${rawName} takes no value`)
    if (known.type === 'string' && (value === undefined || value.startsWith('--')))
      throw refused(`${rawName} needs a value`)
    values[name] = value ?? true
  }
  return values as OptionValues<Options>
}

/** A whole number within limits. @throws SimulationError SIMULATION_BAD_ARGUMENT with the option, the text and the range */
export function integer(option: string, text: string, min: number, max: number): number {
  const value = numeric(option, text, min, max)
  if (!Number.isSafeInteger(value)) throw refused(`${option} is a whole number from ${min} to ${max}, not ${text}`)
  return value
}

/** A number within limits. @throws SimulationError SIMULATION_BAD_ARGUMENT with the option, the text and the range */
export function numeric(option: string, text: string, min: number, max: number): number {
  // Other spellings that JavaScript reads, such as 0x10 and 1e3, are mistakes more often than numbers.
  const value = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= min && value <= max))
    throw refused(`${option} is a number from ${min} to ${max}, not ${text === '' ? 'nothing' : text}`)
  return value
}

/** A seed. @throws SimulationError SIMULATION_BAD_ARGUMENT */
export function seedOf(text: string): number {
  return integer('--seed', text, 0, SEED_MAX)
}

/** What is wrong with a command line, in one line. */
export function refused(message: string): SimulationError {
  return new SimulationError('SIMULATION_BAD_ARGUMENT', message)
}
