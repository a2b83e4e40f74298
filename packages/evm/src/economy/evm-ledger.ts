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
import { addressTopic } from '../contract-events.ts'
import * as events from './economy-events.ts'
import type { EventReader } from './event-reader.ts'

/** The EconomyLedger port over the contracts' events; made by `EvmChain.ledger()`. Throws what the adapter throws. */
export class EvmLedger implements EconomyLedger {
  readonly #events: EventReader

  constructor(events: EventReader) {
    this.#events = events
  }

  async claims(span: BlockSpan, operator?: Address): Promise<readonly ClaimsCredited[]> {
    const found = await this.#events.read(events.claimsEvent, span, [null, topicOf(operator)])
    return found.filter((claims) => claims !== undefined)
  }

  payouts(span: BlockSpan, operator?: Address): Promise<readonly OperatorPaid[]> {
    return this.#events.read(events.paidOutEvent, span, [topicOf(operator)])
  }

  lotsBought(span: BlockSpan): Promise<readonly LotBought[]> {
    return this.#events.read(events.lotBoughtEvent, span)
  }

  rewardsPaid(span: BlockSpan, operator?: Address): Promise<readonly RewardPaid[]> {
    return this.#events.read(events.rewardPaidEvent, span, [null, topicOf(operator)])
  }

  capsAccrued(span: BlockSpan, operator?: Address): Promise<readonly CapAccrued[]> {
    return this.#events.read(events.accruedEvent, span, [topicOf(operator)])
  }

  rootsProposed(span: BlockSpan, epoch?: number): Promise<readonly RootEvent[]> {
    return this.#events.read(events.rootProposedEvent, span, [epochTopic(epoch)])
  }

  rootsFinal(span: BlockSpan, epoch?: number): Promise<readonly RootEvent[]> {
    return this.#events.read(events.rootFinalEvent, span, [epochTopic(epoch)])
  }
}

function topicOf(address: Address | undefined): Hex | null {
  return address === undefined ? null : addressTopic(address)
}

function epochTopic(epoch: number | undefined): Hex | null {
  return epoch === undefined ? null : `0x${epoch.toString(16).padStart(64, '0')}`
}
