import { EvmChain } from '@stead/evm'
import { createSigner } from '@stead/protocol'
import type { NodeConfig } from '../config/settings.ts'
import { loadKey } from '../identity/key-file.ts'
import type { Foundation } from './foundation.ts'

/** The chain with the operator's account; undefined without its key. @throws NodeError NODE_KEY_INVALID, NODE_KEY_EXPOSED */
export function openOperatorAccount(foundation: Foundation, config: NodeConfig): EvmChain | undefined {
  const path = config.epochs.operatorKey
  const { rpcUrl, confirmations } = config.chain
  if (path === undefined || rpcUrl === undefined) return undefined
  const { logger, metrics, clock, secp256k1, addressBook, chain } = foundation
  const signer = createSigner(secp256k1, loadKey(path, secp256k1))
  const { deployedAtBlock } = addressBook
  // Never started: it watches nothing, and the endpoint was checked by the node's own adapter.
  const { identity } = chain
  return new EvmChain({ logger, metrics, clock, signer }, { rpcUrl, identity, deployedAtBlock, confirmations })
}
