import { isSteadError, messageOf, type RootProposal } from '@stead/core'
import { epochNumber } from '@stead/rewards'
import { isOfDocuments } from './document-faults.ts'
import type { EpochComputer } from './epoch-computer.ts'
import type { EpochPorts } from './ports.ts'

/** Looks before documents that could not be had are asked for again; a look is a round. */
const LOOKS_BETWEEN_TRIES = 10

/**
 * Computes what is proposed, for what it says of this node: a root is final days later, and its warning would come after
 * the epoch in which it costs something. Whether the root is true is for watchers; it is computed from its evidence.
 */
export class OwnAuditsLook {
  readonly #ports: Pick<EpochPorts, 'logger'>
  readonly #computer: Pick<EpochComputer, 'resultOf'>
  #looked: string | undefined
  #looksToWait = 0

  constructor(ports: Pick<EpochPorts, 'logger'>, computer: Pick<EpochComputer, 'resultOf'>) {
    this.#ports = ports
    this.#computer = computer
  }

  /** Once for each proposal; documents that are missing are asked for again. @throws ChainError, CoreError of the store */
  async look({ epoch, attempt, proposed: { evidence } }: RootProposal): Promise<void> {
    const name = `${attempt} ${evidence}`
    if (this.#looked === name && this.#looksToWait-- !== 0) return
    this.#looked = name
    this.#looksToWait = LOOKS_BETWEEN_TRIES
    try {
      await this.#computer.resultOf(epochNumber(epoch), evidence)
      // Negative for ever: done.
      this.#looksToWait = -1
    } catch (error) {
      if (!isSteadError(error) || !isOfDocuments(error.code)) throw error
      this.#ports.logger.debug('what was proposed cannot be computed', { epoch, error: messageOf(error) })
    }
  }
}
