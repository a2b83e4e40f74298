import { formatMicroUsd } from '@stead/core'
import type { PurseView } from '@stead/sdk/api'
import type { Command } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { addMemberOption, clientFor, type GivenMember } from '../node-place.ts'
import { renderTable } from '../terminal/table.ts'
import { toJson } from '../terminal/terminal.ts'

interface GivenPurses extends GivenMember {
  readonly all?: boolean
}

const HELP = `
A purse is money that this node locked on chain for some providers, one share for each. PAID is on vouchers, and is or
will be the providers'; the rest is yours. A purse that nobody has used for purses.idleDays (a week) comes home by itself
when it holds purses.minimumMicroUsd (ten cents); others, or sooner: stead thaw <purse>`

/** `stead purses`: money that is locked. */
export function define(command: Command, context: CommandContext): void {
  addMemberOption(command, 'payer')
    .option('--all', 'those as well that came home')
    .addHelpText('after', HELP)
    .action(async (given: GivenPurses) => {
      const { terminal } = context
      const answer = await clientFor(context, given).listPurses({ all: given.all === true })
      terminal.out(terminal.isJson ? toJson(answer) : describePurses(answer.purses))
    })
}

/** Purses as a table. */
export function describePurses(purses: readonly PurseView[]): string {
  if (purses.length === 0) return 'no money is locked'
  return renderTable<PurseView>(
    [
      { title: 'PURSE', value: ({ purse }) => purse },
      { title: 'SINCE', value: ({ createdAt }) => new Date(createdAt).toISOString() },
      { title: 'PROVIDERS', value: ({ providers }) => String(providers), isNumber: true },
      { title: 'LOCKED', value: ({ totalMicroUsd }) => formatMicroUsd(totalMicroUsd), isNumber: true },
      { title: 'PAID', value: ({ signedMicroUsd }) => formatMicroUsd(signedMicroUsd), isNumber: true },
      { title: 'STATE', value: stateOf },
    ],
    purses,
  )
}

function stateOf({ stage, thawEndsAt, refundMicroUsd }: PurseView): string {
  if (stage === 'thawing') return `thaws until ${thawEndsAt === undefined ? '?' : new Date(thawEndsAt).toISOString()}`
  if (stage === 'closed') return `${formatMicroUsd(refundMicroUsd ?? (0n as PurseView['totalMicroUsd']))} came home`
  return stage === 'funding' ? 'being locked' : 'locked'
}
