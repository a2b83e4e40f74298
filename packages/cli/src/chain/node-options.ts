import type { Address } from '@stead/core'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { keyFileOption, nodeSigner } from './account-key.ts'
import { addressOf } from './amounts.ts'
import { addChainOptions, type GivenChain } from './chain-place.ts'

/** What commands about a node's bond are given. */
export interface GivenNode extends GivenChain {
  readonly node?: string
  readonly keyFile?: string
}

/** Adds `--node`, `--key-file` and the chain's options. */
export function addNodeOptions(command: Command): Command {
  return addChainOptions(command)
    .addOption(new Option('--node <address>', 'the node (default: the one whose key is in the data folder)'))
    .addOption(keyFileOption('operator'))
}

/** The node that a command means. @throws CliError CLI_USAGE */
export async function nodeOf({ node }: GivenNode, context: CommandContext): Promise<Address> {
  if (node !== undefined) return addressOf(node)
  const own = await nodeSigner(context)
  if (own !== undefined) return own.address
  throw new CliError('CLI_USAGE', 'the data folder has no node', { next: 'Name it: --node <address>' })
}
