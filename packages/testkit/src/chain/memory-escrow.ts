import {
  type Address,
  type ChainIdentity,
  type ChannelClaim,
  type ClaimedChannel,
  type ErrorDetails,
  type FundRequest,
  type Hash,
  type MicroUsd,
  microUsd,
  type PurseState,
  type UnixMs,
} from '@stead/core'
import { purseIdOf } from '@stead/protocol'
import type { ClaimReader } from './claim-reader.ts'
import type { MemoryFeeLots } from './economy/memory-fee-lots.ts'
import { revert } from './revert.ts'

/** Constants of the simulated Escrow. */
export interface EscrowTerms {
  readonly feeBps: number
  readonly thawSeconds: number
}

interface Purse {
  readonly seed: FundRequest & { readonly payer: Address }
  claimedMicroUsd: bigint
  thawEndsAt: UnixMs | undefined
  closed: boolean
}

/** What the simulated Escrow stands on. */
export interface EscrowComponents {
  readonly identity: ChainIdentity
  readonly reader: ClaimReader
  /** Where fees are counted until they are sold. */
  readonly lots: MemoryFeeLots
}

/**
 * The rules of Escrow.sol, in memory: the same branches, vouchers, fees and thaw, and nothing of gas or accounts. Money
 * in and out is the caller's business; what is inside is kept here and adds up.
 */
export class MemoryEscrow {
  readonly #identity: ChainIdentity
  readonly #terms: EscrowTerms
  readonly #reader: ClaimReader
  readonly #purses: Map<Hash, Purse> = new Map()
  readonly #claimed: Map<Hash, bigint> = new Map()
  readonly #signers: Map<Hash, Address> = new Map()
  readonly #owed: Map<Address, bigint> = new Map()
  readonly #lots: MemoryFeeLots

  constructor({ identity, reader, lots }: EscrowComponents, terms: EscrowTerms) {
    this.#identity = identity
    this.#terms = terms
    this.#reader = reader
    this.#lots = lots
  }

  /** Everything that the Escrow holds: what is left of purses, what is owed, and the fees. */
  get heldMicroUsd(): MicroUsd {
    let held: bigint = this.#lots.heldMicroUsd
    for (const owed of this.#owed.values()) held += owed
    for (const purse of this.#purses.values())
      if (!purse.closed) held += purse.seed.totalMicroUsd - purse.claimedMicroUsd
    return microUsd(held)
  }

  get feesHeldMicroUsd(): MicroUsd {
    return this.#lots.heldMicroUsd
  }

  purse(id: Hash): PurseState | undefined {
    const purse = this.#purses.get(id)
    if (purse === undefined) return undefined
    const { payer, voucherSigner: signer, root, totalMicroUsd } = purse.seed
    return {
      purse: id,
      payer,
      voucherSigner: signer,
      root,
      totalMicroUsd,
      claimedMicroUsd: microUsd(purse.claimedMicroUsd),
      feeBps: this.#terms.feeBps,
      thawEndsAt: purse.thawEndsAt,
      closed: purse.closed,
    }
  }

  /** Undefined before the first claim. */
  voucherSignerOf(channel: Hash): Address | undefined {
    return this.#claimed.has(channel) ? this.#signers.get(channel) : undefined
  }

  claimedMicroUsd(channel: Hash): MicroUsd {
    return microUsd(this.#claimed.get(channel) ?? 0n)
  }

  owedMicroUsd(operator: Address): MicroUsd {
    return microUsd(this.#owed.get(operator) ?? 0n)
  }

  fund(payer: Address, request: FundRequest): Hash {
    if (request.totalMicroUsd === 0n) revert('PurseEmpty')
    const seed = { ...request, payer }
    const id = purseIdOf(this.#identity, seed)
    if (this.#purses.has(id)) revert('PurseExists', { purse: id })
    this.#purses.set(id, { seed, claimedMicroUsd: 0n, thawEndsAt: undefined, closed: false })
    return id
  }

  /** All claims or none: the first that is refused takes the whole batch with it, stale ones change nothing. */
  claim(claims: readonly ChannelClaim[], now: UnixMs): readonly ClaimedChannel[] {
    const credited: ClaimedChannel[] = []
    try {
      claims.forEach((claim, claimIndex) => {
        const channel = this.#settle(claim, claimIndex)
        if (channel !== undefined) credited.push(channel)
      })
    } catch (error) {
      // Backwards: a channel may be there twice.
      for (const { channel, cumulativeMicroUsd, grossMicroUsd } of credited.toReversed())
        this.#setClaimed(channel, cumulativeMicroUsd - grossMicroUsd)
      throw error
    }
    for (const channel of credited) this.#credit(channel, now)
    return credited
  }

  payout(operator: Address): MicroUsd {
    const owed = this.#owed.get(operator) ?? 0n
    if (owed === 0n) revert('NothingOwed', { operator })
    this.#owed.delete(operator)
    return microUsd(owed)
  }

  thaw(caller: Address, id: Hash, now: UnixMs): UnixMs {
    const purse = this.#purses.get(id)
    if (purse === undefined) return revert('PurseUnknown', { purse: id })
    if (caller !== purse.seed.payer) revert('NotThePayer', { caller, payer: purse.seed.payer })
    if (purse.thawEndsAt !== undefined)
      revert('PurseAlreadyThawing', { purse: id, thawEndsAt: BigInt(purse.thawEndsAt / 1000) })
    purse.thawEndsAt = (now + this.#terms.thawSeconds * 1000) as UnixMs
    return purse.thawEndsAt
  }

  close(id: Hash, now: UnixMs): { readonly payer: Address; readonly refundMicroUsd: MicroUsd } {
    const purse = this.#purses.get(id)
    if (purse === undefined) return revert('PurseUnknown', { purse: id })
    if (purse.closed) revert('PurseAlreadyClosed', { purse: id })
    if (purse.thawEndsAt === undefined || now <= purse.thawEndsAt)
      revert('PurseNotThawed', {
        purse: id,
        thawEndsAt: BigInt((purse.thawEndsAt ?? 0) / 1000),
        nowSeconds: BigInt(now / 1000),
      })
    purse.closed = true
    return { payer: purse.seed.payer, refundMicroUsd: microUsd(purse.seed.totalMicroUsd - purse.claimedMicroUsd) }
  }

  #setClaimed(channel: Hash, amountMicroUsd: bigint): void {
    if (amountMicroUsd === 0n) this.#claimed.delete(channel)
    else this.#claimed.set(channel, amountMicroUsd)
  }

  #settle(claim: ChannelClaim, claimIndex: number): ClaimedChannel | undefined {
    const channel = this.#reader.channelOf(claim)
    const before = this.#claimed.get(channel) ?? 0n
    if (claim.cumulativeMicroUsd <= before) return undefined
    const index = { claimIndex: BigInt(claimIndex) }
    const purse = this.#purses.get(claim.purse)
    if (purse === undefined) return revert('ClaimPurseUnknown', { ...index, purse: claim.purse })
    // In the contract's order: which of two faults it names is part of the model.
    if (before === 0n) this.#checkBranch(claim, purse, index)
    if (purse.closed) revert('ClaimPurseClosed', { ...index, purse: claim.purse })
    const { cumulativeMicroUsd: cumulative, allocationMicroUsd: allocation } = claim
    if (cumulative > allocation) revert('ClaimAboveAllocation', { ...index, cumulative, allocation })
    const signer = this.#reader.signerOf(claim)
    if (signer === undefined) revert('ClaimSignatureInvalid', index)
    if (signer !== purse.seed.voucherSigner)
      revert('ClaimSignerMismatch', { ...index, signer, voucherSigner: purse.seed.voucherSigner })
    this.#claimed.set(channel, claim.cumulativeMicroUsd)
    this.#signers.set(channel, signer)
    const { purse: id, node, operator, cumulativeMicroUsd } = claim
    return {
      channel,
      purse: id,
      node,
      operator,
      cumulativeMicroUsd,
      grossMicroUsd: microUsd(cumulativeMicroUsd - before),
      feeMicroUsd: microUsd(this.#feeOf(cumulativeMicroUsd) - this.#feeOf(before)),
    }
  }

  #checkBranch(claim: ChannelClaim, purse: Purse, index: ErrorDetails): void {
    const { root: purseRoot, totalMicroUsd: purseTotal } = purse.seed
    const { root, totalMicroUsd: sum } = this.#reader.rootOf(claim)
    if (root !== purseRoot || sum !== purseTotal)
      revert('ClaimBranchMismatch', { ...index, root, sum, purseRoot, purseTotal })
  }

  #credit(channel: ClaimedChannel, now: UnixMs): void {
    const purse = this.#purses.get(channel.purse)
    if (purse === undefined) throw new TypeError('a credited channel has a purse')
    purse.claimedMicroUsd += channel.grossMicroUsd
    const owed = this.#owed.get(channel.operator) ?? 0n
    this.#owed.set(channel.operator, owed + channel.grossMicroUsd - channel.feeMicroUsd)
    this.#lots.collect(channel.operator, channel.feeMicroUsd, Math.floor(now / 1000))
  }

  #feeOf(cumulative: bigint): bigint {
    return (cumulative * BigInt(this.#terms.feeBps)) / 10_000n
  }
}
