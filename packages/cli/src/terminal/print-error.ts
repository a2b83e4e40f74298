import { formatMicroUsd, formatTokenUnits, isSteadError, type SteadError } from '@stead/core'
import { type ExitCode, exitCodeOf, exitCodes } from '../exit-codes.ts'
import { namedError } from '../system-error.ts'
import { shownName, shownText } from './shown-name.ts'
import { type Terminal, toJson } from './terminal.ts'

/** Tells a person (and with --json a program) what went wrong, and gives the exit code. Never a stack trace. */
export function printError(terminal: Terminal, thrown: unknown): ExitCode {
  const error = namedError(thrown)
  if (!isSteadError(error)) return printUnknown(terminal, error)
  if (terminal.isJson) terminal.out(toJson({ error: errorFacts(error) }))
  const { bad, dim } = terminal.style
  terminal.message(`${bad('error:')} ${shownMessage(error)} ${dim(`(${error.code})`)}`)
  const numbers = numbersOf(error)
  if (numbers !== '') terminal.message(`  ${numbers}`)
  terminal.message(`  next: ${shownText(error.next)}`)
  return exitCodeOf(error)
}

/** Messages may have several lines; the names in them, which are among the details, may not. Each is escaped once. */
function shownMessage({ message, details }: SteadError): string {
  const names = Object.values(details).filter((value) => typeof value === 'string' && value !== '')
  // An address has a key in it: the longer one is taken for what it is.
  const longestFirst = [...new Set(names)].map(String).toSorted((left, right) => right.length - left.length)
  if (longestFirst.length === 0) return shownText(message)
  const pattern = longestFirst.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&')).join('|')
  return shownText(message.replace(new RegExp(pattern, 'g'), (name) => shownName(name)))
}

/** An error as data. */
export function errorFacts(error: SteadError): Record<string, unknown> {
  const { code, kind, retryable, message, next, details } = error
  return { code, kind, retryable, message, next, details }
}

/** `need 1.000000 USD, have 0.200000 USD`: the two numbers that a person compares, where an error has them. */
function numbersOf(error: SteadError): string {
  return Object.entries(error.details)
    .filter(([key, value]) => /^(need|have|reserved|limit|allowed)/.test(key) && value !== undefined)
    .map(([key, value]) => {
      const [, word = key, unit = ''] = /^(need|have|reserved|limit|allowed)(.*)$/.exec(key) ?? []
      if (unit === 'MicroUsd') return `${word} ${formatMicroUsd(BigInt(String(value)))}`
      if (unit === 'TokenUnits') return `${word} ${formatTokenUnits(BigInt(String(value)))}`
      return `${word} ${String(value)}${unit === '' ? '' : ` ${unit.toLowerCase()}`}`
    })
    .join(', ')
}

function printUnknown(terminal: Terminal, error: unknown): ExitCode {
  const message = error instanceof Error ? error.message : String(error)
  if (terminal.isJson) terminal.out(toJson({ error: { code: 'CLI_INTERNAL', message } }))
  terminal.message(`${terminal.style.bad('error:')} ${shownText(message)}`)
  terminal.message('  next: this is a fault of the program; run it again with STEAD_LOG_LEVEL=debug and report both')
  return exitCodes.error
}
