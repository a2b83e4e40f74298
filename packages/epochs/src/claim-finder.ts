import {
  type Address,
  type FinalRoot,
  isSteadError,
  type LotSale,
  type MicroUsd,
  messageOf,
  microUsd,
} from '@stead/core'
import {
  type AccruableEpoch,
  type ClaimableLine,
  type EpochResult,
  epochNumber,
  openResult,
  planRewardClaim,
} from '@stead/rewards'
import { isOfDocuments } from './document-faults.ts'
import type { EpochComputer } from './epoch-computer.ts'
import { bytesText, EPOCH_TABLES, put, textBytes } from './epoch-tables.ts'
import type { EpochPorts } from './ports.ts'

/** What can be brought to an operator now. */
export interface Claimable {
  /** Epochs for which the cap can rise, when that is needed. */
  readonly accruable: readonly AccruableEpoch[]
  /** Those that pay something. */
  readonly lines: readonly ClaimableLine[]
  /** Why there is a final root and no lines of it; undefined otherwise. */
  readonly fault: string | undefined
  readonly hasRoot: boolean
  readonly owedMicroUsd: MicroUsd
  readonly worthMicroUsd: MicroUsd
}

/** Later epochs are looked at next time; whoever asks gets all of them. */
export const EPOCHS_PER_LOOK_MAX = 32
/** Epochs that are looked at again although they were done: a reorganisation may have taken an accrual back. */
const EPOCHS_AGAIN = 4
/** Epochs before this one have nothing more to accrue. */
const CURSOR_MARK = 'accrued-before'

/** Finds what an operator can claim: credit in the Escrow, caps that can rise, lines of the final root. */
export class ClaimFinder {
  readonly #ports: Pick<EpochPorts, 'economy' | 'chain' | 'store' | 'logger'>
  readonly #computer: EpochComputer
  readonly #operator: Address

  constructor(
    ports: Pick<EpochPorts, 'economy' | 'chain' | 'store' | 'logger'>,
    computer: EpochComputer,
    operator: Address,
  ) {
    this.#ports = ports
    this.#computer = computer
    this.#operator = operator
  }

  /** @throws ChainError; CoreError of the store */
  async find(epochsMax: number): Promise<Claimable> {
    const { economy, chain } = this.#ports
    const [final, owedMicroUsd] = await Promise.all([economy.finalRoot(), chain.owedMicroUsd(this.#operator)])
    const none = { accruable: [], lines: [], owedMicroUsd, worthMicroUsd: owedMicroUsd }
    if (final === undefined) return { ...none, fault: undefined, hasRoot: false }
    const found = await this.#resultOf(final)
    // What the Escrow owes needs no root, whatever is the matter with it.
    if ('fault' in found) return { ...none, fault: found.fault, hasRoot: true }
    const accruable = await this.#accruable(final.epoch, epochsMax)
    const plan = await planRewardClaim(economy, { operator: this.#operator, result: found.result, accruable })
    const lines = plan.lines.filter(({ payableUnits }) => payableUnits > 0n)
    let worth: bigint = owedMicroUsd
    for (const { isMinting, payableUnits } of lines) {
      worth += isMinting ? await this.#worthOf(payableUnits, final.epoch) : payableUnits
    }
    const worthMicroUsd = microUsd(worth)
    return { accruable: plan.accruable, lines, fault: undefined, hasRoot: true, owedMicroUsd, worthMicroUsd }
  }

  /** The lines behind a final root, or why they cannot be had. */
  async #resultOf(final: FinalRoot): Promise<{ readonly result: EpochResult } | { readonly fault: string }> {
    const epoch = epochNumber(final.epoch)
    try {
      const known = await this.#computer.resultOf(epoch, final.evidence)
      const bytes = await this.#computer.components(epoch).load(known.result)
      if (bytes === undefined) return { fault: `the result of epoch ${epoch} cannot be had` }
      if (known.root === final.root) return { result: openResult(bytes) }
      return { fault: `the evidence of epoch ${epoch} gives the root ${known.root}, final is ${final.root}` }
    } catch (error) {
      if (!isSteadError(error) || !isOfDocuments(error.code)) throw error
      return { fault: messageOf(error) }
    }
  }

  /** Epochs of which the cap can rise, and by how much. */
  async #accruable(finalEpoch: number, epochsMax: number): Promise<readonly AccruableEpoch[]> {
    const { economy, store } = this.#ports
    const accruable: AccruableEpoch[] = []
    const from = await this.#cursor()
    let cursor = from
    let isSettled = true
    for (let epoch = Math.max(0, from - EPOCHS_AGAIN); epoch <= finalEpoch; epoch++) {
      if (epoch >= cursor + epochsMax) break
      const sold = await economy.saleOf(epoch)
      const fees = await economy.feesOf(epoch, this.#operator)
      const amount = fees === 0n ? 0n : await economy.accruable(this.#operator, epoch)
      if (amount > 0n) accruable.push({ epoch, tokenUnits: amount })
      isSettled &&= fees === 0n || (sold !== undefined && amount === 0n)
      if (isSettled) cursor = Math.max(cursor, epoch + 1)
    }
    if (cursor !== from) await store.write([put(EPOCH_TABLES.marks, CURSOR_MARK, textBytes(String(cursor)))], 'process')
    return accruable
  }

  /** What tokens were worth in the last sale, however long ago it was; in micro-dollars. */
  async #worthOf(tokenUnits: bigint, finalEpoch: number): Promise<bigint> {
    // All epochs before a sold one are sold, so the newest is found by halving.
    let sale: LotSale | undefined
    let [low, high] = [0, finalEpoch]
    while (low <= high) {
      const middle = Math.floor((low + high) / 2)
      const sold = await this.#ports.economy.saleOf(middle)
      if (sold === undefined) high = middle - 1
      else [sale, low] = [sold, Math.max(middle, sold.lastEpoch) + 1]
    }
    if (sale === undefined || sale.burnedTokenUnits === 0n) return 0n
    return (tokenUnits * sale.feesMicroUsd) / sale.burnedTokenUnits
  }

  async #cursor(): Promise<number> {
    const row = await this.#ports.store.get(EPOCH_TABLES.marks, CURSOR_MARK)
    return row === undefined ? 0 : Number(bytesText(row))
  }
}
