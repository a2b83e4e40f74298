import {
  type Address,
  type FinalRoot,
  isSteadError,
  type LotSale,
  type MicroUsd,
  messageOf,
  microUsd,
} from '@stead/core'
import { type EpochResult, epochNumber, openResult, type ResultLine } from '@stead/rewards'
import { isOfDocuments } from './document-faults.ts'
import type { EpochComputer } from './epoch-computer.ts'
import { bytesText, EPOCH_TABLES, put, textBytes } from './epoch-tables.ts'
import type { EpochPorts } from './ports.ts'

/** What can be brought to an operator now. */
export interface Claimable {
  /** Epochs for which the cap can rise. */
  readonly epochs: readonly number[]
  readonly lines: readonly ResultLine[]
  /** The result of the final root; undefined without one, or when its lines cannot be had. */
  readonly result: EpochResult | undefined
  /** Why there is a final root and no lines of it; undefined otherwise. */
  readonly fault: string | undefined
  readonly hasRoot: boolean
  readonly owedMicroUsd: MicroUsd
  readonly worthMicroUsd: MicroUsd
}

const EPOCHS_PER_LOOK_MAX = 32
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
  async find(): Promise<Claimable> {
    const { economy, chain } = this.#ports
    const [final, owedMicroUsd] = await Promise.all([economy.finalRoot(), chain.owedMicroUsd(this.#operator)])
    const none = { epochs: [], lines: [], result: undefined, owedMicroUsd, worthMicroUsd: owedMicroUsd }
    if (final === undefined) return { ...none, fault: undefined, hasRoot: false }
    const found = await this.#resultOf(final)
    // What the Escrow owes needs no root, whatever is the matter with it.
    if ('fault' in found) return { ...none, fault: found.fault, hasRoot: true }
    const accrual = await this.#accruable(final.epoch)
    const lines: ResultLine[] = []
    let worth: bigint = owedMicroUsd
    for (const line of found.result.lines) {
      if (line.operator !== this.#operator || line.cumulativeUnits === 0n) continue
      const { source, paid, available } = await economy.rewardOf(line.program, this.#operator)
      const limit = source === 'minted' ? available + accrual.tokenUnits : available
      const due = least(line.cumulativeUnits - paid, limit)
      if (due <= 0n) continue
      lines.push(line)
      worth += source === 'minted' ? await this.#worthOf(due, final.epoch) : due
    }
    const { result } = found
    const worthMicroUsd = microUsd(worth)
    return { epochs: accrual.epochs, lines, result, fault: undefined, hasRoot: true, owedMicroUsd, worthMicroUsd }
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

  /** Epochs of which the cap can rise, and by how much together. */
  async #accruable(finalEpoch: number): Promise<{ readonly epochs: readonly number[]; readonly tokenUnits: bigint }> {
    const { economy, store } = this.#ports
    const epochs: number[] = []
    let tokenUnits = 0n
    const from = await this.#cursor()
    let cursor = from
    let isSettled = true
    for (let epoch = Math.max(0, from - EPOCHS_AGAIN); epoch <= finalEpoch; epoch++) {
      if (epoch >= from + EPOCHS_PER_LOOK_MAX) break
      const sold = await economy.saleOf(epoch)
      const fees = await economy.feesOf(epoch, this.#operator)
      const amount = fees === 0n ? 0n : await economy.accruable(this.#operator, epoch)
      if (amount > 0n) {
        epochs.push(epoch)
        tokenUnits += amount
      }
      isSettled &&= fees === 0n || (sold !== undefined && amount === 0n)
      if (isSettled) cursor = Math.max(cursor, epoch + 1)
    }
    if (cursor !== from) await store.write([put(EPOCH_TABLES.marks, CURSOR_MARK, textBytes(String(cursor)))], 'process')
    return { epochs, tokenUnits }
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

/** Math.min knows no big integers. */
function least(left: bigint, right: bigint): bigint {
  return left > right ? right : left
}
