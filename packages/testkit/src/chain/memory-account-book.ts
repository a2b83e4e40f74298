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
import type { LedgerView } from './ledger-view.ts'

/** The EconomyLedger port over a {@link MemoryLedger}; made by `MemoryChain.ledger()`. */
export class MemoryAccountBook implements EconomyLedger {
  readonly #read: () => Promise<LedgerView>

  /** @param read Gives what the endpoint shows, or throws why it cannot be had. */
  constructor(read: () => Promise<LedgerView>) {
    this.#read = read
  }

  async claims(span: BlockSpan, operator?: Address): Promise<readonly ClaimsCredited[]> {
    const { contracts } = (await this.#read()).state
    return contracts.events.of('claims', span).filter(isOf(operator))
  }

  async payouts(span: BlockSpan, operator?: Address): Promise<readonly OperatorPaid[]> {
    const { contracts } = (await this.#read()).state
    return contracts.events.of('payouts', span).filter(isOf(operator))
  }

  async lotsBought(span: BlockSpan): Promise<readonly LotBought[]> {
    return (await this.#read()).state.contracts.events.of('lots', span)
  }

  async rewardsPaid(span: BlockSpan, operator?: Address): Promise<readonly RewardPaid[]> {
    const { contracts } = (await this.#read()).state
    return contracts.events.of('rewards', span).filter(isOf(operator))
  }

  async capsAccrued(span: BlockSpan, operator?: Address): Promise<readonly CapAccrued[]> {
    const { contracts } = (await this.#read()).state
    return contracts.events.of('accruals', span).filter(isOf(operator))
  }

  async rootsProposed(span: BlockSpan, epoch?: number): Promise<readonly RootEvent[]> {
    const { contracts } = (await this.#read()).state
    return contracts.events.of('proposed', span).filter((root) => epoch === undefined || root.epoch === epoch)
  }

  async rootsFinal(span: BlockSpan, epoch?: number): Promise<readonly RootEvent[]> {
    const { contracts } = (await this.#read()).state
    return contracts.events.of('final', span).filter((root) => epoch === undefined || root.epoch === epoch)
  }
}

function isOf(operator: Address | undefined): (event: { readonly operator: Address }) => boolean {
  return (event) => operator === undefined || event.operator === operator
}
