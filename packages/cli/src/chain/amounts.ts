import { type Address, address, type MicroUsd, microUsd } from '@stead/core'
import { CliError } from '../errors.ts'

const TOKEN_DECIMALS = 18
const DOLLAR_DECIMALS = 6

function unitsOf(text: string, decimals: number, what: string): bigint {
  const match = /^([0-9]{1,15})(?:\.([0-9]+))?$/.exec(text)
  const [, whole = '', fraction = ''] = match ?? []
  const units = match === null || fraction.length > decimals ? 0n : BigInt(whole + fraction.padEnd(decimals, '0'))
  if (units > 0n) return units
  const shown = JSON.stringify(text.slice(0, 80))
  throw new CliError('CLI_USAGE', `${what} are a number above 0 with at most ${decimals} decimals, not ${shown}`)
}

/** Tokens as a person writes them, `12.5`, in units of 10^-18. @throws CliError CLI_USAGE */
export function tokensOf(text: string): bigint {
  return unitsOf(text, TOKEN_DECIMALS, 'tokens')
}

/** Dollars as a person writes them, in micro-dollars. @throws CliError CLI_USAGE */
export function dollarsOf(text: string): MicroUsd {
  return microUsd(unitsOf(text, DOLLAR_DECIMALS, 'dollars'))
}

/** An address of any letter case. @throws CliError CLI_USAGE */
export function addressOf(text: string): Address {
  if (/^0x[0-9a-fA-F]{40}$/.test(text)) return address(text)
  throw new CliError(
    'CLI_USAGE',
    `an address is 0x and 40 hexadecimal digits, not ${JSON.stringify(text.slice(0, 80))}`,
  )
}

/** Parts per million as percent: 12345 becomes `1.2345 %`. */
export function formatPpm(ppm: number): string {
  return `${ppm / 10_000} %`
}

/** The chain's coin, rounded to nine digits: gas is paid in it. */
export function formatWei(wei: bigint): string {
  const nano = wei / 1_000_000_000n
  return `${nano / 1_000_000_000n}.${(nano % 1_000_000_000n).toString().padStart(9, '0')} ETH`
}
