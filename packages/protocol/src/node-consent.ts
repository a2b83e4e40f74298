import type { Address, ChainIdentity, Signer } from '@stead/core'
import { addressWord, domainSeparator, keccakText, typedDigest } from './eip712.ts'
import { recoverAddress } from './keys.ts'
import type { Secp256k1 } from './secp256k1/backend.ts'

type StakePlace = Pick<ChainIdentity, 'chainId' | 'stake'>

const TYPE_HASH = keccakText('NodeConsent(address node,address operator)')

function consentDigest(node: Address, operator: Address, { chainId, stake }: StakePlace): Uint8Array {
  const separator = domainSeparator({ name: 'Stead Stake', version: '1', chainId, verifyingContract: stake })
  return typedDigest(separator, TYPE_HASH, [addressWord(node), addressWord(operator)])
}

/** The node key's word that an operator may bond it: 65 bytes, needed once, by `Economy.bond`. */
export function signNodeConsent(node: Signer, operator: Address, place: StakePlace): Uint8Array {
  return node.sign(consentDigest(node.address, operator, place))
}

/** Who signed that an operator may bond a node, as the Stake contract finds it; undefined when the signature is none. */
export function nodeConsentSigner(
  secp256k1: Secp256k1,
  said: { readonly node: Address; readonly operator: Address; readonly signature: Uint8Array },
  place: StakePlace,
): Address | undefined {
  return recoverAddress(secp256k1, consentDigest(said.node, said.operator, place), said.signature)
}
