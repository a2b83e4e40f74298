import { type Address, address, TOKEN_UNITS } from '@stead/core'
import { MemoryChain, type MemoryLedger, type SeededRandom } from '@stead/testkit'
import { unlessRefused } from '../engine/refusals.ts'
import type { Scheduler } from '../engine/scheduler.ts'
import type { Trace } from '../engine/trace.ts'

/** What the buyer stands on. */
export interface LotBuyerComponents {
  readonly scheduler: Scheduler
  readonly trace: Trace
  readonly random: SeededRandom
  readonly ledger: MemoryLedger
}

const LOOK_MS_MAX = 60_000
/** Token units for a micro-dollar of fees that the buyer gives at most. */
const PRICE_MAX = 10n ** 14n
const BUYER: Address = address(`0x${'b0'.repeat(20)}`)
const TOKENS: bigint = 10n ** 12n * TOKEN_UNITS

/** Who wants dollars for tokens: buys the fees of epochs, at moments that the seed decides. */
export class LotBuyer {
  readonly account: Address = BUYER
  readonly #components: LotBuyerComponents
  readonly #chain: MemoryChain

  constructor(components: LotBuyerComponents) {
    this.#components = components
    this.#chain = new MemoryChain(components.ledger, BUYER)
    components.ledger.give(BUYER, { tokenUnits: TOKENS, gasWei: 10n ** 21n })
  }

  /** Token units that it began with. */
  get givenTokenUnits(): bigint {
    return TOKENS
  }

  async start(): Promise<void> {
    await this.#chain.start()
    this.#next()
  }

  /** Buys what is for sale when its price has fallen far enough. */
  async look(): Promise<void> {
    const economy = this.#chain.economy()
    const { lot, feesMicroUsd, priceTokenUnits, costTokenUnits } = await economy.lotForSale()
    if (feesMicroUsd === 0n || priceTokenUnits > PRICE_MAX) return
    const bought = await unlessRefused(economy.buyLot(lot, costTokenUnits))
    const { trace, scheduler } = this.#components
    if (bought !== undefined) trace.tell(scheduler.nowMs, undefined, `lot ${lot} of ${feesMicroUsd} is sold`)
  }

  #next(): void {
    const { scheduler, random } = this.#components
    scheduler.at(scheduler.nowMs + random.fraction() * LOOK_MS_MAX, () => {
      void this.look()
      this.#next()
    })
  }
}
