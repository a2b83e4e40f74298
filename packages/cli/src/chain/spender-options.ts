import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { type Side, toldNodePlace } from '../node-place.ts'
import { type Account, accountOf } from './account-key.ts'
import { addChainOptions, type GivenChain } from './chain-place.ts'

/** Whose account a command spends from, as the command line says it. */
export interface GivenSpender extends GivenChain {
  readonly as: Side
  readonly node?: string
  readonly keyFile?: string
}

/** Adds `--as`, `--node`, `--key-file` and the chain's options, for what payers and operators do alike. */
export function addSpenderOptions(command: Command): Command {
  return addChainOptions(command)
    .addOption(
      new Option('--as <side>', 'whose account: the one that pays for jobs, or the one that is paid for a node')
        .choices(['payer', 'operator'])
        .default('payer'),
    )
    .addOption(
      new Option(
        '--node <name>',
        'which member of a local network: payer, provider-1, … (default there: payer, for an operator provider-1)',
      ),
    )
    .addOption(
      new Option(
        '--key-file <file>',
        "the account's private key: 64 hexadecimal digits, mode 600 (default: keys/node.key of the data folder, " +
          "for an operator the node's epochs.operatorKey, else keys/operator.key)",
      ),
    )
}

/** The account that is spent from. @throws as `accountOf` */
export async function spenderOf(given: GivenSpender, context: CommandContext): Promise<Account> {
  const { as: side, keyFile } = given
  return await accountOf({ keyFile, side }, toldNodePlace(side, given, context), context)
}
