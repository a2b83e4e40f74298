import {
  type Hash,
  hasCode,
  type MicroUsd,
  messageOf,
  microUsd,
  type PeerId,
  type Size,
  type SteadError,
  type Timer,
  type UnixMs,
} from '@stead/core'
import {
  type BillEntry,
  type ChannelTerms,
  channelIdOf,
  incrementId,
  incrementSchema,
  type Quote,
  signVoucher,
} from '@stead/protocol'
import type { PayerLedger, Rejection, SentIncrement } from '../channel/payer-ledger.ts'
import { REJECTIONS_MAX } from '../channel/provider-ledger.ts'
import { Waiters } from '../channel/waiters.ts'
import { MarketError } from '../errors.ts'
import type { ChannelRow } from '../journal/rows.ts'
import type { MarketPayerOptions } from '../options.ts'
import { asSteadError } from '../quotes/ask-quote.ts'
import type { OpenedQuote } from '../quotes/quote-answer.ts'
import { faultOf } from './channel-fault.ts'
import { ChannelHealth } from './channel-health.ts'
import { ChannelJournal } from './channel-journal.ts'
import { ChannelLink, type ChannelStanding } from './channel-link.ts'
import type { ChannelDriverComponents, ChannelDriverParts } from './channel-parts.ts'
import { channelStats } from './channel-stats.ts'
import { OpenReservation, type ReservationEnd } from './open-reservation.ts'
import {
  type LostReason,
  type PayerChannel,
  type PayerChannelState,
  type PayerChannelStats,
  REJECT_REASONS,
  type RejectReason,
  type Reservation,
} from './payer-channel.ts'
import { QuoteKeeper } from './quote-keeper.ts'
import { reconcileBooks } from './reconcile-books.ts'

/** Times in a row that a provider may forget a channel which it was just told. */
const REOPENS_MAX = 3
/** A provider is asked again for what it waits for after this at the earliest. */
const BOOKS_AGAIN_MS = 10_000
/** The last receipt, and the one before it while the increment that takes it along is on its way to the disk. */
const UNWRITTEN_MAX = 2

/** Keeps one channel going: opens it, pays what is accepted, tells what is rejected, starts again after failures. */
export class ChannelDriver implements PayerChannel {
  readonly id: Hash
  readonly terms: ChannelTerms
  readonly peer: PeerId
  readonly row: ChannelRow
  readonly ledger: PayerLedger
  readonly #components: ChannelDriverComponents
  readonly #options: MarketPayerOptions
  readonly #link: ChannelLink
  readonly #journal: ChannelJournal
  readonly #quotes: QuoteKeeper
  readonly #end: ReservationEnd
  readonly #abort: AbortController = new AbortController()
  readonly #waiters: Waiters
  readonly #health: ChannelHealth
  readonly #rejected: Record<RejectReason, number>
  readonly #leaveLine: () => void
  #quoteCount: number
  #phase: 'opening' | 'reconciled' | 'ready' = 'opening'
  #mustOpen: boolean
  #reopens = 0
  #prepay: MicroUsd = microUsd(0n)
  #isThawing = false
  #isStopped = false
  #isRunning = false
  #running: Promise<void> = Promise.resolve()
  #isPaymentDue = false
  #payTimer: Timer | undefined
  #accepted = 0
  #acceptedAtRenewal = 0
  #usedAt: UnixMs
  #booksDueAtMs = 0

  constructor(components: ChannelDriverComponents, parts: ChannelDriverParts, options: MarketPayerOptions) {
    const { row, quote, ledger } = parts
    const { clock, logger, network, secp256k1 } = components
    const { node, operator, allocationMicroUsd } = row
    this.terms = { purse: parts.purse, node, operator, allocationMicroUsd }
    this.id = channelIdOf(this.terms)
    this.peer = row.peer as PeerId
    this.row = row
    this.ledger = ledger
    this.#components = components
    this.#options = options
    this.#quoteCount = parts.quoteCount
    this.#usedAt = parts.usedAt
    this.#mustOpen = !parts.wasOpened
    const { id, terms, peer } = this
    const [timeoutMs, { signal }] = [options.payTimeoutMs, this.#abort]
    this.#link = new ChannelLink({ network, secp256k1, peer, id, terms, row, timeoutMs, signal })
    this.#journal = new ChannelJournal(components, id)
    this.#waiters = new Waiters(clock)
    this.#health = new ChannelHealth(components, options)
    this.#quotes = new QuoteKeeper(
      {
        clock,
        requote: (last, need) => components.requote(peer, last, need),
        renew: (opened) => this.renew(opened),
        wasUsed: () => this.#wasUsed(),
        onFailure: (error) => logger.info('a quote could not be renewed', { channel: id, error: messageOf(error) }),
      },
      quote,
    )
    this.#leaveLine = ledger.line.listen(() => this.#waiters.notify())
    this.#rejected = Object.fromEntries(REJECT_REASONS.map((reason) => [reason, 0])) as Record<RejectReason, number>
    this.#end = {
      accepted: (entry) => this.#accept(entry),
      rejected: (delivery, reason) => this.#reject(delivery, reason),
      released: (delivery) => {
        ledger.release(delivery)
        this.#notify()
      },
    }
  }

  /** When anything was last asked for or accepted on it. */
  get usedAt(): UnixMs {
    return this.#usedAt
  }

  /** Somebody is about to use it: its purse is not idle. */
  noteUse(): void {
    this.#usedAt = this.#components.clock.now()
  }

  /** Nothing is in flight, nothing is owed that its provider could be paid, and no work is to come that was paid ahead. */
  get isIdle(): boolean {
    const { inFlight, signedMicroUsd, billedMicroUsd, acceptedMicroUsd } = this.ledger
    if (inFlight > 0) return false
    if (this.lostReason !== undefined) return true
    const isAhead = this.row.prepayMicroUsd !== undefined && signedMicroUsd > billedMicroUsd + acceptedMicroUsd
    return !isAhead && this.#hasNothingToSay()
  }

  get quote(): Quote {
    return this.#quotes.quote
  }

  get state(): PayerChannelState {
    if (this.#isThawing || this.#isStopped) return 'thawing'
    if (this.lostReason !== undefined) return 'lost'
    if (this.#phase !== 'ready') return 'opening'
    if (this.#quotes.isExpired) return 'expired'
    const left = this.terms.allocationMicroUsd - this.ledger.billedMicroUsd - this.ledger.acceptedMicroUsd
    return left === 0n ? 'exhausted' : 'open'
  }

  get lostReason(): LostReason | undefined {
    return this.#health.lostReason
  }

  roomMicroUsd(): MicroUsd {
    return this.state === 'open' ? this.ledger.roomMicroUsd() : microUsd(0n)
  }

  largestMicroUsd(): MicroUsd {
    return this.ledger.largestMicroUsd()
  }

  onRoom(callback: () => void): () => void {
    return this.#waiters.listen(callback)
  }

  reserve(maximumMicroUsd: MicroUsd): Reservation | undefined {
    const { state } = this
    if (state !== 'open') {
      if (state === 'expired') void this.#quotes.renewNow()
      return undefined
    }
    this.#usedAt = this.#components.clock.now()
    const delivery = this.#components.random.bytes(16)
    if (!this.ledger.reserve(delivery, maximumMicroUsd)) {
      // Paying makes room, so whoever waits for room does not also wait for the pay timer.
      if (this.ledger.acceptedCount > 0 || this.ledger.rejectionCount > 0) this.#payNow()
      return undefined
    }
    return new OpenReservation(delivery, maximumMicroUsd, this.#end)
  }

  checkBooks(): void {
    const nowMs = this.#components.clock.monotonicMs()
    if (this.#phase !== 'ready' || nowMs < this.#booksDueAtMs) return
    this.#booksDueAtMs = nowMs + BOOKS_AGAIN_MS
    this.#phase = 'opening'
    this.kick()
  }

  stats(): PayerChannelStats {
    return channelStats(this.ledger, { accepted: this.#accepted, rejectedByReason: { ...this.#rejected } })
  }

  /** What this channel holds in memory, with the most that it may. */
  sizes(): readonly Size[] {
    return [{ what: 'receipts that are not on disk yet', have: this.#journal.unwrittenCount, max: UNWRITTEN_MAX }]
  }

  awaitRoom(wishMicroUsd: MicroUsd): () => void {
    return this.ledger.line.join(this.ledger, wishMicroUsd, () => this.#waiters.notify())
  }

  /** Begins, or begins again at once when it waits after a failure. */
  kick(): void {
    if (this.#isOver() || this.#isRunning) return
    this.#health.cancelRetry()
    this.#isRunning = true
    this.#running = this.#run()
  }

  /** Resolves with undefined once the provider serves this channel, or with why it does not. */
  async ready(timeoutMs: number): Promise<SteadError | undefined> {
    this.#usedAt = this.#components.clock.now()
    this.kick()
    await this.#waiters.until(() => this.#phase === 'ready' || this.#isOver(), timeoutMs)
    if (this.#phase === 'ready' && !this.#health.isLostForGood) return undefined
    return this.#why('the provider did not open the channel in time')
  }

  /** Pays and tells everything now; resolves with undefined once it is receipted, or with why not. */
  async settle(timeoutMs: number): Promise<SteadError | undefined> {
    const { ledger } = this
    const isDone = (): boolean => ledger.acceptedCount === 0 && ledger.sent === undefined && ledger.rejectionCount === 0
    if (!isDone()) {
      this.#isPaymentDue = true
      this.kick()
      await this.#waiters.until(() => isDone() || this.#isOver(), timeoutMs)
    }
    await this.#journal.written
    if (isDone() || this.unreceiptedMicroUsd === 0n) return undefined
    return this.#why('the provider gave no receipt in time')
  }

  /** Accepted, without a receipt. */
  get unreceiptedMicroUsd(): MicroUsd {
    const { billedMicroUsd, acceptedMicroUsd, receiptedMicroUsd } = this.ledger
    const open = billedMicroUsd + acceptedMicroUsd - receiptedMicroUsd
    return microUsd(open > 0n ? open : 0n)
  }

  /** Gives the channel a new quote on both sides. @throws MarketError, the network's errors */
  async renew(opened: OpenedQuote): Promise<void> {
    const { node, operator } = this.terms
    if (opened.quote.node !== node || opened.quote.operator !== operator) {
      throw new MarketError('MARKET_QUOTE_INVALID', 'the quote is of another node or operator than the channel')
    }
    // A channel that is not open yet is opened with the new quote; an open one is told of it.
    if (this.#phase === 'opening') this.#mustOpen = true
    else await this.#link.open(opened.signed)
    this.#quotes.take(opened)
    this.#quoteCount += 1
    await this.#journal.quoted(this.#quoteCount - 1, opened.signed)
    this.#notify()
  }

  /** The purse is being emptied: nothing new is asked for, what is accepted is still paid. */
  setThawing(isThawing: boolean): void {
    this.#isThawing = isThawing
    this.#notify()
  }

  /** The peer is there again: what waits for it is tried now. */
  onPeerConnected(): void {
    if (this.#health.isWaiting || (this.#phase === 'opening' && this.#health.isFailing)) this.kick()
  }

  stop(): void {
    this.#isStopped = true
    this.#leaveLine()
    this.#payTimer?.clear()
    this.#health.cancelRetry()
    this.#quotes.stop()
    this.#abort.abort()
    this.#waiters.wake()
  }

  /** Resolves when nothing of this channel runs any more. */
  async stopped(): Promise<void> {
    await this.#running
    await this.#journal.written
  }

  #notify(): void {
    this.#waiters.notify()
    this.ledger.line.wakeFirst()
  }

  #isOver(): boolean {
    return this.#health.isLostForGood || this.#isStopped
  }

  #accept(entry: BillEntry): void {
    const { ledger } = this
    ledger.accept(entry)
    this.#usedAt = this.#components.clock.now()
    this.#accepted += 1
    this.#journal.accepted(entry)
    const isHalfWindow = ledger.acceptedMicroUsd * 2n >= ledger.windowMicroUsd
    if (isHalfWindow || ledger.acceptedCount >= this.#options.payEntriesMax) this.#payNow()
    else this.#paySoon()
    this.#notify()
  }

  #reject(delivery: Uint8Array, reason: RejectReason): void {
    this.ledger.reject(delivery, reason)
    this.#rejected[reason] += 1
    this.#paySoon()
  }

  #payNow(): void {
    this.#isPaymentDue = true
    // Failing anew at once would only repeat the failure; the retry timer pays.
    if (!this.#health.isWaiting) this.kick()
  }

  #paySoon(): void {
    this.#payTimer ??= this.#components.clock.setTimer(this.#options.payAfterMs, () => {
      this.#payTimer = undefined
      this.#payNow()
    })
  }

  async #run(): Promise<void> {
    // All that is accepted in one turn is journaled in one batch before any of it is signed.
    await Promise.resolve()
    while (!this.#isOver()) {
      const step = this.#nextStep()
      if (step === undefined) break
      try {
        await step()
        this.#health.succeeded()
      } catch (error) {
        if (this.#isStopped || !(await this.#recover(error))) break
      }
    }
    // In the same turn as the last look, so that no kick can fall between the two.
    this.#isRunning = false
    this.#waiters.wake()
  }

  #nextStep(): (() => Promise<void>) | undefined {
    const { ledger } = this
    if (this.#phase === 'opening') return () => this.#open()
    const { sent } = ledger
    if (sent !== undefined) return () => this.#send(sent)
    const mustTell = this.#isPaymentDue || this.#phase === 'reconciled'
    if (this.#prepay > 0n || (mustTell && ledger.acceptedCount > 0)) return () => this.#sign()
    if (mustTell && ledger.rejectionCount > 0) return () => this.#tell()
    this.#isPaymentDue = false
    if (this.#phase === 'reconciled') {
      this.#phase = 'ready'
      this.#reopens = 0
      this.#quotes.start()
      this.#notify()
    }
    return undefined
  }

  async #open(): Promise<void> {
    // What is accepted from now on may have been delivered after the provider looked.
    const acceptedBefore = this.ledger.acceptedKeys()
    const standing = this.#mustOpen ? await this.#link.open(this.#quotes.signed) : await this.#link.sync()
    this.#mustOpen = false
    await this.#reconcile(standing, acceptedBefore)
    this.#phase = 'reconciled'
  }

  /** Brings both sides' books together. */
  async #reconcile(standing: ChannelStanding, acceptedBefore: ReadonlySet<string>): Promise<void> {
    const { ledger } = this
    const dropped = reconcileBooks(ledger, { standing, acceptedBefore, quote: this.quote, channel: this.id })
    if (dropped.length > 0) {
      this.#components.logger.warn('the provider forgot accepted deliveries; they are not paid', {
        channel: this.id,
        deliveries: dropped.length,
      })
      await this.#journal.dropped(dropped)
    }
    const prepay = standing.prepayMicroUsd
    const ahead = ledger.head === undefined ? (this.row.prepayMicroUsd ?? prepay) : prepay
    this.#prepay = ledger.sent === undefined ? ahead : microUsd(0n)
    ledger.applyWindow(standing.windowMicroUsd)
  }

  /** Signs what is accepted. The journal has it before anybody else. */
  async #sign(): Promise<void> {
    const { signer, separator } = this.#components
    const increment = this.ledger.draft(this.#options.payEntriesMax, this.#prepay)
    if (increment !== undefined) {
      const bytes = incrementSchema.encodeDocument(increment)
      const { cumulativeMicroUsd } = increment
      const voucher = signVoucher(signer, separator, { ...this.terms, cumulativeMicroUsd })
      const sent: SentIncrement = { increment, bytes, voucherSignature: voucher.signature }
      await this.#journal.signed(sent)
      this.ledger.applySigned(sent, incrementId(bytes))
    }
    this.#prepay = microUsd(0n)
  }

  async #send(sent: SentIncrement): Promise<void> {
    const rejections = this.ledger.rejections(REJECTIONS_MAX)
    const { providerSignature, windowMicroUsd } = await this.#link.pay(sent, rejections)
    this.#journal.receipted(sent, providerSignature)
    this.ledger.applyReceipt()
    this.#applyTold(rejections, windowMicroUsd)
  }

  async #tell(): Promise<void> {
    const rejections = this.ledger.rejections(REJECTIONS_MAX)
    this.#applyTold(rejections, await this.#link.reject(rejections))
  }

  #applyTold(rejections: readonly Rejection[], windowMicroUsd: MicroUsd): void {
    this.ledger.applyTold(rejections)
    this.ledger.applyWindow(windowMicroUsd)
    this.#notify()
  }

  /** @returns true to go on at once */
  async #recover(error: unknown): Promise<boolean> {
    const fault = faultOf(error)
    const known = asSteadError(error)
    this.#health.failed(known)
    if (fault.kind === 'reopen' && this.#reopens < REOPENS_MAX) {
      this.#reopens += 1
      this.#phase = 'opening'
      this.#mustOpen = true
      return true
    }
    if (fault.kind === 'expired' && (await this.#quotes.renewNow())) return true
    if (fault.kind === 'thawing') this.#isThawing = true
    if (fault.kind === 'retry' || fault.kind === 'expired') this.#retryLater(fault.kind === 'retry' && fault.isPeer)
    else this.#lose(fault.kind === 'lost' ? fault.reason : 'refused', known)
    return false
  }

  #lose(reason: LostReason, error: SteadError): void {
    this.#health.lose(reason, error)
    this.ledger.detach()
    const { logger } = this.#components
    logger.warn('a channel is lost', { channel: this.id, node: this.terms.node, reason, error: error.message })
    this.#notify()
  }

  #retryLater(isPeer: boolean): void {
    this.#health.retryLater(isPeer, () => {
      // With nothing to pay there is no hurry: the next use, or the peer's return, begins again.
      if (this.lostReason === 'unreachable' && this.#hasNothingToSay()) this.#notify()
      else this.kick()
    })
    this.#notify()
  }

  #hasNothingToSay(): boolean {
    const { sent, acceptedCount, rejectionCount } = this.ledger
    return sent === undefined && acceptedCount === 0 && rejectionCount === 0 && !this.#waiters.isAwaited
  }

  #wasUsed(): boolean {
    const isUsed = this.#accepted > this.#acceptedAtRenewal || this.ledger.inFlight > 0
    this.#acceptedAtRenewal = this.#accepted
    return isUsed && this.state === 'open'
  }

  #why(fallback: string): SteadError {
    const known = this.#health.error
    if (known !== undefined && !hasCode(known, 'CORE_ABORTED')) return known
    return new MarketError('MARKET_BUSY', fallback, { details: { channel: this.id, node: this.terms.node } })
  }
}
