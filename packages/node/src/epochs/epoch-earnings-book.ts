import type { Address } from '@stead/core'
import { type EpochEarnings, epochNumber, explainEarnings, openResult } from '@stead/rewards'
import { NodeError } from '../errors.ts'
import type { ChainFactsReader } from './chain-facts-reader.ts'
import type { EpochComputer } from './epoch-computer.ts'

/** What an operator earned in an epoch that is over, from the facts and the result that is final, or else this node's own. */
export class EpochEarningsBook {
  readonly #parts: { readonly facts: ChainFactsReader; readonly computer: EpochComputer }

  constructor(parts: { readonly facts: ChainFactsReader; readonly computer: EpochComputer }) {
    this.#parts = parts
  }

  /** @throws NodeError NODE_DOCUMENT_UNKNOWN, NODE_EPOCH_NOT_OVER; RewardsError; ChainError */
  async of(operator: Address, number: number): Promise<EpochEarnings> {
    const { facts, computer } = this.#parts
    const epoch = epochNumber(number)
    const known = await computer.accepted(epoch)
    const bytes = await computer.components(epoch).load(known.result)
    if (bytes === undefined) {
      throw new NodeError('NODE_DOCUMENT_UNKNOWN', `the result of epoch ${epoch} cannot be had`, {
        details: { id: known.result },
      })
    }
    const [earned] = explainEarnings(operator, [{ facts: await facts.facts(epoch), result: openResult(bytes) }])
    if (earned === undefined) throw new RangeError('one epoch has one line of earnings')
    return earned
  }
}
