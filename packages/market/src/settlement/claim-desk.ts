import {
  type Chain,
  type Clock,
  type Hash,
  hasCode,
  hash,
  isSteadError,
  type Logger,
  messageOf,
  microUsd,
  type Store,
  type Timer,
  type UnixMs,
} from '@stead/core'
import type { Journal } from '../journal/journal.ts'
import { PROVIDER_TABLES } from '../journal/tables.ts'
import type { MarketProviderOptions } from '../options.ts'
import type { ProviderChannel } from '../provider/provider-channel.ts'
import type { RestingChannels } from '../provider/resting-channels.ts'
import { type Claimable, type ClaimPrices, decideClaim } from './claim-policy.ts'
import { SettlementBook } from './settlement-book.ts'
import type {
  ClaimReason,
  ClaimState,
  ClaimWaitReason,
  SettlementRecord,
  SettlementReport,
} from './settlement-record.ts'
import type { ThawWatch } from './thaw-watch.ts'

/** What the claim desk stands on. */
export interface ClaimDeskComponents {
  readonly chain: Chain
  readonly clock: Clock
  readonly journal: Journal
  readonly logger: Logger
  readonly channels: () => Iterable<ProviderChannel>
  readonly thaws: ThawWatch
  readonly resting: RestingChannels
  readonly settlements: SettlementRecord[]
}

const RETRY_FIRST_MS = 1_000

/** A channel that could not be claimed. */
interface Failed {
  readonly channel: ProviderChannel
  readonly error: unknown
}

/** What one round of claims did. */
interface ClaimRound {
  readonly settlements: SettlementRecord[]
  readonly failed: Failed[]
}

/** Turns vouchers into money on chain: in batches when it is worth the gas, always before a thaw ends. */
export class ClaimDesk {
  readonly #components: ClaimDeskComponents
  readonly #options: MarketProviderOptions
  readonly #book: SettlementBook
  /** A second claim while one is under way would pay gas for nothing. */
  #claiming: Promise<unknown> = Promise.resolve()
  #timer: Timer | undefined
  #isRunning = false
  #failures = 0
  #state: ClaimState
  #isCaughtUp = false

  constructor(components: ClaimDeskComponents, options: MarketProviderOptions) {
    this.#components = components
    this.#options = options
    this.#book = new SettlementBook(components, options)
    this.#state = this.#stateOf('wait', 'nothing-to-claim')
  }

  /** What the policy thinks now. */
  get state(): ClaimState {
    return { ...this.#state, claimableMicroUsd: microUsd(this.#claimable().grossMicroUsd) }
  }

  /** Channels of which a claim may be on its way. */
  get claimingCount(): number {
    return this.#book.claimingCount
  }

  /** Channels of which a claim may be on its way, or be undone by another fork. */
  youngClaims(): ReadonlySet<Hash> {
    return this.#book.youngClaims()
  }

  get settlements(): readonly SettlementRecord[] {
    return this.#book.all
  }

  start(): void {
    this.#isRunning = true
    this.#schedule(0)
  }

  async stop(): Promise<void> {
    this.#isRunning = false
    this.#timer?.clear()
    await this.#claiming
  }

  /** Looks now, for instance because a purse began to thaw. */
  wake(): void {
    if (this.#isRunning) this.#schedule(0)
  }

  /** Claims everything now, whatever the policy says. */
  settle(reason: ClaimReason): Promise<SettlementReport> {
    return this.#exclusive(async () => {
      await this.#book.correct()
      const { settlements, failed } = await this.#claim(this.#open(), reason)
      return { settlements, failed: failed.map(failureOf) }
    })
  }

  #exclusive<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.#claiming.then(work)
    this.#claiming = result.catch(() => undefined)
    return result
  }

  #schedule(delayMs: number): void {
    this.#timer?.clear()
    this.#timer = this.#components.clock.setTimer(delayMs, () => {
      void this.#exclusive(() => this.#look())
    })
  }

  /** Reads what was claimed and what was on its way when the last process ended; channels are there. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async load(store: Store): Promise<void> {
    this.#book.restore()
    for (const { key } of await store.scan(PROVIDER_TABLES.claiming)) this.#book.noteClaiming(hash(`0x${key}`))
  }

  async #look(): Promise<void> {
    if (!this.#isRunning) return
    let delayMs = this.#options.claimCheckMs
    try {
      // Before purses are looked at: one that was closed meanwhile takes its channel away, and the claim with it.
      await this.#catchUp()
      await this.#components.thaws.check()
      await this.#book.correct()
      await this.#decide()
      await this.#components.resting.look()
      this.#failures = 0
    } catch (error) {
      delayMs = Math.min(this.#options.claimRetryMaxMs, RETRY_FIRST_MS * 2 ** Math.min(this.#failures, 20))
      this.#failures += 1
      this.#failed(error, delayMs)
    }
    if (this.#isRunning) this.#schedule(delayMs)
  }

  #failed(error: unknown, delayMs: number): void {
    const { clock, logger } = this.#components
    this.#state = {
      ...this.#stateOf('wait', waitReasonOf(error)),
      retryAt: (clock.now() + delayMs) as UnixMs,
      error: messageOf(error),
    }
    logger.warn('claiming failed; it is tried again', { error: messageOf(error), retryInMs: delayMs })
  }

  /** The cheap look first: without anything to claim the chain is not asked. */
  async #decide(): Promise<void> {
    const { chain } = this.#components
    // What is not on chain any more cannot be claimed; its payer locks it again, or its work is lost.
    const open = this.#open().filter(({ isPurseMissing }) => !isPurseMissing)
    if (open.length === 0) {
      this.#state = this.#stateOf('wait', 'nothing-to-claim')
      return
    }
    const urgent = await this.#urgent(open)
    if (urgent.length > 0) {
      await this.#claimOrThrow(urgent, 'thaw-ending')
      return
    }
    const prices: ClaimPrices = { gasPrice: await chain.gasPrice(), feeBps: (await chain.escrowTerms()).feeBps }
    const decision = decideClaim(claimableOf(open), prices, this.#options)
    this.#state = { ...this.#stateOf(decision.decision, decision.reason), ...decision }
    if (decision.decision === 'claim') await this.#claimOrThrow(open, 'worth-it')
  }

  async #claimOrThrow(channels: readonly ProviderChannel[], reason: ClaimReason): Promise<void> {
    this.#state = this.#stateOf('claim', reason)
    const { failed } = await this.#claim(channels, reason)
    const [first] = failed
    if (first !== undefined) throw first.error
  }

  /** Channels whose thaw ends within the margin. */
  async #urgent(channels: readonly ProviderChannel[]): Promise<readonly ProviderChannel[]> {
    const thawing = channels.filter((channel) => channel.thawEndsAt !== undefined)
    if (thawing.length === 0) return []
    const now = await this.#components.chain.blockTime()
    return thawing.filter((channel) => (channel.thawEndsAt ?? 0) - now <= this.#options.thawMarginMs)
  }

  /** Claims in as few transactions as possible; what one bad channel spoils for its batch is tried one by one. */
  async #claim(channels: readonly ProviderChannel[], reason: ClaimReason): Promise<ClaimRound> {
    // What somebody else has claimed already would only cost gas.
    const round: ClaimRound = { settlements: [...(await this.#book.findOnChain(channels))], failed: [] }
    const open = channels.filter((channel) => channel.claimableMicroUsd > 0n)
    for (let i = 0; i < open.length; i += this.#options.claimBatchMax) {
      await this.#claimPart(open.slice(i, i + this.#options.claimBatchMax), reason, round)
    }
    return round
  }

  async #claimPart(batch: readonly ProviderChannel[], reason: ClaimReason, round: ClaimRound): Promise<void> {
    try {
      round.settlements.push(...(await this.#claimBatch(batch, reason)))
    } catch (error) {
      const isSpoilt = isSteadError(error) && !error.retryable
      if (isSpoilt && batch.length > 1) {
        for (const channel of batch) await this.#claimPart([channel], reason, round)
      } else {
        if (isSpoilt) await this.#book.abandon(batch)
        round.failed.push(...batch.map((channel) => ({ channel, error })))
      }
    }
  }

  async #claimBatch(batch: readonly ProviderChannel[], reason: ClaimReason): Promise<readonly SettlementRecord[]> {
    const claims = batch.flatMap((channel) => channel.claim() ?? [])
    if (claims.length === 0) return []
    await this.#book.begin(batch)
    const outcome = await this.#components.chain.claim(claims)
    const record = await this.#book.record(batch, outcome, reason)
    // A claim that somebody else made first is missing from the outcome, but its money is there.
    const credited = new Set(outcome.channels.map(({ channel }) => channel))
    const missing = batch.filter((channel) => !credited.has(channel.id))
    return [record, ...(await this.#book.findOnChain(missing))]
  }

  /** The first look after a start brings in what a crash left on chain. */
  async #catchUp(): Promise<void> {
    if (this.#isCaughtUp) return
    await this.#book.findOnChain(this.#open())
    this.#isCaughtUp = true
  }

  #open(): readonly ProviderChannel[] {
    return Array.from(this.#components.channels()).filter((channel) => channel.claimableMicroUsd > 0n)
  }

  #claimable(): Claimable {
    return claimableOf(this.#open())
  }

  #stateOf(decision: 'claim' | 'wait', reason: ClaimReason | ClaimWaitReason): ClaimState {
    return {
      at: this.#components.clock.now(),
      decision,
      reason,
      claimableMicroUsd: microUsd(0n),
      gasMicroUsd: undefined,
      feeMicroUsd: undefined,
      retryAt: undefined,
      error: undefined,
    }
  }
}

function claimableOf(channels: readonly ProviderChannel[]): Claimable {
  const firstClaims = channels.filter((channel) => channel.claimedMicroUsd === 0n).length
  return {
    grossMicroUsd: channels.reduce((sum, channel) => sum + channel.claimableMicroUsd, 0n),
    firstClaims,
    laterClaims: channels.length - firstClaims,
  }
}

function waitReasonOf(error: unknown): ClaimWaitReason {
  if (hasCode(error, 'CHAIN_INSUFFICIENT_FUNDS')) return 'gas-missing'
  return isSteadError(error) && !error.retryable ? 'chain-refused' : 'chain-unreachable'
}

function failureOf({ channel, error }: Failed): SettlementReport['failed'][number] {
  return { channel: channel.id, claimableMicroUsd: microUsd(channel.claimableMicroUsd), reason: messageOf(error) }
}
