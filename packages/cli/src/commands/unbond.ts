import { formatTokenUnits } from '@stead/core'
import type { Command } from 'commander'
import { accountOf, withAccount } from '../chain/account-key.ts'
import { tokensOf } from '../chain/amounts.ts'
import { chainPlace } from '../chain/chain-place.ts'
import { addNodeOptions, bondedNode, type GivenNode } from '../chain/node-options.ts'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { bondView, printBond } from './bond.ts'

/** `stead unbond`: starts to take a node's bond back. */
export function define(command: Command, context: CommandContext): void {
  command.argument('<tokens>', 'how many tokens, such as 1500 or 0.5, or all')
  addNodeOptions(command)
    .addHelpText('after', '\nWhat is unbonded counts no more at once, can be slashed for 14 days, then be withdrawn.')
    .action((tokens: string, given: GivenNode) => unbond(tokens, given, context))
}

async function unbond(tokens: string, given: GivenNode, context: CommandContext): Promise<void> {
  const wanted = tokens === 'all' ? undefined : tokensOf(tokens)
  const { address: node, place: keys } = await bondedNode(given, context)
  const account = await accountOf({ keyFile: given.keyFile, side: 'operator' }, keys, context)
  const place = await chainPlace(given, context)
  const { amount, view, outcome } = await withAccount({ place, account, context }, async (open) => {
    const { bondedTokenUnits: have } = await open.economy.bondOf(node)
    const amount = wanted ?? have
    if (have === 0n || have < amount) throw tooMuch(node, amount, have)
    const outcome = await open.economy.unbond(node, amount)
    return { amount, outcome, view: await bondView(open, node) }
  })
  context.terminal.message(`unbonding ${formatTokenUnits(amount)}`)
  printBond(view, context, outcome)
}

function tooMuch(node: string, need: bigint, have: bigint): CliError {
  return new CliError('CLI_USAGE', `node ${node} does not have so much bonded`, {
    details: { node, needTokenUnits: need, haveTokenUnits: have },
    next: 'See the bond: stead bond',
  })
}
