import { CliError } from '../errors.ts'

/** Thirty years of epochs of a second: no chain has more, and a larger number is a slip of the hand. */
const EPOCH_MAX = 999_999_999

/** An epoch's number as a person gives it; `what` is the argument or option. @throws CliError CLI_USAGE */
export function epochOf(text: string, what: string): number {
  if (!/^[0-9]+$/.test(text)) {
    throw new CliError('CLI_USAGE', `${what} is the number of an epoch, not ${JSON.stringify(text.slice(0, 80))}`)
  }
  const number = Number(text)
  if (number <= EPOCH_MAX) return number
  throw new CliError(
    'CLI_USAGE',
    `${what} ${text.slice(0, 80)} is no epoch: the last that there can be is ${EPOCH_MAX}`,
  )
}

/** The same, where `latest` is a word for the newest; undefined for it. @throws CliError CLI_USAGE */
export function epochOrLatestOf(text: string): number | undefined {
  if (text === 'latest') return undefined
  if (/^[0-9]/.test(text)) return epochOf(text, 'epoch')
  throw new CliError('CLI_USAGE', `an epoch is a number or latest, not ${JSON.stringify(text.slice(0, 80))}`)
}

/** `--from` and `--to` as a person gives them. @throws CliError CLI_USAGE also when the first is after the last */
export function epochRangeOf({ from, to }: { readonly from?: string; readonly to?: string }): {
  readonly from?: number
  readonly to?: number
} {
  const first = from === undefined ? undefined : epochOf(from, '--from')
  const last = to === undefined ? undefined : epochOf(to, '--to')
  if (first !== undefined && last !== undefined && first > last) {
    throw new CliError('CLI_USAGE', `--from ${first} is after --to ${last}`)
  }
  return { ...(first === undefined ? {} : { from: first }), ...(last === undefined ? {} : { to: last }) }
}
