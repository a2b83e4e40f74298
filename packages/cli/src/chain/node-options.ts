import type { Address } from '@stead/core'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { type NodePlace, toldNodePlace } from '../node-place.ts'
import { keyFileOption, nodeSigner } from './account-key.ts'
import { addressOf } from './amounts.ts'
import { addChainOptions, type GivenChain } from './chain-place.ts'

/** What commands about a node's bond are given. */
export interface GivenNode extends GivenChain {
  readonly node?: string
  readonly keyFile?: string
}

/** The node whose bond a command is about, and the one whose keys it uses: the same unless an address was given. */
export interface BondedNode {
  readonly address: Address
  readonly place: NodePlace
}

/** Adds `--node`, `--key-file` and the chain's options. */
export function addNodeOptions(command: Command): Command {
  return addChainOptions(command)
    .addOption(
      new Option(
        '--node <address or name>',
        "the node's address, or which member of a local network (default: the node of the data folder, there provider-1)",
      ),
    )
    .addOption(keyFileOption('operator'))
}

/** The node that a command means. @throws CliError CLI_USAGE */
export async function bondedNode({ node }: GivenNode, context: CommandContext): Promise<BondedNode> {
  const isAddress = node?.startsWith('0x') === true
  const place = toldNodePlace('operator', isAddress || node === undefined ? {} : { node }, context)
  if (isAddress) return { address: addressOf(node), place }
  const own = await nodeSigner(place)
  if (own !== undefined) return { address: own.address, place }
  throw new CliError('CLI_USAGE', `there is no node in ${place.directories.dataDir}`, {
    next: 'Name it: --node <address>; or the folder of the node: --data-dir <path>',
  })
}
