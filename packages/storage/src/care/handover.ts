import type { Store, StoreOperation } from '@stead/core'
import { concatBytes, equalBytes, hexToBytes, sha256 } from '@stead/protocol'
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
const DIGEST_BYTES = 32
/** In place of the digest of what was told: it may have been, and is told again. */
const NOT_TOLD_YET = new Uint8Array(DIGEST_BYTES)

/** Knows what a caretaker was told of each segment, and tells it what is otherwise now. */
export class Handover {
  readonly #store: Store
  readonly #segments: () => AsyncIterable<HandedPlaces>

  constructor(components: { readonly store: Store; readonly segments: () => AsyncIterable<HandedPlaces> }) {
    this.#store = components.store
    this.#segments = components.segments
  }

  /**
   * Sends what changed since the last time, and at the end that this was all. What was taken is noted after that: it is
   * sent again otherwise.
   * @throws as `send`; CoreError of the store
   */
  async run(send: (part: HandedPart) => Promise<void>): Promise<void> {
    const seen = new Set<string>()
    let waiting: {
      readonly handed: HandedSegment
      readonly key: string
      readonly value: Uint8Array
      readonly isNew: boolean
    }[] = []
    const flush = async (): Promise<void> => {
      // On disk before it is said: a process that ends in between would never take back what it does not keep any more.
      const begun = waiting.flatMap((each) => (each.isNew ? rowOf(each.key, NOT_TOLD_YET, each.handed.reference) : []))
      if (begun.length > 0) await this.#store.write(begun, 'power')
      await send({ put: waiting.map(({ handed }) => handed), drop: [], isComplete: false })
      await this.#store.write(
        waiting.map(({ key, value, handed }) => rowOf(key, value, handed.reference)),
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
      if (known !== undefined && isTold(known, value)) continue
      waiting.push({ handed, key, value, isNew: known === undefined })
      if (waiting.length === HANDED_MAX) await flush()
    }
    if (waiting.length > 0) await flush()
    await this.#drop(send, seen)
    await send({ put: [], drop: [], isComplete: true })
  }

  /**
   * References of the segments that the caretaker was told of and that were not taken back: those that are not kept any
   * more among them. It looks after these until it is told.
   */
  async *told(): AsyncGenerator<Uint8Array> {
    for (let after = ''; ; ) {
      const rows = await this.#store.scan(HANDED_TABLE, { after, limit: PAGE_ROWS })
      for (const { value } of rows) if (value.length > DIGEST_BYTES) yield value.subarray(DIGEST_BYTES)
      const last = rows.at(-1)
      if (last === undefined || rows.length < PAGE_ROWS) return
      after = last.key
    }
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

/** The digest of what was told, and the segment's reference. */
function rowOf(key: string, digest: Uint8Array, reference: Uint8Array): StoreOperation {
  return { kind: 'put', table: HANDED_TABLE, key, value: concatBytes(digest, reference) }
}

/** A row without a reference is of an earlier version: it is told again, and has one then. */
function isTold(row: Uint8Array, digest: Uint8Array): boolean {
  return row.length > DIGEST_BYTES && equalBytes(row.subarray(0, DIGEST_BYTES), digest)
}
