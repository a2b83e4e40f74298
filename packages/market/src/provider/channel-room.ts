import type { Clock, Hash, Logger, PeerId, Size, Store } from '@stead/core'
import { deliveryKey } from '../channel/provider-ledger.ts'
import { MarketError } from '../errors.ts'
import type { Journal } from '../journal/journal.ts'
import { channelRowSchema } from '../journal/rows.ts'
import { channelNumberKey, deliveryRowKey, hashKey, PROVIDER_TABLES, put, remove } from '../journal/tables.ts'
import type { MarketProviderOptions } from '../options.ts'
import type { PayerRecords } from './payer-records.ts'
import type { ProviderChannel } from './provider-channel.ts'
import { isResting } from './resting-channels.ts'
import { sweepDeliveries } from './sweep-deliveries.ts'

/** What the room stands on. */
export interface ChannelRoomComponents {
  readonly store: Store
  readonly journal: Journal
  readonly clock: Clock
  readonly payers: PayerRecords
  readonly logger: Logger
  /** Channels of which a claim may still be on its way, or be undone by another fork. */
  readonly youngClaims: () => ReadonlySet<Hash>
}

/** How a channel comes into memory. */
export interface Coming {
  readonly id: Hash
  readonly peer: PeerId
  /** Whether it may come at all: nobody gives way to what may not. */
  readonly check: () => Promise<void>
  readonly make: () => Promise<ProviderChannel>
}

interface Arrival {
  readonly peer: PeerId
  readonly channel: Promise<ProviderChannel>
  /** It counts from here on, so that many at once do not pass a limit that one may not. */
  hasPlace: boolean
}

/**
 * The channels that are in memory, and who gives way when there are too many. One on which nothing ever happened is
 * forgotten; one that is paid and claimed is put to rest: its books stay in the journal alone, until its payer uses it again.
 */
export class ChannelRoom {
  readonly #components: ChannelRoomComponents
  readonly #options: Pick<MarketProviderOptions, 'channelsMax' | 'channelsPerPayerMax' | 'openingMax'>
  readonly #channels: Map<Hash, ProviderChannel> = new Map()
  /** The same by the purse that pays them: lists that never change. */
  readonly #byPurse: Map<Hash, readonly ProviderChannel[]> = new Map()
  readonly #coming: Map<Hash, Arrival> = new Map()
  /** Channels that nobody will use again, until their rows are gone. */
  readonly #leaving: Map<Hash, Promise<void>> = new Map()

  constructor(
    components: ChannelRoomComponents,
    options: Pick<MarketProviderOptions, 'channelsMax' | 'channelsPerPayerMax' | 'openingMax'>,
  ) {
    this.#components = components
    this.#options = options
  }

  /** Channels and openings, with the most that there may be. */
  sizes(): readonly Size[] {
    const { channelsMax, channelsPerPayerMax, openingMax } = this.#options
    const byPeer = Map.groupBy(this.#channels.values(), ({ peer }) => peer)
    const fullest = Math.max(0, ...Array.from(byPeer.values(), (own) => own.length))
    return [
      { what: 'channels', have: this.#channels.size, max: channelsMax },
      { what: 'channels of one payer', have: fullest, max: channelsPerPayerMax },
      { what: 'channels that are being opened', have: this.#coming.size, max: openingMax },
    ]
  }

  all(): Iterable<ProviderChannel> {
    return this.#channels.values()
  }

  /** Channels that a purse pays, as they are now. */
  ofPurse(purse: Hash): readonly ProviderChannel[] {
    return this.#byPurse.get(purse) ?? []
  }

  /** Resolves when no rows of a channel are being taken away: half of them would bring it back without its quotes. */
  async settled(id: Hash): Promise<void> {
    await this.#leaving.get(id)
  }

  find(id: Hash): ProviderChannel | undefined {
    return this.#channels.get(id)
  }

  /** Takes one in that was here when the last process ended. */
  restore(channel: ProviderChannel): void {
    this.#put(channel)
  }

  /** Takes a channel out of memory. */
  forget(channel: ProviderChannel): void {
    if (this.#channels.get(channel.id) !== channel) return
    this.#channels.delete(channel.id)
    const { purse } = channel.terms
    const others = this.ofPurse(purse).filter((other) => other !== channel)
    if (others.length === 0) this.#byPurse.delete(purse)
    else this.#byPurse.set(purse, others)
    channel.ledger.detach()
    this.#components.payers.drop(channel.account)
  }

  /**
   * Brings a channel into memory, once for all who ask at the same time. @throws MarketError MARKET_CHANNEL_LIMIT, and
   * whatever `check` and `make` throw
   */
  bring(coming: Coming): Promise<ProviderChannel> {
    const here = this.#channels.get(coming.id)
    if (here !== undefined) return Promise.resolve(here)
    const known = this.#coming.get(coming.id)
    if (known !== undefined) return known.channel
    const { openingMax } = this.#options
    if (this.#coming.size >= openingMax) refuse('channels are being opened', this.#coming.size, openingMax)
    const { promise, resolve, reject } = Promise.withResolvers<ProviderChannel>()
    const arrival: Arrival = { peer: coming.peer, channel: promise, hasPlace: false }
    this.#coming.set(coming.id, arrival)
    this.#bring(coming, arrival).then(resolve, reject)
    return promise
  }

  async #bring({ id, check, make }: Coming, arrival: Arrival): Promise<ProviderChannel> {
    try {
      await check()
      await this.#makeRoom(arrival)
      const channel = await make()
      this.#put(channel)
      return channel
    } finally {
      this.#coming.delete(id)
    }
  }

  #put(channel: ProviderChannel): void {
    const { purse } = channel.terms
    const others = this.ofPurse(purse).filter(({ id }) => id !== channel.id)
    this.#channels.set(channel.id, channel)
    this.#byPurse.set(purse, [...others, channel])
  }

  async #makeRoom(arrival: Arrival): Promise<void> {
    for (;;) {
      const full = this.#full(arrival.peer)
      if (full === undefined) break
      const { what, have, limit, channels } = full
      const young = this.#components.youngClaims()
      const [next] = channels.filter((each) => mayGo(each, young)).sort((one, other) => one.usedAtMs - other.usedAtMs)
      if (next === undefined) refuse(what, have, limit)
      await next.account.queue.run(() => this.#putAway(next))
    }
    arrival.hasPlace = true
  }

  /** The limit that stands in the way of one more, with the channels that could give way. */
  #full(peer: PeerId) {
    const { channelsMax, channelsPerPayerMax } = this.#options
    const all = Array.from(this.#channels.values())
    const placed = Array.from(this.#coming.values()).filter(({ hasPlace }) => hasPlace)
    const own = all.filter((channel) => channel.peer === peer)
    const haveOwn = own.length + placed.filter((other) => other.peer === peer).length
    if (haveOwn >= channelsPerPayerMax)
      return { what: 'channels of this payer are open', have: haveOwn, limit: channelsPerPayerMax, channels: own }
    const have = all.length + placed.length
    return have >= channelsMax ? { what: 'channels are open', have, limit: channelsMax, channels: all } : undefined
  }

  /** In the turn of its payer's messages, so that none of them is half done. */
  async #putAway(channel: ProviderChannel): Promise<void> {
    // Much may have come before its turn.
    if (this.#channels.get(channel.id) !== channel || !mayGo(channel, this.#components.youngClaims())) return
    const { journal, clock, logger } = this.#components
    const { ledger } = channel
    // Nothing was ever paid on it: what was delivered was rejected.
    const isUnused = channel.best === undefined && channel.stage !== 'broken'
    // Out of memory at once: nothing may be delivered on it while its row is written.
    this.forget(channel)
    if (isUnused) {
      await this.#leave(channel.id, () => this.#removeUnused(channel))
      return
    }
    const row = { ...channel.row(), restingSince: clock.now() }
    // Where the books disagree something may have been delivered that nobody will ever pay.
    const unpaid = ledger.outstanding().map(({ delivery }) => deliveryRowKey(channel.id, deliveryKey(delivery)))
    const batch = [
      put(PROVIDER_TABLES.channels, hashKey(channel.id), channelRowSchema.encodeMessage(row)),
      ...unpaid.map((key) => remove(PROVIDER_TABLES.delivered, key)),
    ]
    await journal.write(batch, 'process')
    logger.info('a channel that is paid and claimed rests', { channel: channel.id, payer: channel.account.payer })
  }

  /** The purse of a channel that rests is closed: nothing but its receipts is of use. @throws CoreError as Store.write */
  async close(id: Hash): Promise<void> {
    // One in memory, or on its way there, is watched there.
    if (this.#channels.has(id) || this.#coming.has(id) || this.#leaving.has(id)) return
    await this.#leave(id, async () => {
      const { store, journal, logger } = this.#components
      const value = await store.get(PROVIDER_TABLES.channels, hashKey(id))
      const row = value === undefined ? undefined : channelRowSchema.decodeMessage(value)
      if (row === undefined || !isResting(row)) return
      await sweepDeliveries(this.#components, id)
      const { restingSince: _over, ...kept } = row
      const closed = channelRowSchema.encodeMessage({ ...kept, stage: 'closed' })
      await journal.write([put(PROVIDER_TABLES.channels, hashKey(id), closed)], 'process')
      logger.info('the purse of a channel that rested was closed', { channel: id })
    })
  }

  async #removeUnused({ id, quoteCount }: ProviderChannel): Promise<void> {
    await sweepDeliveries(this.#components, id)
    const quotes = Array.from({ length: quoteCount }, (_, number) =>
      remove(PROVIDER_TABLES.quotes, channelNumberKey(id, number)),
    )
    await this.#components.journal.write([remove(PROVIDER_TABLES.channels, hashKey(id)), ...quotes], 'process')
  }

  /** Whoever asks for the channel waits until its rows are gone. @throws what `work` throws */
  async #leave(id: Hash, work: () => Promise<void>): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    this.#leaving.set(id, promise)
    try {
      await work()
    } finally {
      this.#leaving.delete(id)
      resolve()
    }
  }
}

/** Nothing is under way on it, nothing is owed, and all that it brought is claimed for good. */
function mayGo(channel: ProviderChannel, young: ReadonlySet<Hash>): boolean {
  return channel.isAtRest && channel.claimableMicroUsd === 0n && !young.has(channel.id)
}

function refuse(what: string, have: number, limit: number): never {
  throw new MarketError('MARKET_CHANNEL_LIMIT', `${have} ${what}, the limit is ${limit}`, { details: { have, limit } })
}
