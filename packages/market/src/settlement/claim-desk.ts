import {
  type Chain,
  type ClaimedChannel,
  type ClaimOutcome,
  type Clock,
  type Hash,
  hash,
  isSteadError,
  type Logger,
  messageOf,
  microUsd,
  type Store,
  type StoreOperation,
  type Timer,
  type UnixMs,
  type Wei,
} from '@stead/core'
import type { Journal } from '../journal/journal.ts'
import { channelRowSchema } from '../journal/rows.ts'
import { hashKey, PROVIDER_TABLES, put, remove } from '../journal/tables.ts'
import type { MarketProviderOptions } from '../options.ts'
import type { ProviderChannel } from '../provider/provider-channel.ts'
import { type Claimable, type ClaimPrices, decideClaim, gasToMicroUsd } from './claim-policy.ts'
import type {
  ClaimReason,
  ClaimState,
  ClaimWaitReason,
  SettledChannel,
  SettlementRecord,
  SettlementReport,
} from './settlement-record.ts'
import { settlementOf, settlementRow } from './settlement-rows.ts'
import type { ThawWatch } from './thaw-watch.ts'

/** What the claim desk stands on. */
export interface ClaimDeskComponents {
  readonly chain: Chain
  readonly clock: Clock
  readonly journal: Journal
  readonly logger: Logger
  readonly channels: () => Iterable<ProviderChannel>
  readonly thaws: ThawWatch
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
  /** A second claim while one is under way would pay gas for nothing. */
  #claiming: Promise<unknown> = Promise.resolve()
  #timer: Timer | undefined
  #isRunning = false
  #failures = 0
  #state: ClaimState
  #isCaughtUp = false
  /** Channels for which a claim of this node may be on its way, also from before a crash. */
  readonly #claimingIds: Set<Hash> = new Set()

  constructor(components: ClaimDeskComponents, options: MarketProviderOptions) {
    this.#components = components
    this.#options = options
    this.#state = this.#stateOf('wait', 'nothing-to-claim')
  }

  /** What the policy thinks now. */
  get state(): ClaimState {
    return { ...this.#state, claimableMicroUsd: microUsd(this.#claimable().grossMicroUsd) }
  }

  /** Channels of which a claim may be on its way. */
  get claimingCount(): number {
    return this.#claimingIds.size
  }

  get settlements(): readonly SettlementRecord[] {
    return this.#components.settlements
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

  /** Reads which claims were on their way when the last process ended. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async load(store: Store): Promise<void> {
    for (const { key } of await store.scan(PROVIDER_TABLES.claiming)) this.#claimingIds.add(hash(`0x${key}`))
  }

  async #look(): Promise<void> {
    if (!this.#isRunning) return
    let delayMs = this.#options.claimCheckMs
    try {
      await this.#components.thaws.check()
      await this.#catchUp()
      await this.#decide()
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
    const isRefused = isSteadError(error) && !error.retryable
    this.#state = {
      ...this.#stateOf('wait', isRefused ? 'chain-refused' : 'chain-unreachable'),
      retryAt: (clock.now() + delayMs) as UnixMs,
      error: messageOf(error),
    }
    logger.warn('claiming failed; it is tried again', { error: messageOf(error), retryInMs: delayMs })
  }

  /** The cheap look first: without anything to claim the chain is not asked. */
  async #decide(): Promise<void> {
    const { chain } = this.#components
    const open = this.#open()
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
    const round: ClaimRound = { settlements: [...(await this.#findOnChain(channels))], failed: [] }
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
        round.failed.push(...batch.map((channel) => ({ channel, error })))
      }
    }
  }

  async #claimBatch(batch: readonly ProviderChannel[], reason: ClaimReason): Promise<readonly SettlementRecord[]> {
    const { chain, journal } = this.#components
    const claims = batch.flatMap((channel) => channel.claim() ?? [])
    if (claims.length === 0) return []
    // A crash between here and the record must not lose whose gas it was.
    const marks = batch.map(({ id }) => put(PROVIDER_TABLES.claiming, hashKey(id), new Uint8Array(0)))
    await journal.write(marks, 'process')
    for (const { id } of batch) this.#claimingIds.add(id)
    const outcome = await chain.claim(claims)
    const record = await this.#record(outcome, reason)
    for (const { id } of batch) this.#claimingIds.delete(id)
    // A claim that somebody else made first is missing from the outcome, but its money is there.
    const credited = new Set(outcome.channels.map(({ channel }) => channel))
    const missing = batch.filter((channel) => !credited.has(channel.id))
    return [record, ...(await this.#findOnChain(missing))]
  }

  async #record(outcome: ClaimOutcome, reason: ClaimReason): Promise<SettlementRecord> {
    const { gasUsed, gasCostWei, transaction } = outcome
    const gasMicroUsd = gasToMicroUsd(gasCostWei, this.#options.nativeCoinMicroUsd)
    return this.#keep({ transaction, reason, channels: outcome.channels, gasUsed, gasCostWei, gasMicroUsd })
  }

  async #keep(
    facts: Pick<SettlementRecord, 'transaction' | 'reason' | 'gasUsed' | 'gasCostWei' | 'gasMicroUsd'> & {
      readonly channels: readonly ClaimedChannel[]
    },
  ): Promise<SettlementRecord> {
    const { clock, journal, settlements, logger } = this.#components
    const own = new Map(Array.from(this.#components.channels(), (channel) => [channel.id, channel]))
    const settled: SettledChannel[] = []
    const rows: StoreOperation[] = []
    for (const claimed of facts.channels) {
      const channel = own.get(claimed.channel)
      if (channel === undefined) continue
      const { purse, cumulativeMicroUsd, grossMicroUsd, feeMicroUsd } = claimed
      const { payer } = channel.account
      settled.push({ channel: channel.id, purse, payer, cumulativeMicroUsd, grossMicroUsd, feeMicroUsd })
      if (claimed.cumulativeMicroUsd > channel.claimedMicroUsd) channel.claimedMicroUsd = claimed.cumulativeMicroUsd
      rows.push(put(PROVIDER_TABLES.channels, hashKey(channel.id), channelRowSchema.encodeMessage(channel.row())))
      rows.push(remove(PROVIDER_TABLES.claiming, hashKey(channel.id)))
      this.#claimingIds.delete(channel.id)
    }
    const record = settlementOf({ ...facts, channels: settled, at: clock.now() })
    settlements.push(record)
    await journal.write([...rows, settlementRow(settlements.length - 1, record)], 'power')
    const { transaction, reason, grossMicroUsd, feeMicroUsd, gasMicroUsd, netMicroUsd } = record
    logger.info('claimed', { transaction, reason, grossMicroUsd, feeMicroUsd, gasMicroUsd, netMicroUsd })
    return record
  }

  /** The first look after a start brings in what a crash left on chain. */
  async #catchUp(): Promise<void> {
    if (this.#isCaughtUp) return
    await this.#findOnChain(this.#open())
    this.#isCaughtUp = true
  }

  /** Brings in claims that are on chain and not in the journal: from before a crash, or by a watchtower. */
  async #findOnChain(channels: readonly ProviderChannel[]): Promise<readonly SettlementRecord[]> {
    const { chain, settlements } = this.#components
    const known = new Set(
      settlements.flatMap((record) => record.channels.map(({ channel }) => nameOf(record, channel))),
    )
    const byTransaction = new Map<Hash, ClaimedChannel[]>()
    for (const channel of channels) {
      const claimed = await chain.claimedMicroUsd(channel.id)
      const all = claimed > channel.claimedMicroUsd ? await chain.claimsOf([channel.terms]) : []
      for (const claim of all) {
        if (claim.channel !== channel.id || known.has(nameOf(claim, claim.channel))) continue
        byTransaction.set(claim.transaction, [...(byTransaction.get(claim.transaction) ?? []), claim])
      }
    }
    const found: SettlementRecord[] = []
    for (const [transaction, claims] of byTransaction) {
      const isOwn = claims.some(({ channel }) => this.#claimingIds.has(channel))
      const sent = isOwn ? await chain.transaction(transaction) : undefined
      const gasCostWei = sent?.gasCostWei ?? (0n as Wei)
      const gasMicroUsd = gasToMicroUsd(gasCostWei, this.#options.nativeCoinMicroUsd)
      const gas = { gasUsed: sent?.gasUsed ?? 0n, gasCostWei, gasMicroUsd }
      found.push(await this.#keep({ transaction, reason: 'found-on-chain', channels: claims, ...gas }))
    }
    return found
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

function nameOf(record: { readonly transaction: Hash }, channel: Hash): string {
  return `${record.transaction} ${channel}`
}

function failureOf({ channel, error }: Failed): SettlementReport['failed'][number] {
  return { channel: channel.id, claimableMicroUsd: microUsd(channel.claimableMicroUsd), reason: messageOf(error) }
}
