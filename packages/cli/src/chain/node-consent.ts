import type { Address, ChainIdentity, Signer } from '@stead/core'
import { addressWord, domainSeparator, keccakText, typedDigest } from '@stead/protocol'

const TYPE_HASH = keccakText('NodeConsent(address node,address operator)')

/** A node key's signature (65 bytes) that makes an operator its owner on Stake; needed once, for the first bond. */
export function signNodeConsent(
  chain: Pick<ChainIdentity, 'chainId' | 'stake'>,
  node: Signer,
  operator: Address,
): Uint8Array {
  const domain = { name: 'Stead Stake', version: '1', chainId: chain.chainId, verifyingContract: chain.stake }
  return node.sign(typedDigest(domainSeparator(domain), TYPE_HASH, [addressWord(node.address), addressWord(operator)]))
}
