import { type Address, type Clock, type Fuel, isSteadError, type Logger, type MicroUsd, messageOf } from '@stead/core'
import type { PayerChannel } from '@stead/market'
import type { ComputeConsumerOptions } from '../options.ts'
import type { Budget } from './budget.ts'
import { countReason } from './candidates.ts'
import type { JobHeader } from './job-plan.ts'
import type { JobRecorder } from './job-recorder.ts'
import { Lane } from './lane.ts'
import type { NodeLoads } from './node-loads.ts'
import type { FundedProvider, ProviderSearch } from './provider-search.ts'
import type { TrustBook } from './trust-book.ts'

/** How often more nodes are looked for while a job has work for them. */
const SEARCH_AGAIN_MS = 2000
/** Longer than a renewal takes that is answered. */
const RENEWAL_MS_MAX = 6000

/** What the lanes of a job stand on. */
export interface JobLanesComponents {
  readonly search: ProviderSearch
  readonly recorder: JobRecorder
  readonly budget: Budget
  readonly trust: TrustBook
  readonly clock: Clock
  readonly logger: Logger
  /** Shared by all jobs of a payer. */
  readonly loads: NodeLoads
}

/** How the lanes of a job are opened. */
export interface JobLanesOptions {
  readonly header: JobHeader
  readonly consumer: ComputeConsumerOptions
  readonly signal: AbortSignal
  /** A lane may have become free. */
  readonly onChange: () => void
}

/** The nodes that one job uses: finds them, opens channels, looks for more, and refills channels that are used up. */
export class JobLanes {
  readonly #components: JobLanesComponents
  readonly #options: JobLanesOptions
  readonly #lanes: Map<Address, Lane> = new Map()
  readonly #unsubscribe: Map<Address, () => void> = new Map()
  #list: readonly Lane[] = []
  /** When it was first seen that the quote of a node's channel is over. */
  readonly #expiredAtMs: Map<Address, number> = new Map()
  #searching: Promise<void> | undefined
  #searchedAtMs = 0
  #lastProblem: unknown

  constructor(components: JobLanesComponents, options: JobLanesOptions) {
    this.#components = components
    this.#options = options
  }

  /** All lanes, dropped ones included. */
  get list(): readonly Lane[] {
    return this.#list
  }

  /** The lane to a node. */
  of(node: Address): Lane | undefined {
    return this.#lanes.get(node)
  }

  /** Distinct operators among the lanes that are not dropped. */
  get operators(): number {
    return new Set(this.usable().map(({ operator }) => operator)).size
  }

  /** Lanes that are not dropped. */
  usable(): readonly Lane[] {
    return this.#list.filter(({ dropped }) => dropped === undefined)
  }

  /** When the first of the nodes that are left alone for a while is asked again; never, when there is none. */
  wakesAtMs(nowMs: number): number {
    let firstMs = Number.POSITIVE_INFINITY
    for (const { dropped, load } of this.#list)
      if (dropped === undefined) firstMs = Math.min(firstMs, load.backOffAt(nowMs)?.untilMs ?? firstMs)
    return firstMs
  }

  /** Nodes are being asked: there may be more in a moment. */
  get isSearching(): boolean {
    return this.#searching !== undefined
  }

  /** Why the last search for more nodes failed; undefined when it did not. */
  get lastProblem(): unknown {
    return this.#lastProblem
  }

  /** Opens the first lanes. @throws MarketError MARKET_UNFUNDED and the chain's errors */
  async open(operatorsMin: number): Promise<void> {
    await this.#extend(operatorsMin, this.#options.consumer.offerWaitMs)
  }

  /** Looks for more nodes now and then; call it as often as you like. */
  refresh(operatorsMin: number): void {
    const nowMs = this.#components.clock.monotonicMs()
    if (this.#searching !== undefined || nowMs - this.#searchedAtMs < SEARCH_AGAIN_MS) return
    if (this.usable().length >= this.#options.consumer.providersPerJobMax) return
    this.#searching = this.#extend(operatorsMin, 0)
      .catch((error: unknown) => this.#noteProblem(error))
      .finally(() => {
        this.#searching = undefined
      })
  }

  /** Opens a further channel for lanes whose money is used up. */
  refill(): void {
    const { need } = this.#options.header
    for (const { channel } of this.usable()) if (channel.state === 'expired') renew(channel)
    const exhausted = this.usable().filter((lane) => this.#isStale(lane) || isUsedUp(lane, need.fuel))
    if (exhausted.length === 0 || this.#searching !== undefined) return
    for (const { node } of exhausted) this.#remove(node)
    this.#searching = this.#extend(0, 0)
      .catch((error: unknown) => this.#noteProblem(error))
      .finally(() => {
        this.#searching = undefined
      })
  }

  /** Lets go of all channels' notices. */
  close(): void {
    for (const unsubscribe of this.#unsubscribe.values()) unsubscribe()
    this.#unsubscribe.clear()
  }

  async #extend(operatorsMin: number, waitMs: number): Promise<void> {
    const { search, recorder, budget } = this.#components
    const { header, signal } = this.#options
    const skip = new Set(this.#lanes.keys())
    const found = await search.search(header, { operatorsMin, waitMs, skip, signal })
    this.#searchedAtMs = this.#components.clock.monotonicMs()
    if (signal.aborted) return
    const leftMicroUsd = budget.capMicroUsd - budget.spentMicroUsd
    const { funded, excluded } =
      found.quoted.length === 0 || leftMicroUsd <= 0n
        ? { funded: [], excluded: new Map<string, number>() }
        : await search.fund(header, found.quoted, { leftMicroUsd, freeMicroUsd: budget.freeMicroUsd })
    if (signal.aborted) return
    this.#lastProblem = undefined
    const reasons = merged(found.excluded, excluded)
    const trusted = this.#trusted(funded, reasons)
    for (const provider of trusted) this.#add(provider)
    if (trusted.length > 0 || this.#lanes.size === 0)
      recorder.note({ type: 'matched', matching: this.usable().length, excluded: Object.fromEntries(reasons) })
    if (trusted.length > 0) this.#options.onChange()
  }

  /** Without nodes that another job caught while they were asked for their prices and given their money. */
  #trusted(funded: readonly FundedProvider[], excluded: Map<string, number>): readonly FundedProvider[] {
    const { trust, clock } = this.#components
    return funded.filter(({ provider }) => {
      const isDistrusted = trust.isDistrusted(provider.entry.offer.node, clock.now())
      if (isDistrusted) countReason(excluded, 'distrusted')
      return !isDistrusted
    })
  }

  #add({ provider, channel }: FundedProvider): void {
    const { operator, node } = provider.entry.offer
    const { recorder, budget, loads } = this.#components
    const load = loads.of(node)
    load.allow(channel.quote.concurrency, this.#options.consumer.pipelineDepth)
    const { peer } = provider.opened
    const { module } = this.#options.header.need
    const lane = new Lane({ operator, peer, channel, load, rank: provider.rank, rttMs: provider.rttMs, module })
    this.#lanes.set(node, lane)
    this.#list = [...this.#lanes.values()].sort((left, right) => left.rank - right.rank)
    this.#unsubscribe.get(node)?.()
    const stops = [channel.onRoom(this.#options.onChange), load.onFree(this.#options.onChange)]
    this.#unsubscribe.set(node, () => {
      for (const stop of stops) stop()
    })
    budget.prepay(channel.id, channel.stats().prepaidMicroUsd)
    recorder.note({
      type: 'funded',
      node,
      operator,
      peer,
      channel: channel.id,
      allocationMicroUsd: channel.terms.allocationMicroUsd.toString(),
      priceMicroUsdPerGigafuel: lane.terms.priceMicroUsdPerGigafuel.toString(),
      ...(provider.rttMs === undefined ? {} : { rttMs: provider.rttMs }),
    })
  }

  #remove(node: Address): void {
    this.#lanes.delete(node)
    this.#expiredAtMs.delete(node)
    this.#unsubscribe.get(node)?.()
    this.#unsubscribe.delete(node)
    this.#list = [...this.#lanes.values()].sort((left, right) => left.rank - right.rank)
  }

  /** Its node does not renew the quote, say because its price is another one now: it is asked as others are. */
  #isStale({ node, channel }: Lane): boolean {
    if (channel.state !== 'expired') {
      this.#expiredAtMs.delete(node)
      return false
    }
    const nowMs = this.#components.clock.monotonicMs()
    const sinceMs = this.#expiredAtMs.get(node) ?? nowMs
    this.#expiredAtMs.set(node, sinceMs)
    return nowMs - sinceMs > RENEWAL_MS_MAX
  }

  #noteProblem(error: unknown): void {
    this.#lastProblem = error
    this.#searchedAtMs = this.#components.clock.monotonicMs()
    if (this.#options.signal.aborted) return
    this.#components.logger.warn('no more nodes could be opened for a job', { error: messageOf(error) })
    if (isSteadError(error)) this.#components.recorder.note(problemOf(error))
  }
}

/** An error as an event that a person can act on. */
export function problemOf(error: unknown): {
  readonly type: 'problem'
  readonly code: string
  readonly message: string
  readonly next: string
  readonly details: Readonly<Record<string, string | number | boolean>>
} {
  if (!isSteadError(error))
    return { type: 'problem', code: 'internal', message: messageOf(error), next: '', details: {} }
  const details: Record<string, string | number | boolean> = {}
  for (const [key, value] of Object.entries(error.details)) {
    if (value === undefined) continue
    const isPlain = typeof value === 'number' || typeof value === 'boolean'
    details[key] = isPlain ? value : String(value)
  }
  return { type: 'problem', code: error.code, message: error.message, next: error.next, details }
}

/** True when a channel can never take another delivery, paid or not. */
function isUsedUp(lane: Lane, fuel: Fuel): boolean {
  const { channel } = lane
  const { state } = channel
  if (state === 'exhausted' || state === 'thawing') return true
  return state === 'open' && channel.largestMicroUsd() < lane.maximumOf(fuel)
}

/** A channel renews its quote when somebody wants to use it. */
function renew(channel: PayerChannel): void {
  channel.reserve(0n as MicroUsd)?.release()
}

function merged(left: ReadonlyMap<string, number>, right: ReadonlyMap<string, number>): Map<string, number> {
  const sum = new Map(left)
  for (const [reason, count] of right) sum.set(reason, (sum.get(reason) ?? 0) + count)
  return sum
}
