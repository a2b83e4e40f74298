import { type Address, formatTokenUnits, type UnixMs } from '@stead/core'
import type { Command } from 'commander'
import { accountSigner } from '../chain/account-key.ts'
import { withdrawable } from '../chain/bond-view.ts'
import { chainPlace } from '../chain/chain-place.ts'
import { addNodeOptions, type GivenNode, nodeOf } from '../chain/node-options.ts'
import { withEconomy } from '../chain/with-economy.ts'
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
  const node = await nodeOf(given, context)
  const sender = await accountSigner(given, 'operator', context)
  const { tokenUnits, view, outcome } = await withEconomy(
    await chainPlace(given, context),
    async (open) => {
      const [state, now] = await Promise.all([open.economy.bondOf(node), open.chain.blockTime()])
      const { tokenUnits, nextAt } = withdrawable(state, now)
      if (tokenUnits === 0n) throw nothing(node, nextAt)
      const outcome = await open.economy.withdraw(node)
      return { tokenUnits, outcome, view: await bondView(open, node) }
    },
    sender,
  )
  context.terminal.message(`withdrawn: ${formatTokenUnits(tokenUnits)}`)
  printBond(view, context, outcome)
}

function nothing(node: Address, nextAt: UnixMs | undefined): CliError {
  const why =
    nextAt === undefined
      ? 'nothing is unbonding'
      : `the next part can be withdrawn at ${new Date(nextAt).toISOString()}`
  return new CliError('CLI_NOTHING_TO_DO', `node ${node} has nothing to withdraw: ${why}`, {
    details: { node, ...(nextAt === undefined ? {} : { nextAt }) },
  })
}
