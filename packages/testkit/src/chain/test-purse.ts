import type { Address, ChainIdentity, ChannelClaim, FundRequest, Hash, MicroUsd, Signer } from '@stead/core'
import {
  buildPurseTree,
  type ChannelTerms,
  channelIdOf,
  escrowSeparator,
  type PurseLeaf,
  purseIdOf,
  signVoucher,
} from '@stead/protocol'

/** Who takes part in a purse. */
export interface PurseParties {
  readonly payer: Address
  /** Signs the vouchers; the payer itself or a key that it named. */
  readonly voucherKey: Signer
  readonly salt: Hash
}

/** What to fund for some providers, and the claims that they can make. */
export interface TestPurse extends FundRequest {
  readonly purse: Hash
  readonly leaves: readonly PurseLeaf[]
  termsOf(leaf: number): ChannelTerms
  channelOf(leaf: number): Hash
  /** With the branch for a first claim, without for a later one. */
  claimOf(leaf: number, cumulativeMicroUsd: MicroUsd, isFirst?: boolean): ChannelClaim
}

/** Builds a purse as a payer would, and signs vouchers on it. */
export function buildTestPurse(
  chain: Pick<ChainIdentity, 'chainId' | 'escrow'>,
  parties: PurseParties,
  leaves: readonly PurseLeaf[],
): TestPurse {
  const { payer, voucherKey, salt } = parties
  const { root, totalMicroUsd, branches } = buildPurseTree(leaves)
  const voucherSigner = voucherKey.address
  const purse = purseIdOf(chain, { payer, voucherSigner, root, totalMicroUsd, salt })
  const termsOf = (index: number): ChannelTerms => {
    const leaf = leaves[index]
    if (leaf === undefined) throw new RangeError(`the purse has no leaf ${index}`)
    return { purse, ...leaf }
  }
  return {
    purse,
    root,
    totalMicroUsd,
    voucherSigner,
    salt,
    leaves,
    termsOf,
    channelOf: (index) => channelIdOf(termsOf(index)),
    claimOf: (index, cumulativeMicroUsd, isFirst = true) => {
      const debt = { ...termsOf(index), cumulativeMicroUsd }
      const { signature } = signVoucher(voucherKey, escrowSeparator(chain), debt)
      const branch = isFirst ? branches[index] : undefined
      return { ...debt, signature, index: branch?.index ?? 0n, branch: branch?.steps ?? [] }
    },
  }
}
