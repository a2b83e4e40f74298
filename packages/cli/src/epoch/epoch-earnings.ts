import { formatMicroUsd, formatTokenUnits, type Hash } from '@stead/core'
import type { EpochEarnings } from '@stead/rewards'
import { renderTable } from '../terminal/table.ts'
import { reasonText } from './reason-text.ts'

/** A table of an operator's epochs, with the reason of everything that is zero or reduced. */
export function describeEarnings(epochs: readonly EpochEarnings[], utility: Hash | undefined): string {
  if (epochs.length === 0) return 'no epochs'
  return renderTable(
    [
      { title: 'EPOCH', value: (each) => String(each.epoch), isNumber: true },
      { title: 'GROSS', value: (each) => formatMicroUsd(each.grossMicroUsd), isNumber: true },
      { title: 'FEE', value: (each) => formatMicroUsd(each.feeMicroUsd), isNumber: true },
      { title: 'NET', value: (each) => formatMicroUsd(each.netMicroUsd), isNumber: true },
      { title: 'MINTED', value: (each) => formatTokenUnits(each.mintedTokenUnits), isNumber: true },
      { title: 'SPONSORED', value: (each) => formatMicroUsd(each.sponsoredMicroUsd), isNumber: true },
      { title: 'WHY NOT MORE', value: (each) => whyNotMore(each, utility) },
    ],
    epochs,
  )
}

function whyNotMore({ programs }: EpochEarnings, utility: Hash | undefined): string {
  return programs
    .flatMap(({ program, reasons }) => reasons.map((reason) => reasonText(reason, program === utility)))
    .join('; ')
}
