import { formatMicroUsd, formatTokenUnits } from '@stead/core'
import type { EpochEarnings } from '@stead/rewards'
import { renderTable } from '../terminal/table.ts'
import type { PlayRecord } from './epoch-play.ts'
import type { OperatorBooks, PlayBooks } from './play-books.ts'
import type { Check } from './play-checks.ts'

/** Who earned what and why, the lots, and everything that was checked. */
export function describePlay(record: PlayRecord, books: PlayBooks, checks: readonly Check[]): string {
  return [
    operatorsTable(record, books),
    'NET = GROSS - FEE. MINTED is what the operator received of the tokens that were burned for the fees: at most 80 % of its part, times Q.',
    '',
    ...books.operators
      .map(({ role, does }) => `${role}: ${does}`)
      .filter((line, index, all) => all.indexOf(line) === index),
    '',
    lotsTable(record),
    '',
    ...checks.map(({ what, isTrue }) => `${isTrue ? 'true ' : 'FALSE'}  ${what}`),
  ].join('\n')
}

function operatorsTable({ firstEpoch, epochs }: PlayRecord, { operators }: PlayBooks): string {
  const played = Array.from({ length: epochs }, (_, index) => index)
  const total = (earnings: readonly EpochEarnings[], field: 'grossMicroUsd' | 'feeMicroUsd' | 'netMicroUsd') =>
    plain(formatMicroUsd(earnings.reduce((sum, each) => sum + each[field], 0n)))
  return renderTable<OperatorBooks>(
    [
      { title: 'OPERATOR', value: ({ role }) => role },
      { title: 'NODE', value: ({ name }) => name },
      { title: 'GROSS USD', value: ({ earnings }) => total(earnings, 'grossMicroUsd'), isNumber: true },
      { title: 'FEE', value: ({ earnings }) => total(earnings, 'feeMicroUsd'), isNumber: true },
      { title: 'NET', value: ({ earnings }) => total(earnings, 'netMicroUsd'), isNumber: true },
      ...played.map((index) => ({
        title: `Q ${firstEpoch + index}`,
        value: ({ qualityPpm }: OperatorBooks) => qualityText(qualityPpm[index]),
        isNumber: true,
      })),
      {
        title: 'MINTED STEAD',
        value: ({ mintedTokenUnits }) => plain(formatTokenUnits(mintedTokenUnits)),
        isNumber: true,
      },
      { title: 'BOND', value: ({ bond }) => plain(formatTokenUnits(bond.bondedTokenUnits)), isNumber: true },
      { title: 'WHY NOT MORE', value: (each) => whyNotMore(each.earnings) },
    ],
    operators,
  )
}

/** An amount without its unit and the zeros at its end; the title has the unit. */
function plain(amount: string): string {
  return amount.replace(/ \w+$/, '').replace(/(\.\d\d\d*?)0+$/, '$1')
}

function qualityText(ppm: number | undefined): string {
  return ppm === undefined ? '-' : (ppm / 1e6).toFixed(2)
}

/** By reason: what was minted of what could have been. */
function whyNotMore(earnings: readonly EpochEarnings[]): string {
  const amounts = new Map<string, { need: bigint; have: bigint; times: number }>()
  for (const { programs } of earnings) {
    for (const { code, need, have } of programs[0]?.reasons ?? []) {
      if (code === 'no-fees' || code === 'unsold-lot') continue
      const before = amounts.get(code) ?? { need: 0n, have: 0n, times: 0 }
      amounts.set(code, { need: before.need + need, have: before.have + have, times: before.times + 1 })
    }
  }
  return Array.from(amounts, ([code, { need, have, times }]) =>
    need <= BigInt(times) ? code : `${code}: ${plain(formatTokenUnits(have))} of ${plain(formatTokenUnits(need))}`,
  ).join('; ')
}

function lotsTable({ lots }: PlayRecord): string {
  return renderTable(
    [
      { title: 'LOT', value: ({ lot }) => String(lot), isNumber: true },
      { title: 'UP TO EPOCH', value: ({ lastEpoch }) => String(lastEpoch), isNumber: true },
      { title: 'FEES', value: ({ feesMicroUsd }) => formatMicroUsd(feesMicroUsd), isNumber: true },
      { title: 'BURNED', value: ({ burnedTokenUnits }) => formatTokenUnits(burnedTokenUnits), isNumber: true },
      { title: 'WHICH COST', value: ({ worthMicroUsd }) => formatMicroUsd(worthMicroUsd), isNumber: true },
    ],
    lots,
  )
}
