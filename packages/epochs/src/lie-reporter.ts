import { type Address, hasCode, messageOf } from '@stead/core'
import type { Statement } from '@stead/protocol'
import type { EpochPorts } from './ports.ts'

/** A node said two things in one slot. */
export interface Lie {
  readonly node: Address
  readonly first: Statement
  readonly second: Statement
}

const WAITING_MAX = 256

/** Brings proofs of lies to the adjudicator, each once; what fails for a reason that may pass is tried again. */
export class LieReporter {
  readonly #ports: Pick<EpochPorts, 'economy' | 'logger'>
  readonly #waiting: Map<string, Lie> = new Map()
  readonly #done: Set<string> = new Set()

  constructor(ports: Pick<EpochPorts, 'economy' | 'logger'>) {
    this.#ports = ports
  }

  /** Nodes that this one has reported. */
  get reported(): number {
    return this.#done.size
  }

  note(lie: Lie): void {
    const name = `${lie.node} ${lie.first.slot}`
    if (!this.#done.has(name) && this.#waiting.size < WAITING_MAX) this.#waiting.set(name, lie)
  }

  /** Reports what is waiting. @throws ChainError when the chain cannot be reached */
  async report(): Promise<void> {
    for (const [name, lie] of this.#waiting) {
      try {
        if (!(await this.#ports.economy.bondOf(lie.node)).expelled) {
          await this.#ports.economy.reportEquivocation(lie.first.slot, lie.first, lie.second)
          this.#ports.logger.warn('equivocation reported', { node: lie.node, slot: lie.first.slot })
        }
      } catch (error) {
        // Somebody else was faster, or the node has nothing left.
        if (!hasCode(error, 'CHAIN_REVERTED')) throw error
        this.#ports.logger.info('report not taken', { node: lie.node, error: messageOf(error) })
      }
      this.#waiting.delete(name)
      this.#done.add(name)
    }
  }
}
