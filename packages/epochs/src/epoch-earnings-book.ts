import { type Address, hasCode, isSteadError, type MicroUsd, microUsd } from '@stead/core'
import {
  type ChainFacts,
  type ChainFactsReader,
  type EpochEarnings,
  type EpochNumber,
  type EpochResult,
  epochNumber,
  explainEarnings,
  openResult,
  type RewardsErrorCode,
} from '@stead/rewards'
import type { EpochComputer } from './epoch-computer.ts'
import { EpochsError } from './errors.ts'
import type { EpochPorts } from './ports.ts'

/** What an operator earned in an epoch. The chain alone says what was claimed; shares need the epoch's evidence. */
export interface EpochBook {
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
  /** Undefined while the shares are not known. */
  readonly shares: EpochEarnings | undefined
  /** The policy of program 0, whose units are tokens. */
  readonly utility: string | undefined
  /** Why they are not: `epoch-runs`, `logs-gathered`, `evidence-missing`, else the code of the error. */
  readonly unknown: string | undefined
}

/** What the book is read from. */
interface BookParts {
  readonly facts: ChainFactsReader
  readonly computer: EpochComputer
}

/** What operators earned, by epoch: from the facts and the result that is final, or else this node's own. */
export class EpochEarningsBook {
  readonly #history: EpochPorts['history']
  readonly #parts: BookParts

  constructor({ history }: Pick<EpochPorts, 'history'>, parts: BookParts) {
    this.#history = history
    this.#parts = parts
  }

  /** @throws ChainError, CoreError of the store */
  async of(operator: Address, number: number): Promise<EpochBook> {
    const epoch = epochNumber(number)
    const facts = await this.#factsOf(epoch)
    if (facts === undefined) return { ...(await this.#soFar(operator, epoch)), ...unknown('epoch-runs') }
    const result = await this.#resultOf(epoch)
    if (typeof result === 'string') return { ...sumOf(operator, facts.fees), ...unknown(result) }
    const [shares] = explainEarnings(operator, [{ facts, result }])
    if (shares === undefined) throw new RangeError('one epoch has one line of earnings')
    const { grossMicroUsd, feeMicroUsd } = shares
    return { grossMicroUsd, feeMicroUsd, shares, utility: facts.utility, unknown: undefined }
  }

  /** Undefined while the epoch is not over on chain. */
  async #factsOf(epoch: EpochNumber): Promise<ChainFacts | undefined> {
    try {
      return await this.#parts.facts.facts(epoch)
    } catch (error) {
      if (hasCode<RewardsErrorCode>(error, 'REWARDS_NOT_OVER')) return undefined
      throw error
    }
  }

  /** What was claimed in an epoch that is not over. */
  async #soFar(operator: Address, epoch: EpochNumber): Promise<Pick<EpochBook, 'grossMicroUsd' | 'feeMicroUsd'>> {
    const begin = await this.#parts.facts.begin(epoch)
    if (begin === undefined) return sumOf(operator, [])
    const { number: toBlock } = await this.#history.head()
    return sumOf(operator, await this.#history.claims({ fromBlock: begin.fromBlock, toBlock }))
  }

  /** The result of an epoch, or why there is none. */
  async #resultOf(epoch: EpochNumber): Promise<EpochResult | string> {
    try {
      return await this.#openResult(epoch)
    } catch (error) {
      if (!isSteadError(error) || error.code.startsWith('CHAIN_')) throw error
      if (error.code === 'EPOCHS_NOT_OVER') return 'logs-gathered'
      const isMissing = error.code === 'REWARDS_MISSING' || error.code === 'EPOCHS_DOCUMENT_UNKNOWN'
      return isMissing ? 'evidence-missing' : error.code
    }
  }

  async #openResult(epoch: EpochNumber): Promise<EpochResult> {
    const { computer } = this.#parts
    const known = await computer.accepted(epoch)
    const bytes = await computer.components(epoch).load(known.result)
    if (bytes !== undefined) return openResult(bytes)
    throw new EpochsError('EPOCHS_DOCUMENT_UNKNOWN', `the result of epoch ${epoch} cannot be had`, {
      details: { id: known.result },
    })
  }
}

function unknown(reason: string): Pick<EpochBook, 'shares' | 'utility' | 'unknown'> {
  return { shares: undefined, utility: undefined, unknown: reason }
}

interface OperatorFees {
  readonly operator: Address
  readonly grossMicroUsd: MicroUsd
  readonly feeMicroUsd: MicroUsd
}

function sumOf(operator: Address, entries: readonly OperatorFees[]): Omit<OperatorFees, 'operator'> {
  const own = entries.filter((entry) => entry.operator === operator)
  const sum = (field: 'grossMicroUsd' | 'feeMicroUsd'): MicroUsd =>
    microUsd(own.reduce((total, entry) => total + entry[field], 0n))
  return { grossMicroUsd: sum('grossMicroUsd'), feeMicroUsd: sum('feeMicroUsd') }
}
