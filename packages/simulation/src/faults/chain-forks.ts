import type { MemoryLedger, SeededRandom, UndoneTransaction } from '@stead/testkit'
import type { Scheduler } from '../engine/scheduler.ts'
import type { Tally } from '../engine/tally.ts'

/** What forks act on. */
export interface ChainForksComponents {
  readonly scheduler: Scheduler
  readonly ledger: MemoryLedger
  readonly random: SeededRandom
  readonly tally: Tally
  readonly tell: (what: string) => void
}

const DEPTH_MAX = 4
/** Blocks older than this stay: chains do not undo what is minutes old. */
const AGE_MS_MAX = 60_000
/** How long an undone transaction waits in the pool for its next block, at most. */
const POOL_MS_MAX = 15_000
/** Share of accounts whose undone transactions every pool forgets. */
const FORGOTTEN_SHARE = 0.25

/**
 * Lets another fork of the chain win: the last blocks are undone. Their transactions are in the pool again, in another
 * order but for those of one account, whose numbers keep theirs; those of some accounts are forgotten.
 */
export class ChainForks {
  readonly #components: ChainForksComponents

  constructor(components: ChainForksComponents) {
    this.#components = components
  }

  /** One reorganisation, if there are young blocks. */
  inject(): void {
    const { ledger, random, tally, tell } = this.#components
    const depth = this.#depth(1 + Math.floor(random.fraction() * DEPTH_MAX))
    if (depth === 0) return
    const undone = ledger.reorganise(depth)
    tally.add('reorgs')
    for (const _ of undone) tally.add('undone-transactions')
    tell(`another fork of the chain wins: ${depth} blocks with ${undone.length} transactions are undone`)
    for (const transactions of Map.groupBy(undone, ({ account }) => account).values()) this.#pool(transactions)
  }

  #depth(wanted: number): number {
    const { ledger } = this.#components
    const { number } = ledger.blocks.head
    const isYoung = (block: number): boolean => ledger.now() - ledger.blocks.block(block).at <= AGE_MS_MAX
    let depth = 0
    while (depth < wanted && depth < number && isYoung(number - depth)) depth++
    return depth
  }

  #pool(transactions: readonly UndoneTransaction[]): void {
    const { scheduler, ledger, random, tally, tell } = this.#components
    if (random.fraction() < FORGOTTEN_SHARE) {
      for (const { id } of transactions) tell(`transaction ${Number(id)} is forgotten`)
      for (const _ of transactions) tally.add('forgotten-transactions')
      return
    }
    let dueMs = scheduler.nowMs
    for (const transaction of transactions) {
      dueMs += random.fraction() * POOL_MS_MAX
      scheduler.at(dueMs, () => {
        const isTaken = ledger.mineAgain(transaction)
        tell(`transaction ${Number(transaction.id)} is ${isTaken ? 'mined again' : 'refused in its new block'}`)
      })
    }
  }
}
