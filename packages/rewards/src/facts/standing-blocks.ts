import { type BlockMark, type Clock, type EconomyHistory, type Hash, isSteadError } from '@stead/core'

/** Blocks that are so far below the head are taken as final: chains that are in use undo fewer. */
export const SETTLED_BLOCKS = 64
/** What was asked so lately is not asked again: a round of a daemon asks hundreds of times. */
const FRESH_MS = 1000
const KEPT_MAX = 8192

interface Look {
  readonly askedAtMs: number
  readonly answer: Promise<boolean>
}

/**
 * Whether blocks that were read are still in the chain, or another fork has won. A block's hash stands for all blocks
 * before it: while it is there, all that was read up to it is true.
 */
export class StandingBlocks {
  readonly #history: EconomyHistory
  readonly #clock: Clock
  readonly #looks: Map<Hash, Look> = new Map()
  readonly #settled: Set<Hash> = new Set()

  constructor(components: { readonly history: EconomyHistory; readonly clock: Clock }) {
    this.#history = components.history
    this.#clock = components.clock
  }

  /** True also while the endpoint cannot say: one that is away or behind knows of no other fork. */
  async isStanding(mark: Pick<BlockMark, 'number' | 'hash'>): Promise<boolean> {
    if (this.#settled.has(mark.hash)) return true
    const nowMs = this.#clock.monotonicMs()
    const known = this.#looks.get(mark.hash)
    if (known !== undefined && nowMs - known.askedAtMs < FRESH_MS) return await known.answer
    const look = { askedAtMs: nowMs, answer: this.#ask(mark) }
    this.#looks.set(mark.hash, look)
    const [oldest] = this.#looks.keys()
    if (this.#looks.size > KEPT_MAX && oldest !== undefined) this.#looks.delete(oldest)
    return await look.answer
  }

  async #ask({ number, hash }: Pick<BlockMark, 'number' | 'hash'>): Promise<boolean> {
    try {
      const [head, block] = await Promise.all([this.#history.head(), this.#history.block(number)])
      if (block.hash !== hash) return false
      if (head.number - number >= SETTLED_BLOCKS) this.#settle(hash)
      return true
    } catch (error) {
      if (!isSteadError(error) || !error.code.startsWith('CHAIN_')) throw error
      return true
    }
  }

  #settle(hash: Hash): void {
    this.#looks.delete(hash)
    this.#settled.add(hash)
    const [oldest] = this.#settled
    if (this.#settled.size > KEPT_MAX && oldest !== undefined) this.#settled.delete(oldest)
  }
}
