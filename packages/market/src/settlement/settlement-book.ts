import {
  type Chain,
  type ClaimedChannel,
  type ClaimOutcome,
  type Clock,
  type Hash,
  type Logger,
  microUsd,
  type StoreOperation,
  type TransactionOutcome,
  type Wei,
} from '@stead/core'
import type { Journal } from '../journal/journal.ts'
import { channelRowSchema } from '../journal/rows.ts'
import { hashKey, PROVIDER_TABLES, put, remove } from '../journal/tables.ts'
import type { MarketProviderOptions } from '../options.ts'
import type { ProviderChannel } from '../provider/provider-channel.ts'
import { gasToMicroUsd } from './claim-policy.ts'
import type { ClaimReason, SettledChannel, SettlementRecord } from './settlement-record.ts'
import { settlementOf, settlementRow } from './settlement-rows.ts'

/** What the settlement book stands on. */
export interface SettlementBookComponents {
  readonly chain: Chain
  readonly clock: Clock
  readonly journal: Journal
  readonly logger: Logger
  readonly channels: () => Iterable<ProviderChannel>
  /** Oldest first; the book adds to it and corrects it. */
  readonly settlements: SettlementRecord[]
}

type Gas = Pick<SettlementRecord, 'gasUsed' | 'gasCostWei' | 'gasMicroUsd'>

/** What is older at a start is not looked at once more. */
const LONG_AGO_MS = 7 * 24 * 3_600_000
const NO_GAS: Gas = { gasUsed: 0n, gasCostWei: 0n as Wei, gasMicroUsd: microUsd(0n) }

/**
 * What claims brought, as the chain has it. A claim is on record as soon as a block has it, and looked at again until no
 * other fork can win any more: what is undone counts as never claimed, so that it is claimed again and counted once.
 */
export class SettlementBook {
  readonly #components: SettlementBookComponents
  readonly #options: Pick<MarketProviderOptions, 'nativeCoinMicroUsd' | 'finalAfterMs'>
  /** Channels for which a claim of this node may be on its way, also from before a crash. */
  readonly #claiming: Set<Hash> = new Set()
  /** Channels whose record is on its way to the disk. */
  readonly #writing: Set<Hash> = new Set()
  /** Transactions that no other fork can undo any more: they were there when the time for that was over. */
  readonly #final: Set<Hash> = new Set()

  constructor(
    components: SettlementBookComponents,
    options: Pick<MarketProviderOptions, 'nativeCoinMicroUsd' | 'finalAfterMs'>,
  ) {
    this.#components = components
    this.#options = options
  }

  /** Channels of which a claim may be on its way. */
  get claimingCount(): number {
    return this.#claiming.size
  }

  /** Channels of which a claim may be on its way, or be undone by another fork. */
  youngClaims(): ReadonlySet<Hash> {
    const young = this.all.filter(({ transaction }) => !this.#final.has(transaction))
    return new Set([
      ...this.#claiming,
      ...this.#writing,
      ...young.flatMap(({ channels }) => channels.map(({ channel }) => channel)),
    ])
  }

  get all(): readonly SettlementRecord[] {
    return this.#components.settlements
  }

  /**
   * Puts channels to what the records say. Their own rows may say more: one that another writer put down while a record was
   * on its way, that the disk then refused; the claim would never be looked for.
   */
  restore(): void {
    const now = this.#components.clock.now()
    for (const { transaction, at } of this.all) if (now - at > LONG_AGO_MS) this.#final.add(transaction)
    const channels = Array.from(this.#components.channels())
    const claimed = claimedBy(this.all, new Set(channels.map(({ id }) => id)))
    for (const channel of channels) channel.claimedMicroUsd = microUsd(claimed.get(channel.id) ?? 0n)
  }

  /** A claim of this node may be on its way from before. */
  noteClaiming(channel: Hash): void {
    this.#claiming.add(channel)
  }

  /** Notes that a claim goes out: a crash before its record must not lose whose gas it was. @throws as Store.write */
  async begin(batch: readonly ProviderChannel[]): Promise<void> {
    const marks = batch.map(({ id }) => put(PROVIDER_TABLES.claiming, hashKey(id), new Uint8Array(0)))
    await this.#components.journal.write(marks, 'process')
    for (const { id } of batch) this.#claiming.add(id)
  }

  /** The chain refused a claim for good: none is on its way. @throws as Store.write */
  async abandon(batch: readonly ProviderChannel[]): Promise<void> {
    const marks = batch.map(({ id }) => remove(PROVIDER_TABLES.claiming, hashKey(id)))
    await this.#components.journal.write(marks, 'process')
    for (const { id } of batch) this.#claiming.delete(id)
  }

  /** A claim that this node made. @throws as Store.write */
  async record(
    batch: readonly ProviderChannel[],
    outcome: ClaimOutcome,
    reason: ClaimReason,
  ): Promise<SettlementRecord> {
    const record = await this.#keep(outcome, { reason, channels: outcome.channels, ...this.#gasOf(outcome) })
    for (const { id } of batch) this.#claiming.delete(id)
    return record
  }

  /** Brings in claims that are on chain and not in the journal: from before a crash, or by a watchtower. @throws the chain's errors */
  async findOnChain(channels: readonly ProviderChannel[]): Promise<readonly SettlementRecord[]> {
    const { chain } = this.#components
    const known = new Set(this.all.flatMap((record) => record.channels.filter(isCredited).map(nameIn(record))))
    const byTransaction = new Map<Hash, ClaimedChannel[]>()
    for (const channel of channels) {
      const claimed = await chain.claimedMicroUsd(channel.id)
      const all = claimed > channel.claimedMicroUsd ? await chain.claimsOf([channel.terms]) : []
      for (const claim of all) {
        if (claim.channel !== channel.id || known.has(nameIn(claim)(claim))) continue
        byTransaction.set(claim.transaction, [...(byTransaction.get(claim.transaction) ?? []), claim])
      }
    }
    const found: SettlementRecord[] = []
    for (const [transaction, claims] of byTransaction) {
      const sent = await chain.transaction(transaction)
      // Undone between two answers: the next look finds what there is then.
      if (sent === undefined) continue
      const isOwn = claims.some(({ channel }) => this.#claiming.has(channel))
      const gas = isOwn ? this.#gasOf(sent) : NO_GAS
      found.push(await this.#keep(sent, { reason: 'found-on-chain', channels: claims, ...gas }))
    }
    return found
  }

  /**
   * Compares young settlements with the chain, and corrects those that another fork undid or moved. @throws the chain's
   * errors, as Store.write
   */
  async correct(): Promise<void> {
    const { chain, clock } = this.#components
    for (const [number, record] of this.all.entries()) {
      const { transaction, at } = record
      if (this.#final.has(transaction)) continue
      const isOver = Math.abs(clock.now() - at) >= this.#options.finalAfterMs
      const sent = await chain.transaction(transaction)
      if (sent?.blockNumber !== record.blockNumber) await this.#rewrite(number, record, sent)
      else if (isOver) this.#final.add(transaction)
    }
  }

  async #rewrite(number: number, record: SettlementRecord, sent: TransactionOutcome | undefined): Promise<void> {
    const { chain, logger } = this.#components
    const live = this.#live()
    const terms = record.channels.flatMap(({ channel }) => live.get(channel)?.terms ?? [])
    const claims = sent === undefined ? [] : await chain.claimsOf(terms)
    const credited = new Map(
      claims.flatMap((claim) => (claim.transaction === record.transaction ? [[claim.channel, claim] as const] : [])),
    )
    const channels = record.channels.map((entry): SettledChannel => {
      if (!live.has(entry.channel)) return entry
      const { cumulativeMicroUsd, grossMicroUsd, feeMicroUsd } = credited.get(entry.channel) ?? undone(entry)
      return { ...entry, cumulativeMicroUsd, grossMicroUsd, feeMicroUsd }
    })
    const { transaction, reason } = record
    const blockNumber = sent?.blockNumber
    // The block that has it now is young, however old the first one was.
    const at = this.#components.clock.now()
    const next = settlementOf({ at, transaction, reason, blockNumber, channels, ...this.#gasNow(record, sent) })
    logger.warn('a claim was undone or moved by a reorganisation of the chain; the books follow', {
      transaction,
      wasMicroUsd: record.grossMicroUsd,
      isMicroUsd: next.grossMicroUsd,
    })
    await this.#write(number, next)
  }

  async #keep(
    { transaction, blockNumber }: TransactionOutcome,
    facts: Pick<SettlementRecord, 'reason' | keyof Gas> & { readonly channels: readonly ClaimedChannel[] },
  ): Promise<SettlementRecord> {
    const { clock, logger } = this.#components
    const live = this.#live()
    const settled = facts.channels.flatMap((claimed): readonly SettledChannel[] => {
      const channel = live.get(claimed.channel)
      if (channel === undefined) return []
      const { purse, cumulativeMicroUsd, grossMicroUsd, feeMicroUsd } = claimed
      const { payer } = channel.account
      return [{ channel: channel.id, purse, payer, cumulativeMicroUsd, grossMicroUsd, feeMicroUsd }]
    })
    const known = this.all.findIndex((record) => record.transaction === transaction)
    const before = this.all[known]
    const others = (before?.channels ?? []).filter(({ channel }) => !settled.some((entry) => entry.channel === channel))
    const isWhereItWas = before !== undefined && before.blockNumber === blockNumber
    // Of one that was undone nobody expected that a block takes it after all.
    if (!isWhereItWas) this.#final.delete(transaction)
    const at = isWhereItWas ? before.at : clock.now()
    const record = settlementOf({ ...facts, channels: [...others, ...settled], at, transaction, blockNumber })
    await this.#write(before === undefined ? this.all.length : known, record)
    const { reason, grossMicroUsd, feeMicroUsd, gasMicroUsd, netMicroUsd } = record
    logger.info('claimed', { transaction, reason, grossMicroUsd, feeMicroUsd, gasMicroUsd, netMicroUsd })
    return record
  }

  /** Puts a record into its place, and its channels to what all records say together. @throws as Store.write; then nothing changed */
  async #write(number: number, record: SettlementRecord): Promise<void> {
    const { journal, settlements } = this.#components
    const live = this.#live()
    const channels = record.channels.flatMap(({ channel }) => live.get(channel) ?? [])
    const before = channels.map(({ claimedMicroUsd }) => claimedMicroUsd)
    const claimed = claimedBy(
      [...settlements.slice(0, number), record, ...settlements.slice(number + 1)],
      new Set(channels.map(({ id }) => id)),
    )
    for (const { id } of channels) this.#writing.add(id)
    for (const channel of channels) channel.claimedMicroUsd = microUsd(claimed.get(channel.id) ?? 0n)
    const rows = channels.flatMap((channel): readonly StoreOperation[] => [
      put(PROVIDER_TABLES.channels, hashKey(channel.id), channelRowSchema.encodeMessage(channel.row())),
      remove(PROVIDER_TABLES.claiming, hashKey(channel.id)),
    ])
    try {
      await journal.write([...rows, settlementRow(number, record)], 'power')
    } catch (error) {
      for (const [place, channel] of channels.entries()) channel.claimedMicroUsd = before[place] ?? microUsd(0n)
      throw error
    } finally {
      for (const { id } of channels) this.#writing.delete(id)
    }
    settlements[number] = record
    for (const { id } of channels) this.#claiming.delete(id)
  }

  #live(): ReadonlyMap<Hash, ProviderChannel> {
    return new Map(Array.from(this.#components.channels(), (channel) => [channel.id, channel]))
  }

  #gasOf({ gasUsed, gasCostWei }: Pick<TransactionOutcome, 'gasUsed' | 'gasCostWei'>): Gas {
    return { gasUsed, gasCostWei, gasMicroUsd: gasToMicroUsd(gasCostWei, this.#options.nativeCoinMicroUsd) }
  }

  /** Units of gas stay on record when they are undone: they say that it was this node that sent it. */
  #gasNow({ gasUsed }: SettlementRecord, sent: TransactionOutcome | undefined): Gas {
    if (gasUsed === 0n) return NO_GAS
    return sent === undefined ? { ...NO_GAS, gasUsed } : this.#gasOf(sent)
  }
}

function claimedBy(records: readonly SettlementRecord[], channels: ReadonlySet<Hash>): ReadonlyMap<Hash, bigint> {
  const sums = new Map<Hash, bigint>()
  for (const { channel, grossMicroUsd } of records.flatMap((record) => record.channels)) {
    if (channels.has(channel)) sums.set(channel, (sums.get(channel) ?? 0n) + grossMicroUsd)
  }
  return sums
}

function undone({ cumulativeMicroUsd }: SettledChannel): SettledAmounts {
  return { cumulativeMicroUsd, grossMicroUsd: microUsd(0n), feeMicroUsd: microUsd(0n) }
}

type SettledAmounts = Pick<SettledChannel, 'cumulativeMicroUsd' | 'grossMicroUsd' | 'feeMicroUsd'>

function isCredited({ grossMicroUsd }: SettledChannel): boolean {
  return grossMicroUsd > 0n
}

function nameIn({ transaction }: { readonly transaction: Hash }): (entry: { readonly channel: Hash }) => string {
  return ({ channel }) => `${transaction} ${channel}`
}
