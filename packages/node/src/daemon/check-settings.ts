import type { Address } from '@stead/core'
import { type AddressBook, readAddressBook } from '@stead/evm'
import type { NodeConfig } from '../config/settings.ts'
import { NodeError } from '../errors.ts'

/** The chain that the settings name. */
export interface ChainSettings {
  readonly rpcUrl: string
  readonly addressBook: AddressBook
}

/**
 * Checks what the settings name before anything is made: a wrong one must leave no folder behind.
 * @throws NodeError NODE_CHAIN_MISSING, NODE_OPERATOR_MISSING, NODE_CONFIG_UNREADABLE; EpochsError EPOCHS_OPERATOR_KEY;
 *   ChainError CHAIN_ADDRESS_BOOK
 */
export async function checkSettings(config: NodeConfig): Promise<ChainSettings> {
  const { rpcUrl, addressBook } = config.chain
  if (rpcUrl === undefined || addressBook === undefined) {
    const missing = rpcUrl === undefined ? 'the RPC address' : 'the address book'
    throw new NodeError('NODE_CHAIN_MISSING', `${missing} of the settlement chain is not set`)
  }
  if (config.provide.enabled) operatorOf(config)
  if (config.epochs.watch || config.epochs.propose) {
    const { checkEpochSettings } = await import('../epochs/epoch-settings.ts')
    await checkEpochSettings(config)
  }
  return { rpcUrl, addressBook: await readAddressBook(addressBook) }
}

/** The address that is paid for what a node sells. @throws NodeError NODE_OPERATOR_MISSING */
export function operatorOf(config: NodeConfig): Address {
  const { operator } = config.provide
  if (operator === undefined)
    throw new NodeError('NODE_OPERATOR_MISSING', 'provide.enabled is set, provide.operator is not')
  return operator.toLowerCase() as Address
}
