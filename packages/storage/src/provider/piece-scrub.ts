import type { Counter, Hash, Logger, Metrics, Random } from '@stead/core'
import { hashFromBytes } from '@stead/protocol'
import type { PieceLog } from '../pieces/piece-log.ts'

/** What a scrub stands on. */
export interface PieceScrubComponents {
  readonly pieces: PieceLog
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
  /** Told the names of pieces, as the logs have them, of which bytes rotted. */
  readonly onDamaged: (names: readonly Hash[]) => void
}

/**
 * Reads everything that is kept once in a while, a part at a time, and tells what rotted before somebody asks for it. It
 * begins anywhere: a node that is started every day gets to every piece all the same.
 */
export class PieceScrub {
  readonly #components: PieceScrubComponents
  readonly #damaged: Counter
  readonly #wholeMs: number
  #after: Hash | undefined
  /** Bytes that are to be read and were too few to begin with. */
  #owedBytes = 0

  /** @param wholeMs how long one pass over all pieces takes */
  constructor(components: PieceScrubComponents, wholeMs: number) {
    this.#components = components
    this.#wholeMs = wholeMs
    this.#after = hashFromBytes(components.random.bytes(32))
    const text = 'Pieces that were found damaged by reading them'
    this.#damaged = components.metrics.counter('stead_storage_damaged_total', text)
  }

  /** Reads what is due for so much time. @throws CoreError of disk and store */
  async step(passedMs: number): Promise<void> {
    const { pieces, logger, onDamaged } = this.#components
    this.#owedBytes += (pieces.usage().liveBytes * passedMs) / this.#wholeMs
    const budgetBytes = Math.floor(this.#owedBytes)
    if (budgetBytes === 0) return
    const { checkedBytes, damaged, next } = await pieces.scrub(this.#after, budgetBytes)
    this.#after = next
    // A piece is read whole: what was read too much is not read the next time.
    this.#owedBytes = Math.min(this.#owedBytes - checkedBytes, budgetBytes)
    if (damaged.length === 0) return
    this.#damaged.add(damaged.length)
    logger.warn('pieces rotted on this disk; their payers are told with the next payment', { pieces: damaged.length })
    onDamaged(damaged)
  }
}
