import { formatMicroUsd } from '@stead/core'
import type { ReceiptLine } from '@stead/sdk/api'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { type Column, renderCsv, renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'
import { jobIdOf } from './jobs.ts'

/** `stead receipts`: every entry that was paid for. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .addOption(new Option('--csv', 'comma-separated values'))
    .addOption(new Option('--job <id>', 'only receipts of this job'))
    .action(async (options: GivenMember & { readonly csv?: boolean; readonly job?: string }) => {
      const query = options.job === undefined ? {} : { job: jobIdOf(options.job) }
      const { receipts } = await clientFor(context, options).listReceipts(query)
      if (context.terminal.isJson) return context.terminal.out(toJson({ receipts }))
      if (options.csv === true) return void process.stdout.write(renderCsv(columns, receipts))
      if (receipts.length === 0) return context.terminal.message('nothing was paid yet')
      context.terminal.out(renderTable(shortColumns, receipts))
      const total = receipts.reduce((sum, line) => sum + line.amountMicroUsd, 0n)
      context.terminal.message(`${receipts.length} entries, ${formatMicroUsd(total)}`)
    })
}

const columns: readonly Column<ReceiptLine>[] = [
  { title: 'paidAt', value: (line) => new Date(line.paidAt).toISOString() },
  { title: 'job', value: (line) => line.job ?? '' },
  { title: 'task', value: (line) => line.task ?? '' },
  { title: 'node', value: (line) => line.node },
  { title: 'operator', value: (line) => line.operator },
  { title: 'channel', value: (line) => line.channel },
  { title: 'increment', value: (line) => String(line.increment) },
  { title: 'item', value: (line) => line.item },
  { title: 'evidence', value: (line) => line.evidence },
  { title: 'fuel', value: (line) => String(line.quantity) },
  { title: 'amountMicroUsd', value: (line) => String(line.amountMicroUsd) },
  { title: 'receipted', value: (line) => String(line.receipted) },
]

const shortColumns: readonly Column<ReceiptLine>[] = [
  { title: 'PAID', value: (line) => new Date(line.paidAt).toISOString() },
  { title: 'TASK', value: (line) => line.task ?? line.item.slice(0, 16) },
  { title: 'NODE', value: (line) => line.node },
  { title: 'FUEL', value: (line) => String(line.quantity), isNumber: true },
  { title: 'AMOUNT', value: (line) => formatMicroUsd(line.amountMicroUsd), isNumber: true },
  { title: 'RECEIPT', value: (line) => (line.receipted ? 'both signed' : 'waiting') },
]
