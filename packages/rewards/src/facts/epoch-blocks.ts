import type { BlockMark, EconomyHistory, UnixMs } from '@stead/core'

/** Blocks whose place in time is kept: enough to find an epoch near a known one in a few questions. */
const KEPT_MAX = 1024
/** Blocks that may still be replaced by others: what was seen of them says nothing later. */
export const UNSETTLED_BLOCKS = 64

/** Finds blocks by their time, in few questions to the chain. */
export class EpochBlocks {
  readonly #history: EconomyHistory
  #known: readonly BlockMark[] = []

  constructor(components: { readonly history: EconomyHistory }) {
    this.#history = components.history
  }

  /** The first block whose time is `at` or later; undefined while there is none up to `head`. */
  async firstAt(at: UnixMs, head: BlockMark): Promise<BlockMark | undefined> {
    if (head.at < at) return undefined
    let low = this.#history.firstBlock
    let found = head
    for (const mark of this.#known) {
      if (mark.number > head.number) continue
      if (mark.at < at) low = Math.max(low, mark.number + 1)
      else if (mark.number < found.number) found = mark
    }
    while (low < found.number) {
      const middle = await this.#history.block(Math.floor((low + found.number) / 2))
      if (middle.number <= head.number - UNSETTLED_BLOCKS) this.#keep(middle)
      if (middle.at < at) low = middle.number + 1
      else found = middle
    }
    // A block that is no longer in the chain would put its beacon into the facts.
    return found.hash === head.hash ? found : await this.#history.block(found.number)
  }

  /** True while a block is in the chain and the first one at `at` or later; other forks may have won since it was found. */
  async isFirstAt({ number, hash }: Pick<BlockMark, 'number' | 'hash'>, at: UnixMs, head: BlockMark): Promise<boolean> {
    if (number > head.number || (await this.#history.block(number)).hash !== hash) return false
    return number <= this.#history.firstBlock || (await this.#history.block(number - 1)).at < at
  }

  #keep(mark: BlockMark): void {
    const others = this.#known.filter(({ number }) => number !== mark.number)
    this.#known = [...others.slice(-(KEPT_MAX - 1)), mark]
  }
}
