import type { Store, StoreOperation } from '@stead/core'
import { equalBytes, hexToBytes, sha256 } from '@stead/protocol'
import { decodeReference } from '../placement/segment-reference.ts'
import { segmentKey } from '../placement/segment-rows.ts'
import { type PiecePlace, placeRowOf } from '../shares/share-desk.ts'
import { DROPPED_MAX, HANDED_MAX, type HandedSegment, handedSegmentSchema } from './care-messages.ts'
import { HANDED_TABLE } from './care-rows.ts'

/** A segment and where its pieces are, as it is handed over. */
export interface HandedPlaces {
  readonly reference: Uint8Array
  readonly places: readonly PiecePlace[]
}

/** What one message hands over. */
export interface HandedPart {
  readonly put: readonly HandedSegment[]
  readonly drop: readonly Uint8Array[]
  readonly isComplete: boolean
}

const PAGE_ROWS = 512

/** Knows what a caretaker was told of each segment, and tells it what is otherwise now. */
export class Handover {
  readonly #store: Store
  readonly #segments: () => AsyncIterable<HandedPlaces>

  constructor(components: { readonly store: Store; readonly segments: () => AsyncIterable<HandedPlaces> }) {
    this.#store = components.store
    this.#segments = components.segments
  }

  /**
   * Sends what changed since the last time, and at the end that this was all. What was taken is noted after that: it is sent again otherwise.
   * @throws as `send`; CoreError of the store
   */
  async run(send: (part: HandedPart) => Promise<void>): Promise<void> {
    const seen = new Set<string>()
    let waiting: { readonly handed: HandedSegment; readonly row: StoreOperation }[] = []
    const flush = async (): Promise<void> => {
      await send({ put: waiting.map(({ handed }) => handed), drop: [], isComplete: false })
      await this.#store.write(
        waiting.map(({ row }) => row),
        'process',
      )
      waiting = []
    }
    for await (const { reference, places } of this.#segments()) {
      const key = segmentKey(decodeReference(reference).segment)
      seen.add(key)
      const sorted = places.toSorted((left, right) => left.number - right.number)
      const handed = { reference, places: sorted.map(placeRowOf) }
      const value = sha256(handedSegmentSchema.encodeMessage(handed))
      const known = await this.#store.get(HANDED_TABLE, key)
      if (known !== undefined && equalBytes(known, value)) continue
      waiting.push({ handed, row: { kind: 'put', table: HANDED_TABLE, key, value } })
      if (waiting.length === HANDED_MAX) await flush()
    }
    if (waiting.length > 0) await flush()
    await this.#drop(send, seen)
    await send({ put: [], drop: [], isComplete: true })
  }

  /** Another caretaker knows nothing yet. */
  async forget(): Promise<void> {
    for (let keys = await this.#keys(''); keys.length > 0; keys = await this.#keys('')) await this.#remove(keys)
  }

  async #drop(send: (part: HandedPart) => Promise<void>, seen: ReadonlySet<string>): Promise<void> {
    for (let after = ''; ; ) {
      const keys = await this.#keys(after)
      const gone = keys.filter((key) => !seen.has(key))
      if (gone.length > 0) {
        await send({ put: [], drop: gone.map((key) => hexToBytes(`0x${key}`)), isComplete: false })
        await this.#remove(gone)
      }
      const last = keys.at(-1)
      if (last === undefined || keys.length < PAGE_ROWS) return
      after = last
    }
  }

  async #keys(after: string): Promise<readonly string[]> {
    const rows = await this.#store.scan(HANDED_TABLE, { after, limit: Math.min(PAGE_ROWS, DROPPED_MAX) })
    return rows.map(({ key }) => key)
  }

  async #remove(keys: readonly string[]): Promise<void> {
    await this.#store.write(
      keys.map((key) => ({ kind: 'delete', table: HANDED_TABLE, key })),
      'process',
    )
  }
}
