import { formatMicroUsd, formatTokenUnits } from '@stead/core'
import type { ClaimableLine } from '@stead/rewards'
import { formatWei } from '../chain/amounts.ts'
import { renderTable } from '../terminal/table.ts'
import type { ClaimStep } from './carry-out.ts'
import type { ClaimPlan } from './claim-plan.ts'

/** What can be claimed, in lines for a person. */
export function describePlan({ operator, owedMicroUsd, finalEpoch, accruable, lines }: ClaimPlan): string {
  const rising = accruable.reduce((sum, { tokenUnits }) => sum + tokenUnits, 0n)
  const epochs = accruable.map(({ epoch }) => epoch).join(', ')
  const rewards =
    finalEpoch === undefined
      ? 'rewards: none yet, no root is final'
      : lines.length === 0
        ? `rewards: none by the final root, which is of epoch ${finalEpoch}`
        : `rewards by the final root, which is of epoch ${finalEpoch}:\n${tableOf(lines)}`
  return [
    `operator ${operator}`,
    `in the Escrow: ${formatMicroUsd(owedMicroUsd)}`,
    rewards,
    ...(rising === 0n
      ? []
      : [
          `the cap rises first, by ${formatTokenUnits(rising)} for the fees of ${accruable.length === 1 ? 'epoch' : 'epochs'} ${epochs}`,
        ]),
  ].join('\n')
}

function tableOf(lines: readonly ClaimableLine[]): string {
  return renderTable(
    [
      { title: 'PROGRAM', value: (line) => line.claim.program.slice(0, 18) },
      { title: 'EARNED', value: (line) => amountOf(line, line.claim.cumulative), isNumber: true },
      { title: 'PAID BEFORE', value: (line) => amountOf(line, line.paidUnits), isNumber: true },
      { title: 'NOW', value: (line) => amountOf(line, line.payableUnits), isNumber: true },
      {
        title: 'LEFT',
        value: (line) => amountOf(line, line.claim.cumulative - line.paidUnits - line.payableUnits),
        isNumber: true,
      },
    ],
    lines,
  )
}

function amountOf({ isMinting }: { readonly isMinting: boolean }, units: bigint): string {
  return isMinting ? formatTokenUnits(units) : formatMicroUsd(units)
}

/** What was sent, one transaction a line, and its gas. */
export function describeSteps(plan: ClaimPlan, steps: readonly ClaimStep[]): string {
  const paying = plan.lines.filter(({ payableUnits }) => payableUnits > 0n).values()
  const what = ({ kind }: ClaimStep): string => {
    if (kind === 'payout') return `paid out ${formatMicroUsd(plan.owedMicroUsd)}`
    if (kind === 'accrue') return 'raised the cap'
    const line = paying.next().value
    return line === undefined ? 'claimed a reward' : `claimed ${amountOf(line, line.payableUnits)}`
  }
  const gas = steps.reduce((sum, { gasCostWei }) => sum + gasCostWei, 0n)
  return [
    ...steps.map((step) => `${what(step)}: transaction ${step.transaction}, gas ${formatWei(step.gasCostWei)}`),
    `gas together: ${formatWei(gas)}`,
  ].join('\n')
}
