import { type Address, formatTokenUnits, type UnixMs } from '@stead/core'
import type { Command } from 'commander'
import { accountOf, withAccount } from '../chain/account-key.ts'
import { withdrawable } from '../chain/bond-view.ts'
import { chainPlace } from '../chain/chain-place.ts'
import { addNodeOptions, bondedNode, type GivenNode } from '../chain/node-options.ts'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { bondView, printBond } from './bond.ts'

/** `stead withdraw`: sends what has been unbonded for long enough to its operator. */
export function define(command: Command, context: CommandContext): void {
  addNodeOptions(command)
    .addHelpText('after', '\nAnybody may send it: the tokens only ever go to the operator.')
    .action((given: GivenNode) => withdraw(given, context))
}

async function withdraw(given: GivenNode, context: CommandContext): Promise<void> {
  const { address: node, place: keys } = await bondedNode(given, context)
  const account = await accountOf({ keyFile: given.keyFile, side: 'operator' }, keys, context)
  const place = await chainPlace(given, context)
  const { tokenUnits, view, outcome } = await withAccount({ place, account, context }, async (open) => {
    const [state, now] = await Promise.all([open.economy.bondOf(node), open.chain.blockTime()])
    const { tokenUnits, nextAt } = withdrawable(state, now)
    if (tokenUnits === 0n) throw nothing({ node, nextAt, again: againOf(given) })
    const outcome = await open.economy.withdraw(node)
    return { tokenUnits, outcome, view: await bondView(open, node) }
  })
  context.terminal.message(`withdrawn: ${formatTokenUnits(tokenUnits)}`)
  printBond(view, context, outcome)
}

/** The command as it was given, for later. */
function againOf({ node }: GivenNode): string {
  return node === undefined ? 'stead withdraw' : `stead withdraw --node ${node}`
}

function nothing(of: {
  readonly node: Address
  readonly nextAt: UnixMs | undefined
  readonly again: string
}): CliError {
  const { node, nextAt, again } = of

  const message = `node ${node} has nothing to withdraw`
  if (nextAt === undefined) {
    return new CliError('CLI_NOTHING_TO_DO', `${message}: nothing is unbonding`, {
      details: { node },
      next: 'Begin to take the bond back: stead unbond <tokens>',
    })
  }
  const at = new Date(nextAt).toISOString()
  return new CliError('CLI_NOTHING_TO_DO', `${message}: the next part can be withdrawn at ${at}`, {
    details: { node, nextAt },
    next: `After that run: ${again}`,
  })
}
