import {
  type Chain,
  type Clock,
  type Hash,
  hash,
  isSteadError,
  type Logger,
  type MicroUsd,
  messageOf,
  microUsd,
  type Random,
  type Signer,
  type Store,
  type TransactionOutcome,
} from '@stead/core'
import {
  buildPurseTree,
  channelIdOf,
  hashFromBytes,
  type PurseSeed,
  type PurseTree,
  purseIdOf,
  signedDocumentSchema,
} from '@stead/protocol'
import { MarketError } from '../errors.ts'
import type { Journal } from '../journal/journal.ts'
import { type ChannelRow, channelRowSchema, type PurseRow, purseRowSchema } from '../journal/rows.ts'
import { channelNumberKey, hashKey, PAYER_TABLES, put, remove } from '../journal/tables.ts'
import type { MarketPayerOptions } from '../options.ts'
import type { OpenedQuote } from '../quotes/quote-answer.ts'
import { type PurseRecord, purseRecordOf } from './purse-record.ts'

/** Money for one provider. */
export interface ChannelShare {
  readonly quote: OpenedQuote
  readonly allocationMicroUsd: MicroUsd
  /**
   * Paid ahead with the channel's first voucher: the provider can keep it whatever it delivers. Such a share always gets a
   * channel of its own. @default what the provider's quote asks of a stranger
   */
  readonly prepayMicroUsd?: MicroUsd
}

/** A channel of a purse that was just locked. */
export interface FundedChannel {
  readonly id: Hash
  readonly purse: Hash
  readonly row: ChannelRow
  readonly quote: OpenedQuote
}

/** What the purse desk stands on. */
export interface PurseDeskComponents {
  readonly store: Store
  readonly journal: Journal
  readonly chain: Chain
  readonly clock: Clock
  readonly random: Random
  readonly signer: Signer
  readonly logger: Logger
}

const TRANSACTIONS_MAX = 16
/** What was closed before that is not looked at once more at a start. */
const LONG_AGO_MS = 7 * 24 * 3_600_000

/** Locks money, takes it back, and never forgets where it is: each purse is journaled before the chain hears of it. */
export class PurseDesk {
  readonly #components: PurseDeskComponents
  readonly #finalAfterMs: number
  readonly #rows: Map<Hash, PurseRow> = new Map()
  /** Purses that another fork of the chain may still undo, and until when they are looked at, by the monotonic clock. */
  readonly #finalAtMs: Map<Hash, number> = new Map()
  readonly #locking: Map<Hash, Promise<void>> = new Map()
  /** Purses whose funding this process waits for. */
  readonly #underWay: Set<Hash> = new Set()

  constructor(components: PurseDeskComponents, options: Pick<MarketPayerOptions, 'finalAfterMs'>) {
    this.#components = components
    this.#finalAfterMs = options.finalAfterMs
  }

  async load(): Promise<void> {
    for (const { key, value } of await this.#components.store.scan(PAYER_TABLES.purses)) {
      const row = purseRowSchema.decodeMessage(value)
      this.#rows.set(hash(`0x${key}`), row)
      if (isLocked(row) || this.#isJustClosed(row)) this.#finalAtMs.set(hash(`0x${key}`), this.#finalAtMsOf(row))
    }
  }

  records(): readonly PurseRecord[] {
    return Array.from(this.#rows, ([purse, row]) => purseRecordOf(purse, row))
  }

  stageOf(purse: Hash): PurseRow['stage'] | undefined {
    return this.#rows.get(purse)?.stage
  }

  channelsOf(purse: Hash): readonly Hash[] {
    return this.#rows.get(purse)?.channels ?? []
  }

  /**
   * Purses of which it is not known whether the chain has them: a crash or an outage came in between. Those whose answer is
   * awaited are not among them: the chain may show a purse before it answers, and who asked for it begins its channels.
   */
  get unsettled(): readonly Hash[] {
    const isInDoubt = ([purse, { stage }]: readonly [Hash, PurseRow]): boolean =>
      stage === 'funding' && !this.#underWay.has(purse)
    return Array.from(this.#rows).flatMap((entry) => (isInDoubt(entry) ? [entry[0]] : []))
  }

  /** Purses that are on chain, as far as is known, and not final yet. */
  get young(): readonly Hash[] {
    return Array.from(this.#finalAtMs.keys())
  }

  /**
   * Looks at a young purse, and locks it again when another fork undid it: it has the same id, so that what was signed on
   * it stays good. One that was to be taken back is locked as well, for what was signed on it, and its thaw begins anew.
   * @throws the chain's errors
   */
  keepLocked(purse: Hash): Promise<void> {
    const known = this.#locking.get(purse)
    if (known !== undefined) return known
    const locking = this.#lockAgain(purse).finally(() => this.#locking.delete(purse))
    this.#locking.set(purse, locking)
    return locking
  }

  async #lockAgain(purse: Hash): Promise<void> {
    const { chain, clock, logger } = this.#components
    const row = this.#rows.get(purse)
    if (row === undefined || row.stage === 'funding') return
    const state = await chain.purse(purse)
    // Another fork undid the closing, and what it brought.
    if (row.stage === 'closed' && state?.closed === false) await this.close(purse)
    if (row.stage === 'closed' || state !== undefined) {
      if (clock.monotonicMs() >= (this.#finalAtMs.get(purse) ?? 0)) this.#finalAtMs.delete(purse)
      return
    }
    const { root, totalMicroUsd, voucherSigner, salt } = row.seed
    logger.warn('a purse is not on chain any more; it is locked again', { purse, totalMicroUsd })
    const outcome = await chain.fund({ root, totalMicroUsd, voucherSigner, salt })
    await this.#keep(purse, withTransaction(this.#rows.get(purse) ?? row, outcome))
    if (this.#rows.get(purse)?.stage === 'thawing') await this.thaw(purse)
  }

  /** Asks the chain about a purse in doubt; true when it is there. @throws the chain's errors */
  async confirm(purse: Hash): Promise<boolean> {
    const row = this.#rows.get(purse)
    if (row === undefined || row.stage !== 'funding') return row !== undefined
    if ((await this.#components.chain.purse(purse)) === undefined) return false
    await this.#keep(purse, { ...row, stage: 'funded' })
    this.#components.logger.info('a purse from before is on chain', { purse, totalMicroUsd: row.seed.totalMicroUsd })
    return true
  }

  /** Locks one purse for all shares. @throws MarketError MARKET_UNFUNDED, the chain's errors */
  async fund(shares: readonly ChannelShare[]): Promise<readonly FundedChannel[]> {
    const { chain, random, clock, signer } = this.#components
    const leaves = distinctLeaves(shares)
    const tree = buildPurseTree(leaves)
    await this.#requireFunds(tree.totalMicroUsd)
    const seed: PurseSeed = {
      payer: chain.account,
      voucherSigner: signer.address,
      root: tree.root,
      totalMicroUsd: tree.totalMicroUsd,
      salt: hashFromBytes(random.bytes(32)),
    }
    const purse = purseIdOf(chain.identity, seed)
    const channels = shares.map((share, position) => this.#channel({ share, purse, seed, tree, position, leaves }))
    const row: PurseRow = {
      version: 1,
      seed,
      stage: 'funding',
      createdAt: clock.now(),
      transactions: [],
      channels: channels.map(({ id }) => id),
    }
    this.#underWay.add(purse)
    try {
      await this.#keepNew(purse, row, channels)
      await this.#lock(purse, row)
    } finally {
      this.#underWay.delete(purse)
    }
    return channels
  }

  /** Begins to take back what a purse holds. @throws MarketError MARKET_PURSE_FOREIGN, the chain's errors */
  async thaw(purse: Hash): Promise<PurseRecord> {
    const { chain } = this.#components
    const row = this.#require(purse)
    if (row.stage === 'closed') return purseRecordOf(purse, row)
    // A thaw that another fork undid is sent again.
    const isThawing = row.stage === 'thawing' && (await chain.purse(purse))?.thawEndsAt !== undefined
    if (isThawing) return purseRecordOf(purse, row)
    try {
      const outcome = await chain.thaw(purse)
      return await this.#keep(purse, { ...withTransaction(row, outcome), stage: 'thawing', thawEndsAt: outcome.endsAt })
    } catch (error) {
      // A thaw from before a crash is done already.
      const state = await chain.purse(purse)
      if (state?.thawEndsAt === undefined) throw error
      return this.#keep(purse, { ...row, stage: 'thawing', thawEndsAt: state.thawEndsAt })
    }
  }

  /** Asks the chain whether a purse thaws without this payer's knowledge, because the chain's answer was lost; true when it does. @throws the chain's errors */
  async findThaw(purse: Hash): Promise<boolean> {
    const { chain, logger } = this.#components
    const thawEndsAt = (await chain.purse(purse))?.thawEndsAt
    const row = this.#rows.get(purse)
    if (row?.stage !== 'funded' || thawEndsAt === undefined) return row?.stage === 'thawing'
    logger.info('a purse thaws already; no answer told of it', { purse, thawEndsAt })
    await this.#keep(purse, { ...row, stage: 'thawing', thawEndsAt })
    return true
  }

  /** Takes back what is left after the thaw. @throws MarketError MARKET_PURSE_FOREIGN, the chain's errors */
  async close(purse: Hash): Promise<PurseRecord> {
    const { chain } = this.#components
    const row = this.#require(purse)
    // A closing that another fork undid is sent again.
    const isClosed = row.stage === 'closed' && (await chain.purse(purse))?.closed === true
    if (isClosed) return purseRecordOf(purse, row)
    try {
      const outcome = await chain.close(purse)
      const { refundMicroUsd } = outcome
      return await this.#keep(purse, { ...this.#closed(withTransaction(row, outcome)), refundMicroUsd })
    } catch (error) {
      const state = await chain.purse(purse)
      if (state?.closed !== true) throw error
      const refundMicroUsd = microUsd(state.totalMicroUsd - state.claimedMicroUsd)
      return this.#keep(purse, { ...this.#closed(row), refundMicroUsd })
    }
  }

  #closed(row: PurseRow): PurseRow {
    return { ...row, stage: 'closed', closedAt: this.#components.clock.now() }
  }

  #isJustClosed({ stage, closedAt }: PurseRow): boolean {
    return stage === 'closed' && closedAt !== undefined && this.#components.clock.now() - closedAt < LONG_AGO_MS
  }

  async #requireFunds(needMicroUsd: MicroUsd): Promise<void> {
    const { chain } = this.#components
    const { dollarMicroUsd } = await chain.balances(chain.account)
    if (dollarMicroUsd >= needMicroUsd) return
    throw new MarketError(
      'MARKET_UNFUNDED',
      `account ${chain.account} holds ${dollarMicroUsd} micro-dollars, the purse needs ${needMicroUsd}`,
      { details: { account: chain.account, needMicroUsd, haveMicroUsd: dollarMicroUsd } },
    )
  }

  #channel(leaf: {
    readonly share: ChannelShare
    readonly purse: Hash
    readonly seed: PurseSeed
    readonly tree: PurseTree
    readonly position: number
    readonly leaves: ReturnType<typeof distinctLeaves>
  }): FundedChannel {
    const { share, purse, seed, tree, position, leaves } = leaf
    const { quote, peer } = share.quote
    const branch = tree.branches[position]
    const allocationMicroUsd = leaves[position]?.allocationMicroUsd
    if (branch === undefined || allocationMicroUsd === undefined)
      throw new RangeError(`no leaf ${position} in the purse`)
    const row: ChannelRow = {
      version: 1,
      seed,
      node: quote.node,
      operator: quote.operator,
      allocationMicroUsd,
      branchIndex: Number(branch.index),
      branch: branch.steps,
      peer,
      stage: 'open',
      openedAt: this.#components.clock.now(),
      claimedMicroUsd: microUsd(0n),
      ...(share.prepayMicroUsd === undefined ? {} : { prepayMicroUsd: share.prepayMicroUsd }),
    }
    const { node, operator } = quote
    return { id: channelIdOf({ purse, node, operator, allocationMicroUsd }), purse, row, quote: share.quote }
  }

  async #keepNew(purse: Hash, row: PurseRow, channels: readonly FundedChannel[]): Promise<void> {
    const rows = channels.flatMap(({ id, row: channel, quote }) => [
      put(PAYER_TABLES.channels, hashKey(id), channelRowSchema.encodeMessage(channel)),
      put(PAYER_TABLES.quotes, channelNumberKey(id, 0), signedDocumentSchema.encodeMessage(quote.signed)),
    ])
    const purseRow = put(PAYER_TABLES.purses, hashKey(purse), purseRowSchema.encodeMessage(row))
    await this.#components.journal.write([purseRow, ...rows], 'power')
    this.#rows.set(purse, row)
  }

  async #lock(purse: Hash, row: PurseRow): Promise<void> {
    const { chain, logger } = this.#components
    const { root, totalMicroUsd, voucherSigner, salt } = row.seed
    try {
      const outcome = await chain.fund({ root, totalMicroUsd, voucherSigner, salt })
      await this.#keep(purse, { ...withTransaction(row, outcome), stage: 'funded' })
    } catch (error) {
      const isThere = await this.confirm(purse).catch(() => false)
      if (isThere) return
      // Only a clear no of the chain lets the purse be forgotten; a transaction may still be on its way otherwise.
      const isRefused = isSteadError(error) && (error.kind === 'user' || !error.retryable)
      if (isRefused) await this.#forget(purse, row)
      logger.warn('a purse could not be locked', {
        purse,
        totalMicroUsd,
        isInDoubt: !isRefused,
        error: messageOf(error),
      })
      throw error
    }
  }

  async #forget(purse: Hash, row: PurseRow): Promise<void> {
    this.#rows.delete(purse)
    const rows = row.channels.flatMap((channel) => [
      remove(PAYER_TABLES.channels, hashKey(channel)),
      remove(PAYER_TABLES.quotes, channelNumberKey(channel, 0)),
    ])
    await this.#components.journal.write([remove(PAYER_TABLES.purses, hashKey(purse)), ...rows], 'process')
  }

  /** An old one is looked at once: it may have been undone while this node was down. */
  #finalAtMsOf({ createdAt, closedAt = createdAt }: PurseRow): number {
    const { clock } = this.#components
    return Math.abs(clock.now() - closedAt) < this.#finalAfterMs ? clock.monotonicMs() + this.#finalAfterMs : 0
  }

  async #keep(purse: Hash, row: PurseRow): Promise<PurseRecord> {
    this.#rows.set(purse, row)
    if (row.stage === 'funding') this.#finalAtMs.delete(purse)
    else this.#finalAtMs.set(purse, this.#components.clock.monotonicMs() + this.#finalAfterMs)
    const kept = put(PAYER_TABLES.purses, hashKey(purse), purseRowSchema.encodeMessage(row))
    await this.#components.journal.write([kept], 'power')
    return purseRecordOf(purse, row)
  }

  #require(purse: Hash): PurseRow {
    const row = this.#rows.get(purse)
    if (row !== undefined) return row
    throw new MarketError('MARKET_PURSE_FOREIGN', `this payer has no purse ${purse}`, { details: { purse } })
  }
}

/** Its money is on chain, as far as is known, and vouchers on it can be claimed. */
function isLocked({ stage }: PurseRow): boolean {
  return stage === 'funded' || stage === 'thawing'
}

function withTransaction(row: PurseRow, { transaction }: TransactionOutcome): PurseRow {
  return { ...row, transactions: [...row.transactions, transaction].slice(-TRANSACTIONS_MAX) }
}

/** Two equal leaves would be one channel; a micro-dollar more tells them apart. */
function distinctLeaves(
  shares: readonly ChannelShare[],
): readonly Pick<ChannelRow, 'node' | 'operator' | 'allocationMicroUsd'>[] {
  const taken = new Set<string>()
  return shares.map(({ quote: { quote }, allocationMicroUsd }) => {
    let allocation: bigint = allocationMicroUsd
    while (taken.has(`${quote.node} ${quote.operator} ${allocation}`)) allocation += 1n
    taken.add(`${quote.node} ${quote.operator} ${allocation}`)
    return { node: quote.node, operator: quote.operator, allocationMicroUsd: microUsd(allocation) }
  })
}
