import { formatMicroUsd, formatTokenUnits } from '@stead/core'
import type { ClaimOutlook, EarningsReport, EpochEarningsRow } from '@stead/sdk/api'
import { formatWei } from '../chain/amounts.ts'
import { type Column, renderTable } from '../terminal/table.ts'
import type { JobEarnings } from './job-earnings.ts'
import { reasonText } from './reason-text.ts'

const amountColumns: readonly Column<Amounts>[] = [
  { title: 'GROSS', value: (row) => formatMicroUsd(row.grossMicroUsd), isNumber: true },
  { title: 'FEE', value: (row) => formatMicroUsd(row.feeMicroUsd), isNumber: true },
  { title: 'NET', value: (row) => formatMicroUsd(row.netMicroUsd), isNumber: true },
  { title: 'GAS', value: (row) => formatWei(row.gasWei), isNumber: true },
]

type Amounts = Pick<JobEarnings, 'grossMicroUsd' | 'feeMicroUsd' | 'netMicroUsd' | 'gasWei'>

const epochColumns: readonly Column<EpochEarningsRow>[] = [
  { title: 'EPOCH', value: (row) => String(row.epoch), isNumber: true },
  ...amountColumns,
  { title: 'MINTED', value: (row) => formatTokenUnits(row.mintedTokenUnits), isNumber: true },
  { title: 'SPONSORED', value: (row) => formatMicroUsd(row.sponsoredMicroUsd), isNumber: true },
  { title: 'WHY NOT MORE', value: whyNotMore },
]

/** What an operator earned, one epoch a line, and the sum. */
export function describeEpochs({ operator, rows }: Pick<EarningsReport, 'operator' | 'rows'>): string {
  const head = `operator ${operator}`
  if (rows.length === 0) {
    return `${head}\nno epochs in this range; a node without a bond takes no part in them: stead bond`
  }
  const minted = rows.reduce((sum, { mintedTokenUnits }) => sum + mintedTokenUnits, 0n)
  return [
    head,
    renderTable(epochColumns, rows),
    `together: ${describeAmounts(rows)}, minted ${formatTokenUnits(minted)}`,
  ].join('\n')
}

function describeAmounts(rows: readonly Amounts[]): string {
  const sum = (field: keyof Amounts): bigint => rows.reduce((total, row) => total + row[field], 0n)
  return `gross ${formatMicroUsd(sum('grossMicroUsd'))}, fee ${formatMicroUsd(sum('feeMicroUsd'))}, net ${formatMicroUsd(sum('netMicroUsd'))}, gas ${formatWei(sum('gasWei'))}`
}

function whyNotMore({ reason, reasons }: EpochEarningsRow): string {
  if (reasons.length > 0) return reasons.map((each) => reasonText(each, each.isMinting)).join('; ')
  return reason === null ? '' : (UNKNOWN_SHARES[reason] ?? reason)
}

const UNKNOWN_SHARES: Readonly<Record<string, string>> = {
  'epoch-runs': 'epoch-runs: shares are computed when it is over',
  'logs-gathered': 'logs-gathered: shares are computed when the probe logs are in',
  'evidence-missing': 'evidence-missing: nobody who was asked has the evidence: stead peers',
}

/** What each job paid the node, one a line, the sum, and what it waits for; `settle` is the command that claims now. */
export function describeJobs(
  jobs: readonly JobEarnings[],
  { claim, settle }: { readonly claim: ClaimOutlook; readonly settle: string },
): string {
  if (jobs.length === 0) return 'jobs: none has paid this node yet'
  const table = renderTable(jobColumns, jobs)
  return [table, `together: ${describeAmounts(jobs)}`, ...describeOutlook(claim, settle)].join('\n')
}

const jobColumns: readonly Column<JobEarnings>[] = [
  { title: 'JOB OR CHANNEL', value: (each) => each.job ?? each.channels[0] ?? '' },
  { title: 'DELIVERIES', value: (each) => String(each.deliveries), isNumber: true },
  { title: 'FUEL', value: (each) => String(each.fuel), isNumber: true },
  ...amountColumns,
  {
    title: 'NOT CLAIMED',
    value: (each) => formatMicroUsd(each.unclaimedMicroUsd + each.unpaidMicroUsd),
    isNumber: true,
  },
  { title: 'WHY', value: ({ reason }) => (reason === null ? '' : (WHY_NOT_CLAIMED[reason] ?? reason)) },
]

const WHY_NOT_CLAIMED: Readonly<Record<string, string>> = {
  'below-minimum': 'below-minimum: less than a claim is worth',
  'gas-too-dear': 'gas-too-dear: gas would take too much of it',
  'gas-missing': 'gas-missing: the account has no coins for gas; it is tried again',
  'chain-unreachable': 'chain-unreachable: it is tried again',
  'chain-refused': 'chain-refused: the chain did not take the claim',
  claiming: 'claiming: the transaction is on its way',
  'not-weighed-yet': 'not-weighed-yet: the node looks once a minute',
  'not-paid-yet': 'not-paid-yet: delivered, the voucher has not come',
  'nothing-delivered': 'nothing-delivered: the channel was opened, no work came',
  'purse-closed': 'purse-closed: the payer took its money back before it was claimed',
  'purse-missing': 'purse-missing: a reorganisation of the chain undid its funding; the payer has to lock it again',
}

/** What the node waits for before it claims, with its numbers, and how to claim now. */
function describeOutlook(claim: ClaimOutlook, settle: string): readonly string[] {
  const { reason, unclaimedMicroUsd, minimumMicroUsd, gasMicroUsd, error } = claim
  if (unclaimedMicroUsd === 0n) return []
  const gas = gasMicroUsd === null ? '' : `, gas about ${formatMicroUsd(gasMicroUsd)}`
  const failure = error === null ? '' : `; ${error}`
  return [
    `not claimed: ${formatMicroUsd(unclaimedMicroUsd)} (${reason}${failure}); claimed by itself when ${formatMicroUsd(minimumMicroUsd)} (claim.minimumMicroUsd) are left after fee and gas${gas}; now: ${settle}`,
  ]
}
