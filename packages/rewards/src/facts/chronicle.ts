import type { BlockSpan, EconomyHistory, LotSold, NodeBonded, ProgramChanged, ProgramSponsored } from '@stead/core'
import { SETTLED_BLOCKS } from './standing-blocks.ts'

interface Recorded {
  readonly blockNumber: number
}

/** One kind of event, kept up to a block; those of blocks that may still be replaced by others are read again each time. */
class Kept<Event extends Recorded> {
  readonly #search: (span: BlockSpan) => Promise<readonly Event[]>
  readonly #events: Event[] = []
  #nextBlock: number

  constructor(firstBlock: number, search: (span: BlockSpan) => Promise<readonly Event[]>) {
    this.#nextBlock = firstBlock
    this.#search = search
  }

  /** All events up to a block, oldest first. */
  async until(toBlock: number, headBlock: number): Promise<readonly Event[]> {
    const settledBlock = headBlock - SETTLED_BLOCKS
    if (settledBlock >= this.#nextBlock) {
      const fromBlock = this.#nextBlock
      const found = await this.#search({ fromBlock, toBlock: settledBlock })
      // Two that ask at the same time must not both add what they found.
      if (this.#nextBlock === fromBlock) {
        this.#events.push(...found)
        this.#nextBlock = settledBlock + 1
      }
    }
    const kept = this.#events.filter(({ blockNumber }) => blockNumber <= toBlock)
    const fresh = toBlock < this.#nextBlock ? [] : await this.#search({ fromBlock: this.#nextBlock, toBlock })
    return [...kept, ...fresh]
  }
}

/** Events that are few and are needed from the beginning on: kept in memory, each block searched once. */
export class Chronicle {
  readonly bonds: Kept<NodeBonded>
  readonly sales: Kept<LotSold>
  readonly programs: Kept<ProgramChanged>
  readonly sponsorships: Kept<ProgramSponsored>

  constructor(history: EconomyHistory) {
    const { firstBlock } = history
    this.bonds = new Kept(firstBlock, (span) => history.bonds(span))
    this.sales = new Kept(firstBlock, (span) => history.sales(span))
    this.programs = new Kept(firstBlock, (span) => history.programs(span))
    this.sponsorships = new Kept(firstBlock, (span) => history.sponsorships(span))
  }
}
