import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { type Command, Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { type DevPlace, devNetworkOf } from '../daemon-access.ts'
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
    .addOption(new Option('--rpc <url>', "ask this endpoint of the chain instead of the node's own"))
    .addOption(new Option('--address-book <file>', "the contracts, instead of the node's own file"))
}

/**
 * The way to the chain: flags, else the local network's, else the node's configuration.
 * @throws CliError CLI_USAGE when none of them names it
 */
export async function chainPlace(given: GivenChain, context: CommandContext): Promise<ChainPlace> {
  const dev = devNetworkOf(context) ?? networkOfMember(context)
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

/** `--data-dir` may name one member of a local network. */
function networkOfMember(context: CommandContext): DevPlace | undefined {
  const { dataDir } = context
  if (dataDir === undefined || !existsSync(devLayout(dirname(dataDir)).stateFile)) return undefined
  return devNetworkOf({ ...context, dataDir: dirname(dataDir) })
}
