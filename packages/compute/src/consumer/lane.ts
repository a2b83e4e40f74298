import type { Address, ContentId, Fuel, MicroUsd, PeerId } from '@stead/core'
import type { PayerChannel } from '@stead/market'
import { amountOf } from '../meter.ts'
import { type ComputeTerms, computeTermsSchema } from '../terms.ts'

/** How long nodes that fail are left alone. */
export interface BackOffOptions {
  readonly backOffStartMs: number
  readonly backOffMaxMs: number
}

/** Why a node gets no work right now. */
export interface BackOff {
  readonly reason: string
  /** On the monotonic clock. */
  readonly untilMs: number
}

/** What this payer has in flight at one node, over all of its jobs, and whether the node is left alone for a while. */
export class NodeLoad {
  readonly node: Address
  #inFlight = 0
  #concurrency = 1
  #limitMax = 1
  /** Learned from busy answers; up to the maximum. */
  #limit = 1
  #failures = 0
  #backOff: BackOff | undefined
  readonly #onFree: Set<() => void> = new Set()

  constructor(node: Address) {
    this.node = node
  }

  /** Deliveries asked for and not ended. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** How many more may be asked for now. */
  get free(): number {
    return this.#limit - this.#inFlight
  }

  /** Deliveries per place in which one can run: 1 when all are busy, more when some wait. */
  get utilization(): number {
    return this.#inFlight / this.#concurrency
  }

  /** What the node's latest quote allows: tasks that run at once, and how many more may be sent ahead. */
  allow(concurrency: number, pipelineDepth: number): void {
    const limitMax = concurrency + pipelineDepth
    this.#concurrency = Math.max(1, concurrency)
    if (limitMax === this.#limitMax) return
    this.#limitMax = limitMax
    this.#limit = limitMax
  }

  /** One more is asked for. */
  begin(): void {
    this.#inFlight++
  }

  /** One has ended, however. */
  end(): void {
    const wasFull = this.free <= 0
    this.#inFlight--
    if (wasFull) for (const callback of this.#onFree) callback()
  }

  /** Tells when a place becomes free at a node that had none: the jobs of a payer wait for each other. */
  onFree(callback: () => void): () => void {
    const own = (): void => callback()
    this.#onFree.add(own)
    return () => this.#onFree.delete(own)
  }

  /** The node delivered: it is well, and may take one more at a time again. */
  noteSuccess(): void {
    this.#failures = 0
    this.#backOff = undefined
    if (this.#limit < this.#limitMax) this.#limit++
  }

  /** The node said that it has too much: less at once from now on. */
  noteBusy(nowMs: number, pauseMs: number): void {
    this.#limit = Math.max(1, Math.min(this.#limit - 1, this.#inFlight))
    this.#backOff = { reason: 'busy', untilMs: nowMs + pauseMs }
  }

  /** The node failed: it is left alone, twice as long with each failure in a row. Gives the pause. */
  noteFailure(reason: string, nowMs: number, options: BackOffOptions): number {
    // Failures of deliveries that were in flight together are one failure.
    if (this.#backOff !== undefined && this.#backOff.untilMs > nowMs) return this.#backOff.untilMs - nowMs
    const pauseMs = Math.min(options.backOffStartMs * 2 ** Math.min(this.#failures, 20), options.backOffMaxMs)
    this.#failures++
    this.#backOff = { reason, untilMs: nowMs + pauseMs }
    return pauseMs
  }

  /** Why the node gets no work now; undefined when it may. */
  backOffAt(nowMs: number): BackOff | undefined {
    return this.#backOff !== undefined && this.#backOff.untilMs > nowMs ? this.#backOff : undefined
  }
}

/** What a lane is made of. */
export interface LaneFacts {
  readonly operator: Address
  readonly peer: PeerId
  readonly channel: PayerChannel
  readonly load: NodeLoad
  /** Lower is better. */
  readonly rank: number
  readonly rttMs: number | undefined
  /** The module that the quote was asked for. */
  readonly module: ContentId
}

/** A node that one job may use, with the channel that pays it. */
export class Lane {
  readonly node: Address
  readonly operator: Address
  readonly peer: PeerId
  readonly load: NodeLoad
  readonly rank: number
  readonly rttMs: number | undefined
  /** The channel that pays for deliveries. */
  readonly channel: PayerChannel
  #quote: PayerChannel['quote']
  #terms: ComputeTerms
  #dropped: string | undefined
  /** Modules that were sent or were there before. */
  readonly #modules: Set<ContentId> = new Set()
  #lastFuel: bigint = -1n
  #lastMaximum: MicroUsd = 0n as MicroUsd

  /** @throws ProtocolError when the terms of the channel's quote do not decode */
  constructor(facts: LaneFacts) {
    this.node = facts.channel.terms.node
    this.operator = facts.operator
    this.peer = facts.peer
    this.load = facts.load
    this.rank = facts.rank
    this.rttMs = facts.rttMs
    this.channel = facts.channel
    this.#quote = facts.channel.quote
    this.#terms = computeTermsSchema.decodeDocument(this.#quote.terms)
    if (this.#quote.isWarm === true) this.#modules.add(facts.module)
  }

  /** The terms that price the next delivery. @throws ProtocolError when a renewed quote's terms do not decode */
  get terms(): ComputeTerms {
    if (this.#quote !== this.channel.quote) this.#readTerms()
    return this.#terms
  }

  /** Why this job does not use the node any more. */
  get dropped(): string | undefined {
    return this.#dropped
  }

  /** The job does not use the node any more. */
  drop(reason: string): void {
    this.#dropped ??= reason
  }

  /** True when the node has been sent this module, so that it can get it again by itself if it lost it; true from now on. */
  hasModule(module: ContentId): boolean {
    if (this.#modules.has(module)) return true
    this.#modules.add(module)
    return false
  }

  /** What a task with this fuel limit may cost here at the most. */
  maximumOf(fuelMax: Fuel): MicroUsd {
    if (fuelMax !== this.#lastFuel || this.#quote !== this.channel.quote) {
      this.#lastMaximum = amountOf(this.terms, fuelMax)
      this.#lastFuel = fuelMax
    }
    return this.#lastMaximum
  }

  /** True when a delivery of at most `maximum` can be asked for now. */
  isFree(maximum: MicroUsd, nowMs: number): boolean {
    return (
      this.#dropped === undefined &&
      this.load.free > 0 &&
      this.load.backOffAt(nowMs) === undefined &&
      this.channel.state === 'open' &&
      this.channel.roomMicroUsd() >= maximum
    )
  }

  #readTerms(): void {
    this.#quote = this.channel.quote
    this.#terms = computeTermsSchema.decodeDocument(this.#quote.terms)
    this.#lastFuel = -1n
  }
}
