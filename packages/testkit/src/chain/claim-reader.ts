import { type Address, type ChainIdentity, type ChannelClaim, type Hash, hasCode } from '@stead/core'
import {
  channelIdOf,
  type DomainSeparator,
  escrowSeparator,
  type PurseTree,
  purseRootOf,
  type Secp256k1,
  voucherSigner,
} from '@stead/protocol'

type PurseRoot = Pick<PurseTree, 'root' | 'totalMicroUsd'>

/** What follows from a claim alone; worked out when it is asked for, and kept as long as the claim. */
interface ReadClaim {
  channel?: Hash
  root?: Partial<PurseRoot>
  signer?: Address | 'nobody'
}

/**
 * What a claim's branch, signature and terms come to. They come to the same on every fork and in every copy of a
 * simulated chain, and each claim is played on several of them. Nobody may change a claim that was read.
 */
export class ClaimReader {
  readonly #secp256k1: Secp256k1
  readonly #separator: DomainSeparator
  readonly #read: WeakMap<ChannelClaim, ReadClaim> = new WeakMap()

  constructor(identity: ChainIdentity, secp256k1: Secp256k1) {
    this.#secp256k1 = secp256k1
    this.#separator = escrowSeparator(identity)
  }

  channelOf(claim: ChannelClaim): Hash {
    const read = this.#of(claim)
    read.channel ??= channelIdOf(claim)
    return read.channel
  }

  /** Nothing for a branch that is none. */
  rootOf(claim: ChannelClaim): Partial<PurseRoot> {
    const read = this.#of(claim)
    read.root ??= purseRootOrNothing(claim)
    return read.root
  }

  /** Who signed the voucher; undefined when the signature is none. */
  signerOf(claim: ChannelClaim): Address | undefined {
    const read = this.#of(claim)
    read.signer ??= voucherSigner(this.#secp256k1, this.#separator, { ...claim, terms: claim }) ?? 'nobody'
    return read.signer === 'nobody' ? undefined : read.signer
  }

  #of(claim: ChannelClaim): ReadClaim {
    const known = this.#read.get(claim)
    if (known !== undefined) return known
    const read: ReadClaim = {}
    this.#read.set(claim, read)
    return read
  }
}

function purseRootOrNothing(claim: ChannelClaim): Partial<PurseRoot> {
  try {
    return purseRootOf(claim, { index: claim.index, steps: claim.branch })
  } catch (error) {
    if (hasCode(error, 'PROTOCOL_BRANCH')) return {}
    throw error
  }
}
