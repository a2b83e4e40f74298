import { type BlockMark, hash, type UnixMs } from '@stead/core'
import { payloadOf, uintWord } from '@stead/protocol'
import { chainRefusal } from './chain-refusal.ts'

/**
 * The blocks of a simulated chain. Each transaction has its own; empty ones are made by whoever lets time pass. Two may
 * have the same second, as on chains that are faster than their clock.
 */
export class MemoryBlocks {
  readonly #times: UnixMs[] = []

  /** @param at When the chain began: block 0. */
  constructor(at: UnixMs) {
    this.mine(at)
  }

  get head(): BlockMark {
    return this.block(this.#times.length - 1)
  }

  /** A block's hash depends on its place and time alone, so that a run can be repeated. */
  mine(at: UnixMs): BlockMark {
    this.#times.push(at)
    return this.head
  }

  /** @throws SteadError CHAIN_BAD_ANSWER for a block that is not there */
  block(number: number): BlockMark {
    const at = this.#times[number]
    if (at === undefined) throw chainRefusal('CHAIN_BAD_ANSWER', `the simulated chain has no block ${number}`)
    const bytes = new Uint8Array([...uintWord(number), ...uintWord(at)])
    return { number, at, hash: hash(payloadOf(bytes)) }
  }
}
