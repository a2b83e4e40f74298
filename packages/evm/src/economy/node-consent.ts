import type { Address, ChainIdentity, Signer } from '@stead/core'
import { addressWord, domainSeparator, keccakText, typedDigest } from '@stead/protocol'

const TYPE_HASH = keccakText('NodeConsent(address node,address operator)')

/** The node key's word that an operator may bond it: 65 bytes, needed once, by `Economy.bond`. */
export function signNodeConsent(
  node: Signer,
  operator: Address,
  { chainId, stake }: Pick<ChainIdentity, 'chainId' | 'stake'>,
): Uint8Array {
  const domain = { name: 'Stead Stake', version: '1', chainId, verifyingContract: stake }
  return node.sign(typedDigest(domainSeparator(domain), TYPE_HASH, [addressWord(node.address), addressWord(operator)]))
}
