import { type Address, type Clock, isSteadError, type Logger, messageOf, type Network, type PeerId } from '@stead/core'
import type { Elsewhere } from '../placement/read-anywhere.ts'
import type { ReadablePiece } from '../placement/read-segment.ts'
import { pieceNameOf, rootOfPiece, type SegmentReference } from '../placement/segment-reference.ts'
import { placeOfRow } from '../shares/share-desk.ts'
import { CARE_PROTOCOL, careReplySchema, careRequestSchema } from './care-messages.ts'
import { careKey } from './care-terms.ts'

/** What {@link CarePlaces} stand on. */
export interface CarePlacesComponents {
  readonly network: Network
  readonly clock: Clock
  readonly logger: Logger
  /** Known without asking the network. @default nobody */
  readonly caretakerOf?: (payer: Address) => PeerId | undefined
}

/** Of those that say that they look after a payer's segments, so many are asked. */
const ASKED_MAX = 4
const FIND_TIMEOUT_MS = 5000
const ASK_TIMEOUT_MS = 10_000
/** A payer's caretakers are looked for again after so long. */
const KNOWN_MS = 60_000
/** Payers whose caretakers are remembered. */
const PAYERS_MAX = 256

interface Known {
  readonly atMs: number
  readonly peers: Promise<readonly PeerId[]>
}

/** Finds pieces that a payer's caretaker keeps, for whoever has the reference of a segment: the payer itself included. */
export class CarePlaces {
  readonly #components: CarePlacesComponents
  readonly #known: Map<Address, Known> = new Map()

  constructor(components: CarePlacesComponents) {
    this.#components = components
  }

  /** What each caretaker says, one list for each that knows the segment. */
  readonly elsewhere: Elsewhere = async (known) => {
    const peers = await this.#caretakersOf(known.payer)
    const lists = await Promise.all(peers.map((peer) => this.#ask(peer, known)))
    return lists.filter((list) => list.length > 0)
  }

  async #caretakersOf(payer: Address): Promise<readonly PeerId[]> {
    const own = this.#components.caretakerOf?.(payer)
    const found = await this.#found(payer)
    return [...new Set([...(own === undefined ? [] : [own]), ...found])].slice(0, ASKED_MAX)
  }

  async #found(payer: Address): Promise<readonly PeerId[]> {
    const { network, clock } = this.#components
    const nowMs = clock.monotonicMs()
    const known = this.#known.get(payer)
    if (known !== undefined && nowMs - known.atMs < KNOWN_MS) return await known.peers
    const peers = network
      .findProviders(careKey(payer), ASKED_MAX, FIND_TIMEOUT_MS)
      .then((list) => list.filter((peer) => peer !== network.self))
    this.#known.set(payer, { atMs: nowMs, peers })
    for (const other of this.#known.keys()) if (this.#known.size > PAYERS_MAX) this.#known.delete(other)
    try {
      return await peers
    } catch (error) {
      this.#known.delete(payer)
      if (!isSteadError(error)) throw error
      return []
    }
  }

  async #ask(peer: PeerId, known: SegmentReference): Promise<readonly ReadablePiece[]> {
    const { network, logger } = this.#components
    const { segment } = known
    try {
      const payload = careRequestSchema.encodeMessage({ places: { segment } })
      const answer = await network.request(peer, CARE_PROTOCOL, payload, { timeoutMs: ASK_TIMEOUT_MS })
      const { places } = careReplySchema.decodeMessage(answer)
      return places
        .map(placeOfRow)
        .filter(({ number }) => number < known.pieces)
        .map((place) => ({
          ...place,
          piece: pieceNameOf(segment, place.number),
          root: rootOfPiece(known, place.number),
        }))
    } catch (error) {
      if (!isSteadError(error)) throw error
      logger.info('a caretaker does not say where pieces are', { peer, error: messageOf(error) })
      return []
    }
  }
}
