import { type Address, type MicroUsd, microUsd, type PeerId, type Store, type StoreOperation } from '@stead/core'
import { WARDS_TABLE, type WardRow, wardRowSchema } from './care-rows.ts'

const DAY_MS = 86_400_000

/** What a caretaker has agreed on with one payer, on disk. */
export class WardBook {
  readonly payer: Address
  readonly #store: Store
  #row: WardRow

  constructor(store: Store, payer: Address, row: WardRow) {
    this.#store = store
    this.payer = payer
    this.#row = row
  }

  get row(): WardRow {
    return this.#row
  }

  get peer(): PeerId {
    return this.#row.peer as PeerId
  }

  /** @param rows written with it, together or not at all @throws CoreError STORE_FAILED, STORE_FULL */
  async write(row: WardRow, rows: readonly StoreOperation[] = []): Promise<void> {
    const key = this.payer
    const value = wardRowSchema.encodeMessage(row)
    const before = this.#row
    this.#row = row
    try {
      await this.#store.write([{ kind: 'put', table: WARDS_TABLE, key, value }, ...rows], 'power')
    } catch (error) {
      if (this.#row === row) this.#row = before
      throw error
    }
  }

  /** Changes some of it. @throws as {@link write} */
  async change(change: Partial<WardRow>): Promise<void> {
    await this.write({ ...this.#row, ...change })
  }

  /** The most that may be spent until a moment: so much a day that was begun, and never more than was paid ahead. */
  limitMicroUsd(paidAheadMicroUsd: MicroUsd, nowMs: number): MicroUsd {
    const { perDayMicroUsd, appointedAt } = this.#row
    const limit = perDayLimit(perDayMicroUsd, nowMs - appointedAt)
    return limit < paidAheadMicroUsd ? limit : paidAheadMicroUsd
  }
}

/** What a limit for a day allows in some time: the day that was begun counts whole. */
export function perDayLimit(perDayMicroUsd: MicroUsd, sinceMs: number): MicroUsd {
  return microUsd(perDayMicroUsd * BigInt(1 + Math.max(0, Math.floor(sinceMs / DAY_MS))))
}
