import { formatMicroUsd, type Hash } from '@stead/core'
import type { Command } from 'commander'
import { withAccount } from '../chain/account-key.ts'
import { dollarsOf } from '../chain/amounts.ts'
import { chainPlace } from '../chain/chain-place.ts'
import { outcomeText } from '../chain/outcome-text.ts'
import { addSpenderOptions, type GivenSpender, spenderOf } from '../chain/spender-options.ts'
import type { OpenEconomy } from '../chain/with-economy.ts'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { toJson } from '../terminal/terminal.ts'

/** `stead sponsor`: puts dollars into a reward program, for good. */
export function define(command: Command, context: CommandContext): void {
  command
    .argument('<program>', 'id of the program: 0x and 64 digits, the hash of its policy')
    .argument('<dollars>', 'how much, such as 5 or 0.25')
  addSpenderOptions(command)
    .addHelpText('after', '\nThere is no way back for a deposit: operators work for it as soon as it is there.')
    .action((program: string, dollars: string, given: GivenSpender) => sponsor({ program, dollars }, given, context))
}

async function sponsor(
  { program, dollars }: { readonly program: string; readonly dollars: string },
  given: GivenSpender,
  context: CommandContext,
): Promise<void> {
  const amount = dollarsOf(dollars)
  if (!/^0x[0-9a-f]{64}$/.test(program)) throw new CliError('CLI_USAGE', 'a program is 0x and 64 hexadecimal digits')
  const id = program as Hash
  const account = await spenderOf(given, context)
  const { address } = account.signer
  const place = await chainPlace(given, context)
  const { outcome, left } = await withAccount({ place, account, context }, async (open) => {
    if ((await open.economy.rewardOf(id, address)).source !== 'sponsored') throw await notSponsored(open, id)
    const outcome = await open.economy.sponsor(id, amount)
    return { outcome, left: (await open.economy.rewardOf(id, address)).available }
  })
  const { terminal } = context
  if (terminal.isJson)
    return void terminal.out(toJson({ program, amountMicroUsd: amount, leftMicroUsd: left, outcome }))
  terminal.out(
    [
      `put ${formatMicroUsd(amount)} into program ${program}`,
      `it can pay ${formatMicroUsd(left)} from now on`,
      outcomeText(outcome),
    ].join('\n'),
  )
}

async function notSponsored({ history }: OpenEconomy, program: Hash): Promise<CliError> {
  const span = { fromBlock: history.firstBlock, toBlock: (await history.head()).number }
  const named = await history.programs(span)
  const programs = new Set(named.filter(({ source }) => source === 'sponsored').map((each) => each.program))
  const list = programs.size === 0 ? 'there are none' : `there are: ${[...programs].join(', ')}`
  return new CliError('CLI_USAGE', `${program} is no program that sponsors pay for; ${list}`, {
    next: 'Governance names programs; see docs/economics.md.',
  })
}
