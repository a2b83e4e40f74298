import {
  type Address,
  type Clock,
  type Hash,
  isSteadError,
  type Logger,
  type PeerId,
  type Signer,
  type StoreOperation,
  type UnixMs,
} from '@stead/core'
import {
  channelIdOf,
  type DomainSeparator,
  equalBytes,
  escrowSeparator,
  type Increment,
  incrementId,
  incrementSchema,
  type Secp256k1,
  signIncrement,
  voucherSigner,
} from '@stead/protocol'
import { creditAfterWriteOff } from '../channel/credit-window.ts'
import { deliveryKey, type PaymentPlan } from '../channel/provider-ledger.ts'
import { MarketError, type MarketErrorCode } from '../errors.ts'
import type { Journal } from '../journal/journal.ts'
import { channelRowSchema, type ReceiptRow, receiptRowSchema } from '../journal/rows.ts'
import { channelNumberKey, deliveryRowKey, hashKey, PROVIDER_TABLES, put, remove } from '../journal/tables.ts'
import type { PayAsk, PayReply, RejectAsk, RejectionMessage, RejectReply } from '../messages.ts'
import type { MarketProviderOptions } from '../options.ts'
import type { ReceiptChain } from '../receipts/receipt-store.ts'
import { type ChannelDesk, thawing, unknownChannel } from './channel-desk.ts'
import type { PayerRecords } from './payer-records.ts'
import type { ProviderChannel } from './provider-channel.ts'

/** What the pay desk stands on. */
export interface PayDeskComponents {
  readonly channels: ChannelDesk
  readonly payers: PayerRecords
  readonly journal: Journal
  readonly clock: Clock
  readonly signer: Signer
  readonly secp256k1: Secp256k1
  readonly chain: ReceiptChain
  readonly store: { get(table: string, key: string): Promise<Uint8Array | undefined> }
  readonly logger: Logger
  /** Of the chain's last block. */
  readonly blockTime: () => Promise<UnixMs>
  readonly onPaid: (channel: ProviderChannel, paid: bigint) => void
  readonly onWrittenOff: (channel: ProviderChannel, writtenOff: bigint) => void
}

/** After these the payer has signed what this node can never sign: the two books cannot meet again. */
const BREAKING: ReadonlySet<string> = new Set<MarketErrorCode>(['MARKET_ENTRY_UNKNOWN', 'MARKET_ENTRY_MISMATCH'])

/** Share of the time that claims have before a thaw ends in which a voucher would come too late for one. */
const TOO_LATE_SHARE = 0.25

/** Takes vouchers for what was delivered and gives receipts; writes off what is rejected. */
export class PayDesk {
  readonly #components: PayDeskComponents
  readonly #separator: DomainSeparator
  readonly #claimMs: number

  constructor(components: PayDeskComponents, options: Pick<MarketProviderOptions, 'thawMarginMs'>) {
    this.#components = components
    this.#claimMs = Math.ceil(options.thawMarginMs * TOO_LATE_SHARE)
    this.#separator = escrowSeparator(components.chain)
  }

  /** Books an increment; the same one again gets the same answer. @throws MarketError, ProtocolError, CoreError */
  async pay(peer: PeerId, ask: PayAsk): Promise<PayReply> {
    const increment = incrementSchema.decodeDocument(ask.increment)
    return this.#inTurn(peer, increment.channel, async (channel) => {
      channel.usedAtMs = this.#components.clock.monotonicMs()
      const providerSignature =
        (await this.#replay(channel, increment, ask)) ?? (await this.#book(channel, increment, ask))
      await this.#reject(channel, ask.rejections)
      return { providerSignature, windowMicroUsd: channel.account.credit.windowMicroUsd }
    })
  }

  /** Writes off what the payer does not pay. @throws MarketError, CoreError */
  async reject(peer: PeerId, ask: RejectAsk): Promise<RejectReply> {
    return this.#inTurn(peer, ask.channel, async (channel) => {
      await this.#reject(channel, ask.rejections)
      return { windowMicroUsd: channel.account.credit.windowMicroUsd }
    })
  }

  async #inTurn<Result>(peer: PeerId, id: Hash, work: (channel: ProviderChannel) => Promise<Result>): Promise<Result> {
    const { channels } = this.#components
    await channels.wake(id, peer)
    const channel = channels.require(id, peer)
    return channel.account.queue.run(() => {
      // It was put to rest while this waited: the payer opens it again.
      if (channels.require(id, peer) !== channel) throw unknownChannel(id, peer)
      return work(channel)
    })
  }

  /** The signature that was given for these bytes before; undefined when the increment is new. */
  async #replay(channel: ProviderChannel, increment: Increment, ask: PayAsk): Promise<Uint8Array | undefined> {
    const head = channel.ledger.head
    if (head === undefined || increment.index > head.index) return undefined
    const key = channelNumberKey(channel.id, increment.index)
    const value = await this.#components.store.get(PROVIDER_TABLES.receipts, key)
    const row = value === undefined ? undefined : receiptRowSchema.decodeMessage(value)
    if (row?.providerSignature !== undefined && equalBytes(row.increment, ask.increment)) return row.providerSignature
    throw new MarketError(
      'MARKET_INCREMENT_CONFLICT',
      `increment ${increment.index} was booked with other content; the next is ${head.index + 1}`,
      { details: { channel: channel.id, index: increment.index, need: head.index + 1 } },
    )
  }

  async #book(channel: ProviderChannel, increment: Increment, ask: PayAsk): Promise<Uint8Array> {
    await this.#requireTime(channel)
    if (channel.stage === 'broken' || channel.stage === 'closed') {
      throw new MarketError('MARKET_CHANNEL_BROKEN', `channel ${channel.id} takes no more payments`)
    }
    const plan = await this.#plan(channel, increment, ask)
    this.#requireVoucher(channel, increment, ask.voucherSignature)
    const { clock, signer, journal, payers } = this.#components
    const row: ReceiptRow = {
      version: 1,
      increment: ask.increment,
      voucherSignature: ask.voucherSignature,
      providerSignature: signIncrement(signer, increment, ask.increment),
      at: clock.now(),
    }
    const receiptKey = channelNumberKey(channel.id, increment.index)
    const batch: StoreOperation[] = [
      put(PROVIDER_TABLES.receipts, receiptKey, receiptRowSchema.encodeMessage(row)),
      payers.row(channel.account.payer, plan.credit),
      ...plan.keys.map((key) => remove(PROVIDER_TABLES.delivered, deliveryRowKey(channel.id, key))),
    ]
    if (plan.deliveries.length > 0) batch.push(put(PROVIDER_TABLES.seen, receiptKey, plan.deliveries))
    await journal.write(batch, 'power')
    channel.account.credit = plan.credit
    channel.ledger.applyPayment(plan)
    channel.best = { cumulativeMicroUsd: increment.cumulativeMicroUsd, signature: ask.voucherSignature }
    this.#components.onPaid(channel, plan.paidMicroUsd)
    return row.providerSignature ?? new Uint8Array(0)
  }

  /**
   * A payer that takes its purse back could have its debt forgotten, and its credit given back, for a voucher that nobody
   * can claim before the purse is closed. @throws MarketError MARKET_PURSE_THAWING, the chain's errors
   */
  async #requireTime({ terms, thawEndsAt }: ProviderChannel): Promise<void> {
    if (thawEndsAt === undefined) return
    const leftMs = thawEndsAt - (await this.#components.blockTime())
    if (leftMs < this.#claimMs) throw thawing(terms.purse, thawEndsAt)
  }

  async #plan(channel: ProviderChannel, increment: Increment, ask: PayAsk): Promise<PaymentPlan> {
    try {
      return channel.ledger.planPayment(increment, incrementId(ask.increment), channel.quote.credit)
    } catch (error) {
      if (isSteadError(error) && BREAKING.has(error.code)) await this.#break(channel, increment, ask.voucherSignature)
      throw error
    }
  }

  /**
   * The payer signed entries that this node does not know, as after a loss of power. It can never sign them, but the
   * voucher says what the payer owes, so that is kept and claimed; the channel serves no more.
   */
  async #break(channel: ProviderChannel, increment: Increment, signature: Uint8Array): Promise<void> {
    const { journal, logger, payers } = this.#components
    const owed = increment.cumulativeMicroUsd
    if (this.#signerOf(channel, increment, signature) !== channel.seed.voucherSigner) return
    const known = channel.best?.cumulativeMicroUsd ?? 0n
    if (owed > known && owed <= channel.terms.allocationMicroUsd) channel.best = { cumulativeMicroUsd: owed, signature }
    channel.stage = 'broken'
    const best = channel.best?.cumulativeMicroUsd ?? 0n
    const unpaid = channel.ledger.billedMicroUsd + channel.ledger.outstandingMicroUsd - best
    channel.ledger.detach()
    const lost = unpaid > 0n ? unpaid : 0n
    channel.account.credit = creditAfterWriteOff(channel.account.credit, channel.quote.credit, lost)
    const batch = [
      put(PROVIDER_TABLES.channels, hashKey(channel.id), channelRowSchema.encodeMessage(channel.row())),
      payers.row(channel.account.payer, channel.account.credit),
    ]
    await journal.write(batch, 'power')
    this.#components.onWrittenOff(channel, lost)
    logger.warn('the books of a channel do not agree; it serves no more', {
      channel: channel.id,
      index: increment.index,
      voucherMicroUsd: best,
      unpaidMicroUsd: lost,
    })
  }

  #signerOf(channel: ProviderChannel, increment: Increment, signature: Uint8Array): Address | undefined {
    const { cumulativeMicroUsd } = increment
    if (channelIdOf(channel.terms) !== increment.channel) return undefined
    return voucherSigner(this.#components.secp256k1, this.#separator, {
      terms: channel.terms,
      cumulativeMicroUsd,
      signature,
    })
  }

  #requireVoucher(channel: ProviderChannel, increment: Increment, signature: Uint8Array): void {
    const signer = this.#signerOf(channel, increment, signature)
    if (signer === channel.seed.voucherSigner) return
    throw new MarketError(
      'MARKET_VOUCHER_INVALID',
      `the voucher over ${increment.cumulativeMicroUsd} micro-dollars is not by the voucher key ${channel.seed.voucherSigner}`,
      { details: { channel: channel.id, need: channel.seed.voucherSigner, have: signer ?? 'nobody' } },
    )
  }

  async #reject(channel: ProviderChannel, rejections: readonly RejectionMessage[]): Promise<void> {
    if (rejections.length === 0 || channel.stage === 'broken') return
    const { journal, payers, logger } = this.#components
    const deliveries = rejections.map(({ delivery }) => delivery)
    channel.ledger.refuse(deliveries)
    const plan = channel.ledger.planRejection(deliveries, channel.quote.credit)
    const [first] = plan.writtenOff
    if (first !== undefined) {
      const ids = new Uint8Array(plan.writtenOff.length * 16)
      for (const [position, entry] of plan.writtenOff.entries()) ids.set(entry.delivery, position * 16)
      const batch = plan.writtenOff.map((entry) =>
        remove(PROVIDER_TABLES.delivered, deliveryRowKey(channel.id, deliveryKey(entry.delivery))),
      )
      batch.push(put(PROVIDER_TABLES.seen, deliveryRowKey(channel.id, `r${deliveryKey(first.delivery)}`), ids))
      batch.push(payers.row(channel.account.payer, plan.credit))
      await journal.write(batch, 'process')
      logger.info('deliveries were rejected and are written off', {
        channel: channel.id,
        deliveries: plan.writtenOff.length,
        writtenOffMicroUsd: plan.writtenOffMicroUsd,
      })
      this.#components.onWrittenOff(channel, plan.writtenOffMicroUsd)
    }
    channel.account.credit = plan.credit
    channel.ledger.applyRejection(plan)
  }
}
