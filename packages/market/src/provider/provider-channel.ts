import type { ChannelClaim, Hash, MicroUsd, PeerId, UnixMs } from '@stead/core'
import { type ChannelTerms, channelIdOf, type PurseSeed, type Quote } from '@stead/protocol'
import type { ProviderLedger } from '../channel/provider-ledger.ts'
import type { ChannelRow, ChannelStage } from '../journal/rows.ts'
import type { PayerAccount } from './payer-records.ts'

/** The best claim that a channel has on its purse. */
export interface BestVoucher {
  readonly cumulativeMicroUsd: MicroUsd
  /** 65 bytes. */
  readonly signature: Uint8Array
}

/** What a channel is made of. */
export interface ProviderChannelParts {
  readonly purse: Hash
  readonly row: ChannelRow
  readonly quote: Quote
  readonly quoteCount: number
  readonly ledger: ProviderLedger
  readonly account: PayerAccount
  readonly best: BestVoucher | undefined
  readonly usedAtMs: number
}

/** One channel as the provider keeps it in memory: who, which money, which price, and its books. */
export class ProviderChannel {
  readonly id: Hash
  readonly peer: PeerId
  readonly seed: PurseSeed
  readonly terms: ChannelTerms
  readonly ledger: ProviderLedger
  readonly account: PayerAccount
  readonly #row: ChannelRow
  quote: Quote
  quoteCount: number
  stage: ChannelStage
  thawEndsAt: UnixMs | undefined
  claimedMicroUsd: MicroUsd
  best: BestVoucher | undefined
  /** When it was last opened, used or paid, by the monotonic clock. */
  usedAtMs: number
  /** The chain had the purse and does not have it any more: another fork won. */
  isPurseMissing = false

  constructor(parts: ProviderChannelParts) {
    const { node, operator, allocationMicroUsd } = parts.row
    this.terms = { purse: parts.purse, node, operator, allocationMicroUsd }
    this.id = channelIdOf(this.terms)
    this.seed = parts.row.seed
    this.peer = parts.row.peer as PeerId
    this.ledger = parts.ledger
    this.account = parts.account
    this.quote = parts.quote
    this.quoteCount = parts.quoteCount
    this.best = parts.best
    this.stage = parts.row.stage
    this.thawEndsAt = parts.row.thawEndsAt
    this.claimedMicroUsd = parts.row.claimedMicroUsd
    this.usedAtMs = parts.usedAtMs
    this.#row = parts.row
  }

  /**
   * Nothing is under way on it, nothing waits for payment, and nothing was paid ahead but what a stranger pays; what a broken one
   * leaves unpaid is written off.
   */
  get isAtRest(): boolean {
    const { inFlight, isPaid, paidMicroUsd, billedMicroUsd } = this.ledger
    if (inFlight > 0) return false
    return this.stage === 'broken' || (isPaid && paidMicroUsd - billedMicroUsd <= this.quote.credit.prepayMicroUsd)
  }

  /** On vouchers and not claimed yet. */
  get claimableMicroUsd(): bigint {
    const best = this.best?.cumulativeMicroUsd ?? 0n
    return best > this.claimedMicroUsd ? best - this.claimedMicroUsd : 0n
  }

  /** The row that keeps this channel as it is now. */
  row(): ChannelRow {
    // The last receipt holds the best voucher, except where the books could not be brought together.
    const {
      voucherMicroUsd: _amount,
      voucherSignature: _signature,
      thawEndsAt: _end,
      restingSince: _rest,
      ...fixed
    } = this.#row
    const best = this.best?.cumulativeMicroUsd ?? 0n
    const beyond = best > this.ledger.paidMicroUsd ? this.best : undefined
    return {
      ...fixed,
      stage: this.stage,
      claimedMicroUsd: this.claimedMicroUsd,
      ...(this.thawEndsAt === undefined ? {} : { thawEndsAt: this.thawEndsAt }),
      ...(beyond === undefined
        ? {}
        : { voucherMicroUsd: beyond.cumulativeMicroUsd, voucherSignature: beyond.signature }),
    }
  }

  /** What the Escrow needs to credit this channel; undefined without a voucher. */
  claim(): ChannelClaim | undefined {
    if (this.best === undefined) return undefined
    return {
      ...this.terms,
      cumulativeMicroUsd: this.best.cumulativeMicroUsd,
      signature: this.best.signature,
      index: BigInt(this.#row.branchIndex),
      // Once a claim went through, the Escrow knows the leaf; the branch would only cost gas.
      branch: this.claimedMicroUsd > 0n ? [] : this.#row.branch,
    }
  }
}
