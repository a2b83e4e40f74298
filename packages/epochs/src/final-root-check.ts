import { type FinalRoot, isSteadError, messageOf } from '@stead/core'
import { epochNumber } from '@stead/rewards'
import { isOfDocuments } from './document-faults.ts'
import type { EpochComputer } from './epoch-computer.ts'
import { EpochsError } from './errors.ts'
import type { EpochPorts } from './ports.ts'

/** Looks before documents that could not be had are asked for again; a look is a round. */
const LOOKS_BETWEEN_TRIES = 10

/**
 * Whether the final root is what its evidence gives. A false one can get by while watchers are out of reach; it can pay
 * nobody more than its cap, but it can pay nobody at all, and whoever runs a node wants to know. The next root, built on
 * what is true, mends it.
 */
export class FinalRootCheck {
  readonly #ports: Pick<EpochPorts, 'economy' | 'logger'>
  readonly #computer: EpochComputer
  #checked: FinalRoot | undefined
  #fault: string | undefined
  #looksToWait = 0

  constructor(ports: Pick<EpochPorts, 'economy' | 'logger'>, computer: EpochComputer) {
    this.#ports = ports
    this.#computer = computer
  }

  /** What is wrong with the final root of an epoch; undefined when nothing is known to be. */
  faultOf(epoch: number): string | undefined {
    return this.#checked?.epoch === epoch ? this.#fault : undefined
  }

  /** @throws EpochsError EPOCHS_ROOT_FALSE while the newest final root is not to be used; ChainError; CoreError of the store */
  async look(): Promise<void> {
    const final = await this.#ports.economy.finalRoot()
    if (final === undefined) return
    const isSame = this.#checked?.root === final.root && this.#checked.evidence === final.evidence
    if (!isSame || (this.#fault !== undefined && this.#looksToWait-- <= 0)) await this.#check(final)
    if (this.#fault === undefined) return
    throw new EpochsError('EPOCHS_ROOT_FALSE', this.#fault, { details: { epoch: final.epoch, root: final.root } })
  }

  async #check(final: FinalRoot): Promise<void> {
    const fault = await this.#faultIn(final)
    this.#checked = final
    this.#fault = fault
    this.#looksToWait = LOOKS_BETWEEN_TRIES
    if (fault !== undefined) this.#ports.logger.warn('the final root is not usable', { epoch: final.epoch, fault })
  }

  async #faultIn({ epoch, root, evidence }: FinalRoot): Promise<string | undefined> {
    try {
      const known = await this.#computer.resultOf(epochNumber(epoch), evidence)
      return known.root === root ? undefined : `the root of epoch ${epoch} is ${root}, its evidence gives ${known.root}`
    } catch (error) {
      if (!isSteadError(error) || !isOfDocuments(error.code)) throw error
      return `the root of epoch ${epoch} cannot be computed: ${messageOf(error)}`
    }
  }
}
