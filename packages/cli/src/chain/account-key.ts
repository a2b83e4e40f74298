import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { hasCode, isSteadError, type Signer, type SteadError } from '@stead/core'
import { ChainError } from '@stead/evm'
import { nodeKeyPath } from '@stead/node/files'
import { loadKey } from '@stead/node/identity'
import { createSigner, loadSecp256k1 } from '@stead/protocol'
import { Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { CliError } from '../errors.ts'
import { commandFor, type NodePlace, type Side } from '../node-place.ts'
import type { ChainPlace } from './chain-place.ts'
import { nodeSetting } from './node-setting.ts'
import { type OpenEconomy, withEconomy } from './with-economy.ts'

/** An account that a command sends from, and how its key was found: a person must know whose money it is. */
export interface Account {
  readonly signer: Signer
  /** Whose it is, its address, the file, and who named the file. */
  readonly description: string
  /** Buys tokens for this account. */
  readonly swapCommand: string
}

/** Which account: by a file, or by whose it is. */
export interface GivenAccount {
  readonly keyFile: string | undefined
  readonly side: Side
}

/** A file that may hold a key, and who named it. */
interface KeyFile {
  readonly path: string
  readonly origin: string
  /** Somebody named it: that it is not there is a mistake, and no reason to take another one. */
  readonly isNamed: boolean
}

const USUAL: Readonly<Record<Side, string>> = {
  operator: 'epochs.operatorKey of the node, else keys/operator.key, else keys/node.key of its data folder',
  payer: 'keys/node.key of the data folder',
}

/** `--key-file`. */
export function keyFileOption(side: Side): Option {
  return new Option(
    '--key-file <file>',
    `the ${side}'s private key: 64 hexadecimal digits, mode 600 (default: ${USUAL[side]})`,
  )
}

/** The node's own key; undefined where there is none. @throws NodeError for a key that is exposed or is none */
export async function nodeSigner({ directories }: NodePlace): Promise<Signer | undefined> {
  const path = nodeKeyPath(directories.dataDir)
  return existsSync(path) ? await signerFrom(path) : undefined
}

/**
 * The account that a command sends from.
 * @throws CliError CLI_KEY_MISSING; NodeError NODE_KEY_INVALID, NODE_KEY_EXPOSED, and those of the configuration
 */
export async function accountOf(
  { keyFile, side }: GivenAccount,
  node: NodePlace,
  context: CommandContext,
): Promise<Account> {
  const files =
    keyFile === undefined
      ? await usualKeyFiles(side, node, context)
      : [{ path: keyFile, origin: '--key-file', isNamed: true }]
  const file = files.find(({ path, isNamed }) => isNamed || existsSync(path))
  if (file === undefined || !existsSync(file.path)) throw keyMissing(side, file === undefined ? files : [file])
  const signer = await explained(side, file, context)
  const description = `${side} ${signer.address}, ${sourceOf(file)}`
  return { signer, description, swapCommand: swapCommand({ keyFile, side }, node) }
}

/** Names the same account again. */
function swapCommand({ keyFile, side }: GivenAccount, node: NodePlace): string {
  const swap = 'stead swap <dollars> usd'
  if (keyFile !== undefined) return `${swap} --key-file ${keyFile}`
  return side === 'payer' ? swap : commandFor(node, `${swap} --as operator`)
}

async function usualKeyFiles(side: Side, node: NodePlace, context: CommandContext): Promise<readonly KeyFile[]> {
  const { dataDir } = node.directories
  const own = (origin: string): KeyFile => ({ path: nodeKeyPath(dataDir), origin, isNamed: false })
  if (side === 'payer') return [own('the data folder')]
  const named = await nodeSetting('epochs.operatorKey', node, context)
  if (named !== undefined) return [{ path: named.value, origin: named.origin, isNamed: true }]
  const path = join(dataDir, 'keys', 'operator.key')
  return [{ path, origin: 'the data folder', isNamed: false }, own('the data folder, which has no operator.key')]
}

/** A key that cannot be used says who named its file. */
async function explained(side: Side, file: KeyFile, { terminal }: CommandContext): Promise<Signer> {
  try {
    return await signerFrom(file.path)
  } catch (error) {
    terminal.message(`${side}: ${sourceOf(file)}`)
    throw error
  }
}

function sourceOf({ path, origin }: KeyFile): string {
  return `key ${path} (from ${origin})`
}

function keyMissing(side: Side, files: readonly KeyFile[]): CliError {
  const looked = files.map(({ path }) => path)
  const [first] = files
  const origin = first === undefined ? '' : ` (from ${first.origin})`
  return new CliError('CLI_KEY_MISSING', `there is no key of the ${side}: ${looked.join(', ')}${origin}`, {
    details: { looked },
  })
}

async function signerFrom(path: string): Promise<Signer> {
  const secp256k1 = await loadSecp256k1()
  return createSigner(secp256k1, loadKey(path, secp256k1))
}

/**
 * Works with an account on a chain. When the chain refuses, the person reads which account it was and where its key
 * came from as well. @throws ChainError, and what `work` throws
 */
export async function withAccount<Value>(
  components: { readonly place: ChainPlace; readonly account: Account; readonly context: CommandContext },
  work: (open: OpenEconomy) => Promise<Value>,
): Promise<Value> {
  const { place, account, context } = components
  try {
    return await withEconomy(place, work, account.signer)
  } catch (error) {
    if (isSteadError(error) && error.code.startsWith('CHAIN_')) context.terminal.message(account.description)
    throw hasCode(error, 'CHAIN_INSUFFICIENT_FUNDS') ? withSwap(error, account) : error
  }
}

/** The same, where tokens are missing, with the command that buys them for this account and no other. */
function withSwap(error: SteadError, { signer, swapCommand }: Account): SteadError {
  const { message, details } = error
  if (details.needTokenUnits === undefined) return error
  return new ChainError('CHAIN_INSUFFICIENT_FUNDS', message, {
    details,
    next: `Send STEAD to ${signer.address}, or buy it: ${swapCommand}; then run the command again.`,
    cause: error,
  })
}
