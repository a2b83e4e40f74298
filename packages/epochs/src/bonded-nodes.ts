import type { Address } from '@stead/core'
import { type ChainFactsReader, type EpochBegin, type EpochNumber, epochNumber } from '@stead/rewards'
import type { EpochPorts } from './ports.ts'

/** Epochs whose nodes are kept: those that are spoken of, the one that runs, and the one after each. */
const EPOCHS_MAX = 40

/** The bonded nodes of one epoch, and what they were read from. */
interface BondedAtBegin {
  readonly begin: EpochBegin
  readonly nodes: ReadonlySet<Address>
}

/**
 * Whose word counts for an epoch, as far as it is known without asking: who was bonded as it began, and as the next one
 * began, because those bonded meanwhile vote on it.
 */
export class BondedNodes {
  readonly #time: Pick<EpochPorts['time'], 'epoch'>
  readonly #facts: Pick<ChainFactsReader, 'begin'>
  readonly #known: Map<EpochNumber, BondedAtBegin> = new Map()

  constructor(ports: { readonly time: Pick<EpochPorts['time'], 'epoch'> }, facts: Pick<ChainFactsReader, 'begin'>) {
    this.#time = ports.time
    this.#facts = facts
  }

  /** False also while it is not known: nobody asked the chain yet, or it did not answer. */
  has(epoch: EpochNumber, node: Address): boolean {
    return [epoch, epochNumber(epoch + 1)].some((each) => this.#known.get(each)?.nodes.has(node) === true)
  }

  /** Asks the chain; again for the newest epochs, whose beginning other blocks may replace. @throws RewardsError REWARDS_NO_PROGRAM; ChainError */
  async learn(epoch: EpochNumber): Promise<void> {
    for (const each of [epoch, epochNumber(epoch + 1)]) {
      if (this.#known.has(each) && each < this.#time.epoch() - 1) continue
      const begin = await this.#facts.begin(each)
      if (begin === undefined || this.#known.get(each)?.begin === begin) continue
      this.#known.set(each, { begin, nodes: new Set(begin.nodes.map(({ node }) => node)) })
      const [oldest] = [...this.#known.keys()].sort((left, right) => left - right)
      if (this.#known.size > EPOCHS_MAX && oldest !== undefined) this.#known.delete(oldest)
    }
  }
}
