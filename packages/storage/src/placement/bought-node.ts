import type { Address, Hash, PeerId } from '@stead/core'
import type { PayerChannel } from '@stead/market'
import type { SetPiece } from '../agreement/piece-set.ts'
import type { AgreementDriver } from '../consumer/agreement-driver.ts'
import type { Challengeable } from '../consumer/challenger.ts'
import { remoteCodeOf } from '../consumer/remote-code.ts'
import type { SendOptions } from '../consumer/send-piece.ts'
import type { SettleOutcome } from '../consumer/settle-outcome.ts'
import { CHANGES_MAX } from '../messages.ts'
import type { NodeFacts } from './choose-nodes.ts'

interface WaitingPiece {
  readonly piece: SetPiece
  readonly agreed: PromiseWithResolvers<void>
}

/** What a {@link BoughtNode} is made of. */
export interface BoughtNodeParts extends NodeFacts {
  readonly driver: AgreementDriver
  /** A channel that can pay; another one than the last when that was not enough. */
  readonly channel: (isMore: boolean) => Promise<PayerChannel>
}

/** A node with an agreement: pieces that come together are agreed on together. */
export class BoughtNode implements NodeFacts {
  readonly node: Address
  readonly operator: Address
  readonly subnets: readonly string[]
  readonly driver: AgreementDriver
  readonly #channel: BoughtNodeParts['channel']
  #adds: WaitingPiece[] = []
  /** Once each: orders come again while a node is away. */
  readonly #drops: Set<Hash> = new Set()
  #pumping: Promise<void> | undefined
  #isHeld = false

  constructor(parts: BoughtNodeParts) {
    this.node = parts.node
    this.operator = parts.operator
    this.subnets = parts.subnets
    this.driver = parts.driver
    this.#channel = parts.channel
  }

  get peer(): PeerId {
    return this.driver.peer
  }

  /** Sends a piece, for {@link keep}; its bytes are read until this has settled, and not afterwards. @throws as {@link AgreementDriver.put} */
  async send(piece: SetPiece, bytes: Uint8Array, options: Pick<SendOptions, 'partBytesMax' | 'signal'>): Promise<void> {
    await this.driver.put(piece, bytes, options)
  }

  /** Agrees that a piece that was sent is kept. @throws CoreError, StorageError, MarketError; nothing is agreed then */
  async keep(piece: SetPiece): Promise<void> {
    // An order to give it up that waits until now would take it away again.
    this.#drops.delete(piece.piece)
    const agreed = Promise.withResolvers<void>()
    this.#adds.push({ piece, agreed })
    this.#pump()
    await agreed.promise
  }

  /** Agrees that some pieces are not kept any more; what fails is tried again with the next change. */
  drop(pieces: readonly Hash[]): void {
    for (const piece of pieces) this.#drops.add(piece)
    this.#pump()
  }

  /** While held, no piece is given up: it would free the node of what it is asked to show on chain. */
  hold(isHeld: boolean): void {
    this.#isHeld = isHeld
    if (!isHeld && this.#drops.size > 0) this.#pump()
  }

  /** Has everything proven and pays for it. */
  async settle(): Promise<SettleOutcome> {
    let channel: PayerChannel
    try {
      channel = await this.#channel(false)
    } catch (error) {
      return { kind: 'offline', error }
    }
    const outcome = await this.driver.settle(channel)
    if (outcome.kind !== 'no-room') return outcome
    try {
      // Where the node's credit is used up, and not the channel, another one has no more of it.
      const isUsedUp = leftMicroUsd(channel) < outcome.needMicroUsd
      return await this.driver.settle(isUsedUp ? await this.#channel(true) : channel, { isFresh: true })
    } catch (error) {
      return { kind: 'offline', error }
    }
  }

  /** Resolves when nothing waits to be agreed. */
  async idle(): Promise<void> {
    while (this.#pumping !== undefined) await this.#pumping
  }

  #pump(): void {
    this.#pumping ??= this.#agreeAll().finally(() => {
      this.#pumping = undefined
    })
  }

  async #agreeAll(): Promise<void> {
    // Whatever else comes in this turn goes with the first revision.
    await Promise.resolve()
    while (this.#adds.length + (this.#isHeld ? 0 : this.#drops.size) > 0) {
      const adds = this.#adds.splice(0, CHANGES_MAX)
      const drops = this.#isHeld ? [] : Array.from(this.#drops.values().take(CHANGES_MAX - adds.length))
      for (const piece of drops) this.#drops.delete(piece)
      try {
        await this.#agree({ add: adds.map(({ piece }) => piece), drop: drops })
        for (const { agreed } of adds) agreed.resolve()
      } catch (error) {
        for (const { agreed } of adds) agreed.reject(error)
        for (const piece of drops) this.#drops.add(piece)
        if (this.#adds.length === 0) return
      }
    }
  }

  async #agree(change: { readonly add: readonly SetPiece[]; readonly drop: readonly Hash[] }): Promise<void> {
    const channel = await this.#channel(false)
    try {
      await this.driver.agree(channel, change)
    } catch (error) {
      const code = remoteCodeOf(error)
      // One of which nothing is used is as good as any other.
      const isFresh = leftMicroUsd(channel) === channel.terms.allocationMicroUsd
      if (!NEEDS_MONEY.has(code) || (code === 'STORAGE_RUNWAY' && isFresh)) throw error
      await this.driver.agree(await this.#channel(true), change)
    }
  }
}

/** A node as it is asked on chain. */
export function challengeable(bought: BoughtNode): Challengeable {
  const { node, driver } = bought
  return { node, agreement: driver.id, signed: driver.signed, hold: (isHeld) => bought.hold(isHeld) }
}

/** What of a channel's allocation is neither accepted nor in flight. */
function leftMicroUsd(channel: PayerChannel): bigint {
  const { acceptedMicroUsd, inFlightMicroUsd } = channel.stats()
  return channel.terms.allocationMicroUsd - acceptedMicroUsd - inFlightMicroUsd
}

/** What a node says when a channel is not enough. */
const NEEDS_MONEY: ReadonlySet<string | undefined> = new Set([
  'STORAGE_RUNWAY',
  'MARKET_CHANNEL_UNKNOWN',
  'MARKET_PURSE_THAWING',
  'MARKET_CHANNEL_BROKEN',
])
