import { formatMicroUsd, formatTokenUnits } from '@stead/core'
import type { EarningsReport, EpochEarningsRow } from '@stead/sdk/api'
import { type Command, Option } from 'commander'
import { formatWei } from '../chain/amounts.ts'
import type { CommandContext } from '../command-context.ts'
import { clientFor } from '../daemon-access.ts'
import { epochOf } from '../epoch/audit-commands.ts'
import { type JobEarnings, jobEarnings } from '../epoch/job-earnings.ts'
import { type Column, renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenRange {
  readonly from?: string
  readonly to?: string
  readonly jobs?: boolean
}

/** `stead earnings`: what the node's operator earned, by epoch, and why a zero is one. */
export function define(command: Command, context: CommandContext): void {
  command
    .addOption(new Option('--from <epoch>', 'leave out earlier epochs'))
    .addOption(new Option('--to <epoch>', 'leave out later epochs'))
    .addOption(new Option('--jobs', 'also what each job brought; where only its payer knows the job, each channel'))
    .addHelpText('after', '\nThe same from public evidence, by anybody: stead audit address <operator>')
    .action((given: GivenRange) => earnings(given, context))
}

async function earnings(given: GivenRange, context: CommandContext): Promise<void> {
  const range = {
    ...(given.from === undefined ? {} : { from: epochOf(given.from) }),
    ...(given.to === undefined ? {} : { to: epochOf(given.to) }),
  }
  const client = clientFor(context)
  const { operator, rows } = await client.getEarnings(range)
  const receipts = given.jobs === true ? (await client.listReceipts()).receipts : undefined
  const jobs = receipts === undefined ? undefined : jobEarnings(receipts, operator)
  const { terminal } = context
  if (terminal.isJson) return void terminal.out(toJson({ operator, rows, ...(jobs === undefined ? {} : { jobs }) }))
  terminal.out(describe({ operator, rows }))
  if (jobs !== undefined) terminal.out(`\n${describeJobs(jobs)}`)
}

function describe({ operator, rows }: Pick<EarningsReport, 'operator' | 'rows'>): string {
  if (rows.length === 0) return `${operator}: no epochs in this range`
  const sum = (field: 'grossMicroUsd' | 'feeMicroUsd' | 'netMicroUsd' | 'gasWei' | 'mintedTokenUnits'): bigint =>
    rows.reduce((total, row) => total + row[field], 0n)
  const total = `together: gross ${formatMicroUsd(sum('grossMicroUsd'))}, fee ${formatMicroUsd(sum('feeMicroUsd'))}, net ${formatMicroUsd(sum('netMicroUsd'))}, gas ${formatWei(sum('gasWei'))}, minted ${formatTokenUnits(sum('mintedTokenUnits'))}`
  return [operator, renderTable(columns, rows), total].join('\n')
}

const columns: readonly Column<EpochEarningsRow>[] = [
  { title: 'EPOCH', value: (row) => String(row.epoch), isNumber: true },
  { title: 'GROSS', value: (row) => formatMicroUsd(row.grossMicroUsd), isNumber: true },
  { title: 'FEE', value: (row) => formatMicroUsd(row.feeMicroUsd), isNumber: true },
  { title: 'GAS', value: (row) => formatWei(row.gasWei), isNumber: true },
  { title: 'NET', value: (row) => formatMicroUsd(row.netMicroUsd), isNumber: true },
  { title: 'MINTED', value: (row) => formatTokenUnits(row.mintedTokenUnits), isNumber: true },
  { title: 'SPONSORED', value: (row) => formatMicroUsd(row.sponsoredMicroUsd), isNumber: true },
  { title: 'WHY NOT MORE', value: (row) => row.reason ?? '' },
]

function describeJobs(jobs: readonly JobEarnings[]): string {
  if (jobs.length === 0) return 'no job has paid this operator yet'
  return renderTable(
    [
      { title: 'JOB OR CHANNEL', value: (each) => each.job ?? each.channel },
      { title: 'DELIVERIES', value: (each) => String(each.deliveries), isNumber: true },
      { title: 'FUEL', value: (each) => String(each.fuel), isNumber: true },
      { title: 'GROSS', value: (each) => formatMicroUsd(each.grossMicroUsd), isNumber: true },
      { title: 'NOT RECEIPTED', value: (each) => formatMicroUsd(each.waitingMicroUsd), isNumber: true },
    ],
    jobs,
  )
}
