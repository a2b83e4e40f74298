import { type Hash, hash, isSteadError, type Network, type PeerId, type Random, type Store } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import { remoteCodeOf } from '../consumer/remote-code.ts'
import { STORAGE_PROTOCOL, storageReplySchema, storageRequestSchema } from '../messages.ts'
import type { ReadablePiece } from '../placement/read-segment.ts'
import { pieceNameOf, rootOfPiece, type SegmentReference } from '../placement/segment-reference.ts'
import { segmentKey } from '../placement/segment-rows.ts'
import { type PiecePlace, placeOfRow } from '../shares/share-desk.ts'
import type { HandedSegment } from './care-messages.ts'
import { GIVEN_TABLE, givenRowSchema } from './care-rows.ts'

const AUDIT_TIMEOUT_MS = 30_000

/** Where a payer said that its pieces are, and what their nodes say of that. */
export class GivenPieces {
  readonly #store: Store
  readonly #network: Network
  readonly #random: Random
  /** Agreements of the payer's that were met in the rows. */
  readonly #agreements: Map<Hash, PeerId> = new Map()
  /** Those that their nodes do not know any more. */
  readonly #ended: Set<Hash> = new Set()
  /** Pieces of which a node says that they are gone. */
  readonly #lost: Set<string> = new Set()

  constructor(components: { readonly store: Store; readonly network: Network; readonly random: Random }) {
    this.#store = components.store
    this.#network = components.network
    this.#random = components.random
  }

  /** Nodes of the payer's that were met. */
  peers(): ReadonlySet<PeerId> {
    return new Set(this.#agreements.values())
  }

  /** @throws CoreError STORE_FAILED, STORE_FULL */
  async write(segment: Uint8Array, { places }: Pick<HandedSegment, 'places'>): Promise<void> {
    const value = givenRowSchema.encodeMessage({ version: 1, places })
    await this.#store.write([{ kind: 'put', table: GIVEN_TABLE, key: segmentKey(segment), value }], 'process')
    // Where the payer has it now may be where it was lost before.
    for (const { number, agreement } of places) this.#lost.delete(`${agreement} ${pieceNameOf(segment, number)}`)
  }

  async remove(segment: Uint8Array): Promise<void> {
    await this.#store.write([{ kind: 'delete', table: GIVEN_TABLE, key: segmentKey(segment) }], 'process')
  }

  /** @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async of(segment: Uint8Array): Promise<readonly PiecePlace[]> {
    const value = await this.#store.get(GIVEN_TABLE, segmentKey(segment))
    if (value === undefined) return []
    const places = givenRowSchema.decodeMessage(value).places.map(placeOfRow)
    for (const { agreement, peer } of places) this.#agreements.set(agreement, peer)
    return places
  }

  /** Where a segment can be read. */
  async readable(known: SegmentReference): Promise<readonly ReadablePiece[]> {
    return (await this.of(known.segment))
      .filter(({ number }) => number < known.pieces)
      .map((place) => ({
        ...place,
        piece: pieceNameOf(known.segment, place.number),
        root: rootOfPiece(known, place.number),
      }))
  }

  /** Whether the node of a piece said that it does not have it. */
  isLost(segment: Uint8Array, { number, agreement }: PiecePlace): boolean {
    return this.#ended.has(agreement) || this.#lost.has(`${agreement} ${pieceNameOf(segment, number)}`)
  }

  /** Has all nodes show what the payer keeps with them. Who does not answer has said nothing. */
  async audit(): Promise<void> {
    await Promise.all(Array.from(this.#agreements, ([agreement, peer]) => this.#audit(peer, agreement)))
    // Met again in the next round, if anything still is there.
    this.#agreements.clear()
  }

  async #audit(peer: PeerId, agreement: Hash): Promise<void> {
    const payload = storageRequestSchema.encodeMessage({ audit: { agreement, seed: this.#random.bytes(32) } })
    try {
      const answer = await this.#network.request(peer, STORAGE_PROTOCOL, payload, { timeoutMs: AUDIT_TIMEOUT_MS })
      storageReplySchema.decodeMessage(answer)
      this.#ended.delete(agreement)
    } catch (error) {
      if (!isSteadError(error)) throw error
      const code = remoteCodeOf(error)
      if (code === 'STORAGE_AGREEMENT_UNKNOWN') this.#ended.add(agreement)
      const { remotePiece } = error.details
      const isGone = code === 'STORAGE_PIECE_UNKNOWN' || code === 'STORAGE_PIECE_DAMAGED'
      if (isGone && typeof remotePiece === 'string') this.#lost.add(`${agreement} ${hash(remotePiece)}`)
    }
  }
}

/** The key by which a segment is known in memory. */
export function segmentName(segment: Uint8Array): string {
  return bytesToHex(segment)
}
