import { SdkError } from '@stead/sdk/job'

const UNITS: readonly (readonly [name: string, days: number, spelling: RegExp])[] = [
  ['seconds', 1 / 86_400, /^s(ec(ond)?s?)?$/],
  ['minutes', 1 / 1_440, /^m(in(ute)?s?)?$/],
  ['hours', 1 / 24, /^h((ou)?rs?)?$/],
  ['days', 1, /^(d(ays?)?)?$/],
  ['years', 365.25, /^y((ea)?rs?)?$/],
]

/** Reads a period like `12h`, `90 min`, `1.5y`; a bare number is in days. @throws SdkError JOB_OPTION_INVALID */
export function parsePeriodDays(option: string, text: string): number {
  const [, number, unit] = /^\s*(\d+\.?\d*|\.\d+)\s*([a-z]*)\s*$/i.exec(text) ?? []
  const days = UNITS.find(([, , spelling]) => unit !== undefined && spelling.test(unit.toLowerCase()))?.[1]
  const period = Number(number) * (days ?? Number.NaN)
  if (period > 0 && Number.isFinite(period)) return period
  throw new SdkError(
    'JOB_OPTION_INVALID',
    `--${option} must be a period like 90min, 12h, 3d or 1.5y, not ${JSON.stringify(text)}`,
    {
      details: { option, have: text },
    },
  )
}

/** A period for people in the unit that fits it, with its uncertainty where that is known. */
export function formatPeriod(days: number, uncertaintyDays?: number): string {
  const [name, unitDays] = unitFor(days)
  const value = days / unitDays
  if (uncertaintyDays === undefined) return `${Number(value.toPrecision(5))} ${name}`
  const uncertainty = uncertaintyDays / unitDays
  const decimals = Math.min(9, Math.max(0, 1 - Math.floor(Math.log10(Math.max(uncertainty, 1e-9)))))
  return `${value.toFixed(decimals)} ± ${uncertainty.toFixed(decimals)} ${name}`
}

function unitFor(days: number): readonly [name: string, days: number] {
  if (days < 2 / 1_440) return ['seconds', 1 / 86_400]
  if (days < 1 / 12) return ['minutes', 1 / 1_440]
  if (days < 3) return ['hours', 1 / 24]
  return days < 1_200 ? ['days', 1] : ['years', 365.25]
}
