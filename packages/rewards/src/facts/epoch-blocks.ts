import type { BlockMark, EconomyHistory, UnixMs } from '@stead/core'
import { RewardsError } from '../errors.ts'

/** Blocks whose place in time is kept: enough to find an epoch near a known one in a few questions. */
const KEPT_MAX = 1024

/** Finds blocks by their time, in few questions to the chain. */
export class EpochBlocks {
  readonly #history: EconomyHistory
  #known: readonly BlockMark[] = []

  constructor(components: { readonly history: EconomyHistory }) {
    this.#history = components.history
  }

  /**
   * The first block whose time is `at` or later; undefined while there is none up to `head`.
   * @throws RewardsError REWARDS_CONFLICT while forks of the chain take turns; ChainError
   */
  async firstAt(at: UnixMs, head: BlockMark): Promise<BlockMark | undefined> {
    if (head.at < at) return undefined
    const first = await this.#checked(at, await this.#search(at, head))
    if (first !== undefined) return first
    // Another fork has won since places in time were kept, and has other times at the same heights.
    this.#known = []
    const again = await this.#checked(at, await this.#search(at, head))
    if (again !== undefined) return again
    throw new RewardsError('REWARDS_CONFLICT', `the blocks around ${new Date(at).toISOString()} are of two forks`, {
      details: { at },
    })
  }

  /** The height of the block, if what is known of other blocks is still true. */
  async #search(at: UnixMs, head: BlockMark): Promise<number> {
    let low = this.#history.firstBlock
    let found = head.number
    for (const mark of this.#known) {
      if (mark.number > head.number) continue
      if (mark.at < at) low = Math.max(low, mark.number + 1)
      else found = Math.min(found, mark.number)
    }
    while (low < found) {
      const middle = await this.#read(Math.floor((low + found) / 2))
      if (middle.at < at) low = middle.number + 1
      else found = middle.number
    }
    return found
  }

  /** The block at a height as the chain has it now, unless it is not the one that is looked for. */
  async #checked(at: UnixMs, number: number): Promise<BlockMark | undefined> {
    const first = await this.#read(number)
    if (first.at < at) return undefined
    // Asked after it: as long as the block stays in the chain, this is the one before it.
    const before = number > this.#history.firstBlock ? await this.#read(number - 1) : undefined
    return before === undefined || before.at < at ? first : undefined
  }

  async #read(number: number): Promise<BlockMark> {
    const mark = await this.#history.block(number)
    const others = this.#known.filter((known) => known.number !== number)
    this.#known = [...others.slice(-(KEPT_MAX - 1)), mark]
    return mark
  }
}
