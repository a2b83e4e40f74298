import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { devNetworkOf } from '../daemon-access.ts'
import { devLayout } from '../dev/dev-layout.ts'
import { CliError } from '../errors.ts'

/** Which chain a command means, as the command line says it. */
export interface GivenChain {
  readonly rpc?: string
  readonly addressBook?: string
}

/** An endpoint of a chain and the contracts on it. */
export interface ChainPlace {
  readonly rpcUrl: string
  readonly addressBook: string
}

/** Adds `--rpc` and `--address-book`. */
export function addChainOptions(command: Command): Command {
  return command
    .addOption(new Option('--rpc <url>', "endpoint of the chain (default: the local network's, else chain.rpcUrl)"))
    .addOption(
      new Option(
        '--address-book <file>',
        "where the contracts are (default: the local network's file, else chain.addressBook)",
      ),
    )
}

/**
 * The way to the chain: flags, else the local network's, else the node's configuration.
 * @throws CliError CLI_USAGE when none of them names it
 */
export async function chainPlace(given: GivenChain, context: CommandContext): Promise<ChainPlace> {
  const dev = devNetworkOf(context)
  const { loadNodeConfig } = await import('@stead/node')
  const { nodeDirectories } = await import('@stead/node/files')
  const directories = nodeDirectories(context.dataDir, context.environment)
  const { config } = loadNodeConfig({ directories, environment: context.environment, flags: {} })
  const rpcUrl = given.rpc ?? dev?.state.rpcUrl ?? config.chain.rpcUrl
  const addressBook =
    given.addressBook ?? (dev === undefined ? config.chain.addressBook : devLayout(dev.root).addressBook)
  if (rpcUrl !== undefined && addressBook !== undefined) return { rpcUrl, addressBook }
  throw new CliError('CLI_USAGE', 'the command must know the chain', {
    next: 'Name it: --rpc <url> --address-book <file>',
  })
}
