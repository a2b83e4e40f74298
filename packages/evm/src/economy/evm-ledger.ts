import type {
  Address,
  BlockSpan,
  CapAccrued,
  ClaimsCredited,
  EconomyLedger,
  LotBought,
  OperatorPaid,
  RewardPaid,
  RootEvent,
} from '@stead/core'
import type { Hex } from '../answer.ts'
import type { ChainLog, LogFilter } from '../chain-rpc.ts'
import { addressTopic } from '../contract-events.ts'
import * as events from './economy-events.ts'

interface LedgerPlaces {
  readonly escrow: Address
  readonly rewards: Address
}

/** The EconomyLedger port over the contracts' events; made by `EvmChain.ledger()`. Throws what the adapter throws. */
export class EvmLedger implements EconomyLedger {
  readonly #searchLogs: (filter: LogFilter) => Promise<readonly ChainLog[]>
  readonly #places: LedgerPlaces

  /** @param search Finds events page by page, oldest first. */
  constructor(search: (filter: LogFilter) => Promise<readonly ChainLog[]>, places: LedgerPlaces) {
    this.#searchLogs = search
    this.#places = places
  }

  async claims(span: BlockSpan, operator?: Address): Promise<readonly ClaimsCredited[]> {
    const found = await this.#search(events.claimsEvent, span, [null, topicOf(operator)])
    return found.filter((claims) => claims !== undefined)
  }

  payouts(span: BlockSpan, operator?: Address): Promise<readonly OperatorPaid[]> {
    return this.#search(events.paidOutEvent, span, [topicOf(operator)])
  }

  lotsBought(span: BlockSpan): Promise<readonly LotBought[]> {
    return this.#search(events.lotBoughtEvent, span)
  }

  rewardsPaid(span: BlockSpan, operator?: Address): Promise<readonly RewardPaid[]> {
    return this.#search(events.rewardPaidEvent, span, [null, topicOf(operator)])
  }

  capsAccrued(span: BlockSpan, operator?: Address): Promise<readonly CapAccrued[]> {
    return this.#search(events.accruedEvent, span, [topicOf(operator)])
  }

  rootsProposed(span: BlockSpan, epoch?: number): Promise<readonly RootEvent[]> {
    return this.#search(events.rootProposedEvent, span, [epochTopic(epoch)])
  }

  rootsFinal(span: BlockSpan, epoch?: number): Promise<readonly RootEvent[]> {
    return this.#search(events.rootFinalEvent, span, [epochTopic(epoch)])
  }

  async #search<Value>(
    event: events.EconomyEvent<Value>,
    span: BlockSpan,
    rest: readonly (Hex | null)[] = [],
  ): Promise<readonly Value[]> {
    const filter = { contract: this.#places[event.of], topics: [event.topic, ...rest], ...span }
    return (await this.#searchLogs(filter)).map(event.read)
  }
}

function topicOf(address: Address | undefined): Hex | null {
  return address === undefined ? null : addressTopic(address)
}

function epochTopic(epoch: number | undefined): Hex | null {
  return epoch === undefined ? null : `0x${epoch.toString(16).padStart(64, '0')}`
}
