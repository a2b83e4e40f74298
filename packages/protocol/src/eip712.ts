import { utf8ToBytes } from '@noble/hashes/utils.js'
import type { Address, Hash } from '@stead/core'
import { keccak256 } from '#keccak256'
import { concatBytes, hexToBytes, setHex, uintToBytes } from './bytes.ts'

/** A 32-byte domain separator, made once per contract and used for every digest. */
export type DomainSeparator = Uint8Array

/** EIP-712 domain; fields that are missing are not part of the type. */
export interface Domain {
  readonly name: string
  readonly version: string
  readonly chainId?: number
  readonly verifyingContract?: Address
}

/** What no Ethereum transaction begins with (EIP-191), and the version of typed data. */
const TYPED_DATA = Uint8Array.of(0x19, 0x01)

/** keccak-256 of a text's UTF-8 bytes. */
export function keccakText(text: string): Uint8Array {
  return keccak256(utf8ToBytes(text))
}

/** A word (32 bytes) of an address. */
export function addressWord(address: Address): Uint8Array {
  const word = new Uint8Array(32)
  setHex(word, address, 12)
  return word
}

/** A word (32 bytes) of an unsigned integer. @throws RangeError when it does not fit */
export function uintWord(value: bigint | number): Uint8Array {
  return uintToBytes(BigInt(value), 32)
}

/** A word (32 bytes) of a hash. */
export function hashWord(hash: Hash): Uint8Array {
  return hexToBytes(hash)
}

/** The separator of a domain (EIP-712, section "domainSeparator"). */
export function domainSeparator(domain: Domain): DomainSeparator {
  const fields = ['string name', 'string version']
  const words = [keccakText(domain.name), keccakText(domain.version)]
  if (domain.chainId !== undefined) {
    fields.push('uint256 chainId')
    words.push(uintWord(domain.chainId))
  }
  if (domain.verifyingContract !== undefined) {
    fields.push('address verifyingContract')
    words.push(addressWord(domain.verifyingContract))
  }
  return keccak256(concatBytes(keccakText(`EIP712Domain(${fields.join(',')})`), ...words))
}

/** The digest to sign: keccak(0x19 0x01 || separator || keccak(typeHash || words)). */
export function typedDigest(
  separator: DomainSeparator,
  typeHash: Uint8Array,
  words: readonly Uint8Array[],
): Uint8Array {
  const structHash = keccak256(concatBytes(typeHash, ...words))
  return keccak256(concatBytes(TYPED_DATA, separator, structHash))
}
