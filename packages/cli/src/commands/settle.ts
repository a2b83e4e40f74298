import { formatMicroUsd } from '@stead/core'
import type { SettleAnswer } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { exitCodes } from '../exit-codes.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

const HELP = `
A payer sends the vouchers that it owes; a provider claims the vouchers that it has into the Escrow, whatever the gas
costs. On a local network: stead settle, then stead settle --node provider-1. From the Escrow to the operator: stead claim`

/** `stead settle`: pays what is owed and claims what was earned. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .addHelpText('after', HELP)
    .action(async (given: GivenMember) => {
      const answer = await clientFor(context, given).settle()
      if (answer.unpaid.length > 0) context.exitWith(exitCodes.retryable)
      context.terminal.out(context.terminal.isJson ? toJson(answer) : describe(answer))
    })
}

function describe(answer: SettleAnswer): string {
  const lines = [`paid to others, with receipts: ${formatMicroUsd(answer.paidMicroUsd)}`]
  for (const { node, amountMicroUsd, reason } of answer.unpaid) {
    lines.push(`not receipted yet: ${formatMicroUsd(amountMicroUsd)} to ${node} (${reason})`)
  }
  if (answer.claimed.length === 0) return [...lines, 'nothing to claim'].join('\n')
  const table = renderTable(
    [
      { title: 'CHANNEL', value: (each) => each.channel.slice(0, 18) },
      { title: 'GROSS', value: (each) => formatMicroUsd(each.grossMicroUsd), isNumber: true },
      { title: 'FEE', value: (each) => formatMicroUsd(each.feeMicroUsd), isNumber: true },
      { title: 'NET', value: (each) => formatMicroUsd(each.netMicroUsd), isNumber: true },
      { title: 'TRANSACTION', value: (each) => each.transaction },
    ],
    answer.claimed,
  )
  const gas = answer.transactions.reduce((sum, each) => sum + each.gasUsed, 0n)
  return [...lines, table, `gas used: ${gas}`].join('\n')
}
