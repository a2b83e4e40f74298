import { type BlockMark, type Hash, hash, type UnixMs } from '@stead/core'
import { hashWord, payloadOf, uintWord } from '@stead/protocol'
import { chainRefusal } from './chain-refusal.ts'

const NOTHING: Hash = hash(`0x${'0'.repeat(64)}`)

/**
 * The blocks of a simulated chain. Each transaction has its own; empty ones are made by whoever lets time pass. Two may
 * have the same second, as on chains that are faster than their clock.
 */
export class MemoryBlocks {
  readonly #marks: BlockMark[] = []
  #forks = 0

  /** @param at When the chain began: block 0. */
  constructor(at: UnixMs) {
    this.mine(at)
  }

  get head(): BlockMark {
    return this.block(this.#marks.length - 1)
  }

  /** A block's hash stands for all before it and for its content, so that a run can be repeated and no fork looks like another. */
  mine(at: UnixMs, transaction: Hash = NOTHING): BlockMark {
    const number = this.#marks.length
    const before = this.#marks.at(-1)?.hash ?? NOTHING
    const words = [hashWord(before), uintWord(this.#forks), uintWord(number), uintWord(at), hashWord(transaction)]
    const mark = { number, at, hash: hash(payloadOf(new Uint8Array(words.flatMap((word) => [...word])))) }
    this.#marks.push(mark)
    return mark
  }

  /** The same blocks, to which none is added. */
  copy(): Pick<MemoryBlocks, 'head' | 'block'> {
    const copy = new MemoryBlocks(this.block(0).at)
    copy.#marks.splice(0, 1, ...this.#marks)
    return copy
  }

  /** Takes the last blocks away: another fork has won. The first block stays. */
  undo(depth: number): void {
    this.#forks++
    this.#marks.length = Math.max(1, this.#marks.length - depth)
  }

  /** @throws SteadError CHAIN_BAD_ANSWER for a block that is not there */
  block(number: number): BlockMark {
    const mark = this.#marks[number]
    if (mark === undefined) throw chainRefusal('CHAIN_BAD_ANSWER', `the simulated chain has no block ${number}`)
    return mark
  }
}
