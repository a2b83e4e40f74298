import { type Economy, isSteadError, type RootProposal } from '@stead/core'
import { type EpochNumber, epochNumber } from '@stead/rewards'
import type { EpochComputer, KnownResult } from './epoch-computer.ts'
import { EpochsError } from './errors.ts'
import type { EpochPorts } from './ports.ts'
import { scheduleOf } from './schedule.ts'

/** What the proposer stands on. */
export interface ProposerParts {
  readonly computer: EpochComputer
  /** Sends with the operator's account; undefined when its key was not named. */
  readonly operator: Economy | undefined
}

/** What became of a request to propose. */
export interface ProposeOutcome extends KnownResult {
  readonly attempt: number
}

/** Puts the newest epoch that is over on chain, and brings proposals to their end. */
export class Proposer {
  readonly #ports: EpochPorts
  readonly #parts: ProposerParts

  constructor(ports: EpochPorts, parts: ProposerParts) {
    this.#ports = ports
    this.#parts = parts
  }

  /** Proposes the newest epoch whose logs are gathered, when none is open and it is not final. Undefined when there is nothing to do. */
  async proposeNewest(): Promise<ProposeOutcome | undefined> {
    const newest = this.#newestGathered()
    if (newest === undefined || this.#parts.operator === undefined) return undefined
    if ((await this.#ports.economy.proposal()) !== undefined) return undefined
    const final = await this.#ports.economy.finalRoot()
    if (final !== undefined && final.epoch >= newest) return undefined
    return this.propose(newest)
  }

  /**
   * Computes an epoch from all logs that came in time, publishes it and proposes it.
   * @throws EpochsError EPOCHS_OPERATOR_KEY, EPOCHS_REFUSED and those of {@link EpochComputer.own}; ChainError
   */
  async propose(epoch: EpochNumber): Promise<ProposeOutcome> {
    const { operator, computer } = this.#parts
    if (operator === undefined) throw new EpochsError('EPOCHS_OPERATOR_KEY', 'the key of the operator is not named')
    const { economy } = this.#ports
    const open = await economy.proposal()
    if (open !== undefined) refuse(`proposal ${open.attempt} for epoch ${open.epoch} is open`, epoch)
    const final = await economy.finalRoot()
    if (final !== undefined && final.epoch >= epoch) refuse(`the root of epoch ${final.epoch} is final`, epoch)
    const known = await computer.own(epoch)
    const { root, digest } = known
    await operator.propose(epoch, { root, evidence: digest }, this.#ports.signer.address)
    const attempt = (await economy.proposal())?.attempt ?? 0
    this.#ports.logger.info('root proposed', { epoch, root, evidence: known.evidence, attempt, logs: known.logs })
    return { ...known, attempt }
  }

  /** Ends a proposal whose time is over. Anybody may, so somebody else may have been faster. */
  async end(open: RootProposal): Promise<boolean> {
    const { economy, logger, time } = this.#ports
    // The contract counts whole seconds and ends after the last one.
    if (time.now() < open.endsAt + 1000) return false
    try {
      if (open.challenge === undefined) await economy.finalize(open.attempt)
      else await economy.drop(open.attempt)
      logger.info(open.challenge === undefined ? 'root is final' : 'proposal dropped', {
        epoch: open.epoch,
        attempt: open.attempt,
      })
      return true
    } catch (error) {
      if (!isSteadError(error) || error.code !== 'CHAIN_REVERTED') throw error
      return false
    }
  }

  #newestGathered(): EpochNumber | undefined {
    const { time, calendar } = this.#ports
    for (let epoch = time.epoch() - 1; epoch >= 0 && epoch >= time.epoch() - 2; epoch--) {
      if (time.now() >= scheduleOf(calendar, epochNumber(epoch)).logsCloseAt) return epochNumber(epoch)
    }
    return undefined
  }
}

function refuse(message: string, epoch: EpochNumber): never {
  throw new EpochsError('EPOCHS_REFUSED', message, { details: { epoch } })
}
