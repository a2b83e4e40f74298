import { type Clock, POSSESSION_REVISION_SECONDS_MAX, type Store, type UnixMs } from '@stead/core'
import { defineSchema, type Schema, timeField, uintField } from '@stead/protocol'
import type { Agreement } from '../agreement/agreement.ts'
import { amountOf } from '../meter.ts'

/** What a node had when its operator said that it leaves. */
interface LeavingRow {
  readonly since: UnixMs
  readonly pieces: number
  readonly bytes: number
}

const rowSchema: Schema<LeavingRow> = defineSchema<LeavingRow>('StorageLeaving', 64, {
  since: [1, timeField],
  pieces: [2, uintField()],
  bytes: [3, uintField()],
})

/** `leaving` -> LeavingRow; without it the node stays */
const LEAVING_TABLE = 'storage-leaving'
const KEY = 'leaving'
const SECOND_MS = 1000
/** Longest time to answer a challenge that a deployment may give, in seconds. */
const ANSWER_SECONDS_MAX = 3 * 86_400

/** How far a node that leaves has come. */
export interface LeavingProgress {
  readonly since: UnixMs
  readonly piecesAtFirst: number
  readonly bytesAtFirst: number
  readonly piecesLeft: number
  readonly bytesLeft: number
  /** Agreements about pieces, or with something to pay. */
  readonly agreementsLeft: number
  /** By the pace so far; missing before anything was handed over, and when all is. */
  readonly leftMs?: number
  /**
   * Until then somebody may ask on chain about an old revision that still named pieces; a node with stake stays up to show the
   * later one. Missing until all is handed over.
   */
  readonly answerableUntil?: UnixMs
}

/** Whether a node hands its pieces over because its operator wants to go; kept over restarts. */
export class Leaving {
  readonly #store: Store
  readonly #clock: Clock
  #row: LeavingRow | undefined

  constructor({ store, clock }: { readonly store: Store; readonly clock: Clock }) {
    this.#store = store
    this.#clock = clock
  }

  get isLeaving(): boolean {
    return this.#row !== undefined
  }

  /** @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async load(): Promise<void> {
    const value = await this.#store.get(LEAVING_TABLE, KEY)
    this.#row = value === undefined ? undefined : rowSchema.decodeMessage(value)
  }

  /** Begins; again is no work. @throws CoreError STORE_FAILED, STORE_FULL */
  async begin(agreements: Iterable<Agreement>): Promise<void> {
    if (this.#row !== undefined) return
    let [pieces, bytes] = [0, 0]
    for (const agreement of agreements) {
      pieces += agreement.pieces
      bytes += agreement.bytes
    }
    const row = { since: this.#clock.now(), pieces, bytes }
    await this.#store.write(
      [{ kind: 'put', table: LEAVING_TABLE, key: KEY, value: rowSchema.encodeMessage(row) }],
      'power',
    )
    this.#row = row
  }

  /** The operator has thought better of it. @throws CoreError STORE_FAILED */
  async cancel(): Promise<void> {
    await this.#store.write([{ kind: 'delete', table: LEAVING_TABLE, key: KEY }], 'power')
    this.#row = undefined
  }

  /** Undefined while the node stays. */
  progress(agreements: Iterable<Agreement>): LeavingProgress | undefined {
    const row = this.#row
    if (row === undefined) return undefined
    let [piecesLeft, bytesLeft, agreementsLeft, lastSecond] = [0, 0, 0, 0]
    for (const { pieces, bytes, dueByteSeconds, priceMicroUsdPerTibHour, atSecond } of agreements) {
      piecesLeft += pieces
      bytesLeft += bytes
      if (pieces > 0 || amountOf(priceMicroUsdPerTibHour, dueByteSeconds) > 0n) agreementsLeft++
      lastSecond = Math.max(lastSecond, atSecond)
    }
    const { since, pieces: piecesAtFirst, bytes: bytesAtFirst } = row
    const figures = { since, piecesAtFirst, bytesAtFirst, piecesLeft, bytesLeft, agreementsLeft }
    if (agreementsLeft === 0) {
      const until =
        Math.max(lastSecond * SECOND_MS, 0) + (POSSESSION_REVISION_SECONDS_MAX + ANSWER_SECONDS_MAX) * SECOND_MS
      return { ...figures, answerableUntil: (lastSecond === 0 ? since : until) as UnixMs }
    }
    const movedBytes = bytesAtFirst - bytesLeft
    if (movedBytes <= 0) return figures
    return { ...figures, leftMs: Math.round(((this.#clock.now() - since) * bytesLeft) / movedBytes) }
  }
}
