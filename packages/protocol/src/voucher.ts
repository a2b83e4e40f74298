import type { Address, ChainIdentity, Hash, MicroUsd, Signer } from '@stead/core'
import { keccak256 } from '#keccak256'
import { concatBytes, hashFromBytes } from './bytes.ts'
import {
  addressWord,
  type DomainSeparator,
  domainSeparator,
  hashWord,
  keccakText,
  typedDigest,
  uintWord,
} from './eip712.ts'
import { recoverAddress } from './keys.ts'
import type { Secp256k1 } from './secp256k1/backend.ts'

/** One provider's share of a purse: the leaf that the purse's root commits to. */
export interface ChannelTerms {
  readonly purse: Hash
  /** The key that serves. */
  readonly node: Address
  /** Who is paid. */
  readonly operator: Address
  readonly allocationMicroUsd: MicroUsd
}

/** The exact debt on a channel since it began, signed by the purse's voucher key. */
export interface Voucher {
  readonly channel: Hash
  readonly cumulativeMicroUsd: MicroUsd
  /** 65 bytes. */
  readonly signature: Uint8Array
}

const TYPE_HASH = keccakText(
  'Voucher(bytes32 purse,address node,address operator,uint128 allocation,uint128 cumulative)',
)

/** The Escrow's EIP-712 domain; make it once per chain. */
export function escrowSeparator(chain: Pick<ChainIdentity, 'chainId' | 'escrow'>): DomainSeparator {
  return domainSeparator({
    name: 'Stead Escrow',
    version: '1',
    chainId: chain.chainId,
    verifyingContract: chain.escrow,
  })
}

/** keccak256(abi.encode(purse, node, operator, allocation)): the Escrow's name for a channel. */
export function channelIdOf(terms: ChannelTerms): Hash {
  return hashFromBytes(keccak256(concatBytes(...channelWords(terms))))
}

/** What makes a purse; the Escrow derives the same id. */
export interface PurseSeed {
  readonly payer: Address
  readonly voucherSigner: Address
  readonly root: Hash
  readonly totalMicroUsd: MicroUsd
  readonly salt: Hash
}

/** keccak256(abi.encode(chainId, escrow, payer, voucherSigner, root, total, salt)): the Escrow's name for a purse. */
export function purseIdOf(chain: Pick<ChainIdentity, 'chainId' | 'escrow'>, seed: PurseSeed): Hash {
  const words = [
    uintWord(chain.chainId),
    addressWord(chain.escrow),
    addressWord(seed.payer),
    addressWord(seed.voucherSigner),
    hashWord(seed.root),
    uintWord(seed.totalMicroUsd),
    hashWord(seed.salt),
  ]
  return hashFromBytes(keccak256(concatBytes(...words)))
}

/** The EIP-712 digest of a voucher, 32 bytes. */
export function voucherDigest(
  separator: DomainSeparator,
  terms: ChannelTerms,
  cumulativeMicroUsd: MicroUsd,
): Uint8Array {
  return typedDigest(separator, TYPE_HASH, [...channelWords(terms), uintWord(cumulativeMicroUsd)])
}

/** Signs the debt. The caller journals before the voucher leaves. */
export function signVoucher(
  signer: Signer,
  separator: DomainSeparator,
  debt: ChannelTerms & { readonly cumulativeMicroUsd: MicroUsd },
): Voucher {
  const signature = signer.sign(voucherDigest(separator, debt, debt.cumulativeMicroUsd))
  return { channel: channelIdOf(debt), cumulativeMicroUsd: debt.cumulativeMicroUsd, signature }
}

/** Who signed a voucher for this channel; undefined when the signature is none. */
export function voucherSigner(
  secp256k1: Secp256k1,
  separator: DomainSeparator,
  voucher: { readonly terms: ChannelTerms; readonly cumulativeMicroUsd: MicroUsd; readonly signature: Uint8Array },
): Address | undefined {
  const digest = voucherDigest(separator, voucher.terms, voucher.cumulativeMicroUsd)
  return recoverAddress(secp256k1, digest, voucher.signature)
}

function channelWords(terms: ChannelTerms): Uint8Array[] {
  return [
    hashWord(terms.purse),
    addressWord(terms.node),
    addressWord(terms.operator),
    uintWord(terms.allocationMicroUsd),
  ]
}
