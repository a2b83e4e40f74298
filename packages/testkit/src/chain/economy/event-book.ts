import type {
  BlockSpan,
  CapAccrued,
  ClaimBatch,
  ClaimsCredited,
  EventPlace,
  Hash,
  LotBought,
  NodeBonded,
  OperatorPaid,
  ProgramChanged,
  ProgramSponsored,
  RewardPaid,
  RootEvent,
} from '@stead/core'

/** What happened, by kind. */
interface Events {
  readonly claims: ClaimsCredited & ClaimBatch
  readonly payouts: OperatorPaid
  readonly lots: LotBought
  readonly bonds: NodeBonded & EventPlace
  readonly programs: ProgramChanged & EventPlace
  readonly sponsorships: ProgramSponsored & EventPlace
  readonly rewards: RewardPaid
  readonly accruals: CapAccrued
  readonly proposed: RootEvent
  readonly final: RootEvent
}

type Kind = keyof Events
type Lists = { [Name in Kind]: Events[Name][] }

/** The events of a simulated chain, oldest first. */
export class EventBook {
  readonly #lists: Lists = {
    claims: [],
    payouts: [],
    lots: [],
    bonds: [],
    programs: [],
    sponsorships: [],
    rewards: [],
    accruals: [],
    proposed: [],
    final: [],
  }
  #place: EventPlace = { blockNumber: 0, logIndex: 0, transaction: `0x${'0'.repeat(64)}` as Hash }

  /** What is added from now on happened in this transaction. */
  begin(blockNumber: number, transaction: Hash): void {
    this.#place = { blockNumber, logIndex: 0, transaction }
  }

  add<Name extends Kind>(kind: Name, what: Omit<Events[Name], keyof EventPlace>): void {
    const list: Events[Name][] = this.#lists[kind]
    list.push({ ...what, ...this.#place } as Events[Name])
    this.#place = { ...this.#place, logIndex: this.#place.logIndex + 1 }
  }

  /** Of some blocks, both ends included. */
  of<Name extends Kind>(kind: Name, span: BlockSpan): readonly Events[Name][] {
    const list: readonly Events[Name][] = this.#lists[kind]
    return list.filter(({ blockNumber }) => blockNumber >= span.fromBlock && blockNumber <= span.toBlock)
  }
}
