import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Signer } from '@stead/core'
import { nodeDirectories, nodeKeyPath } from '@stead/node/files'
import { loadOrCreateKey, systemRandom } from '@stead/node/identity'
import { createSigner, loadSecp256k1 } from '@stead/protocol'
import { Option } from 'commander'
import type { CommandContext } from '../command-context.ts'
import { devNetworkOf } from '../daemon-access.ts'
import { devLayout } from '../dev/dev-layout.ts'
import { CliError } from '../errors.ts'

/** Whose account a command uses: the one that owns nodes and is paid, or the one that pays for jobs. */
export type AccountRole = 'operator' | 'payer'

/** `--key-file`. */
export function keyFileOption(role: AccountRole): Option {
  const usual =
    role === 'operator'
      ? 'keys/operator.key of the data folder, else keys/node.key'
      : 'keys/node.key of the data folder'
  return new Option(
    '--key-file <file>',
    `the account's private key: 64 hexadecimal digits, mode 600 (default: ${usual})`,
  )
}

/** Where the node keeps its keys: the local network's payer, or the user's own node. */
function keyFolder(context: CommandContext): string {
  const dev = devNetworkOf(context)
  return dev === undefined
    ? nodeDirectories(context.dataDir, context.environment).dataDir
    : devLayout(dev.root).payerDir
}

/** The node's own key; undefined where there is none. @throws NodeError for a key that is exposed or is none */
export async function nodeSigner(context: CommandContext): Promise<Signer | undefined> {
  const path = nodeKeyPath(keyFolder(context))
  return existsSync(path) ? await signerFrom(path) : undefined
}

/** The account that a command sends from. @throws CliError CLI_KEY_MISSING; NodeError NODE_KEY_INVALID, NODE_KEY_EXPOSED */
export async function accountSigner(
  given: { readonly keyFile?: string },
  role: AccountRole,
  context: CommandContext,
): Promise<Signer> {
  const folder = keyFolder(context)
  const candidates =
    given.keyFile === undefined
      ? [...(role === 'operator' ? [join(folder, 'keys', 'operator.key')] : []), nodeKeyPath(folder)]
      : [given.keyFile]
  const path = candidates.find((candidate) => existsSync(candidate))
  if (path !== undefined) return await signerFrom(path)
  throw new CliError('CLI_KEY_MISSING', `there is no key of the ${role}: ${candidates.join(', ')}`, {
    details: { looked: candidates },
  })
}

async function signerFrom(path: string): Promise<Signer> {
  const secp256k1 = await loadSecp256k1()
  return createSigner(secp256k1, loadOrCreateKey(path, { secp256k1, random: systemRandom }))
}
