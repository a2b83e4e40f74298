import { type Hash, isSteadError, type Logger, messageOf } from '@stead/core'
import { addressOfPeerId } from '@stead/protocol'
import type { BoughtNode } from '../placement/bought-node.ts'
import type { KeptElsewhere, NetworkSegments, PlacedSegment } from '../placement/network-segments.ts'
import type { NodeWatch } from '../placement/node-watch.ts'
import { type PieceOutlook, planRepair } from '../placement/repair-plan.ts'
import { decodeReference, pieceNameOf, type SegmentReference } from '../placement/segment-reference.ts'
import type { PlacedNumber } from '../placement/segment-rows.ts'
import type { StorageNodes } from '../placement/storage-nodes.ts'
import { pieceBytesOf } from '../segment/segment-layout.ts'
import type { PiecePlace } from '../shares/share-desk.ts'
import { type GivenPieces, segmentName } from './given-pieces.ts'

/** What a {@link WardRepair} stands on. */
export interface WardRepairComponents {
  readonly segments: NetworkSegments
  readonly nodes: StorageNodes
  readonly given: GivenPieces
  readonly logger: Logger
  readonly watch: () => NodeWatch
  /** Whether the budget allows to keep so many bytes more. */
  readonly mayKeep: (moreBytes: number) => boolean
}

/** What is to be thought of the payer's own agreements. */
export interface PayerOutlook {
  /** It has not paid for so long that they will end. */
  readonly isOverdue: boolean
  /** They have ended. */
  readonly isGivenUp: boolean
}

/** What one round of repairs did. */
export interface WardRepaired {
  readonly madePieces: number
  /** Segments that need repair and did not get it. */
  readonly unrepairedSegments: number
}

/** A segment's pieces as they are judged: each number once, where it is best. */
interface SegmentOutlook {
  readonly known: SegmentReference
  readonly pieces: readonly PieceOutlook[]
  readonly given: readonly PiecePlace[]
}

/** Repairs a ward's segments: what its payer's nodes have is good as long as they will keep it, the rest is made here. */
export class WardRepair {
  readonly #components: WardRepairComponents
  /** Nodes of the ward's and pieces of which they say that they are gone. */
  readonly #lostPieces: Set<string> = new Set()
  /** Segments whose repair had fewer nodes than pieces to make: it goes on until they are full. */
  readonly #unfinished: Set<string> = new Set()

  constructor(components: WardRepairComponents) {
    this.#components = components
  }

  /** Pieces that a node of the ward's does not have any more. */
  lose(bought: BoughtNode, pieces: readonly Hash[]): void {
    if (pieces.length === 0) return
    for (const piece of pieces) this.#lostPieces.add(`${bought.node} ${piece}`)
    bought.drop(pieces)
  }

  /** Looks at every segment, and repairs those that need it. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async run(payer: PayerOutlook): Promise<WardRepaired> {
    let [madePieces, unrepairedSegments] = [0, 0]
    for await (const segment of this.#components.segments.all()) {
      try {
        const made = await this.#repair(segment, payer)
        madePieces += made.madePieces
        unrepairedSegments += made.unrepairedSegments
      } catch (error) {
        if (!isSteadError(error)) throw error
        unrepairedSegments++
        this.#components.logger.warn('a segment that is looked after could not be repaired', {
          error: messageOf(error),
        })
      }
    }
    return { madePieces, unrepairedSegments }
  }

  async #repair(segment: PlacedSegment, payer: PayerOutlook): Promise<WardRepaired> {
    const { segments, nodes, logger } = this.#components
    const { known, pieces, given } = await this.#outlookOf(segment, payer)
    const key = segmentName(known.segment)
    const wanted = new Set(planRepair(known, pieces, this.#unfinished.has(key)))
    const isGone = (placed: PlacedNumber): boolean => wanted.has(placed.number) || this.#isLost(known, placed)
    const isLeaving = ({ node }: PlacedNumber): boolean => nodes.of(node)?.driver.isLeaving === true
    const here = segment.placed.filter((placed) => !isGone(placed))
    const isMoving = here.some(isLeaving)
    if (wanted.size === 0 && !isMoving) {
      this.#unfinished.delete(key)
      return { madePieces: 0, unrepairedSegments: 0 }
    }
    this.#unfinished.add(key)
    if (!this.#components.mayKeep(wanted.size * pieceBytesOf(known.plainBytes, known.dataPieces))) {
      logger.warn('the budget of a payer that is looked after is too small for a repair', { pieces: wanted.size })
      return { madePieces: 0, unrepairedSegments: 1 }
    }
    const others = this.#others(given, { wanted, here })
    const done = await segments.repair(segment.reference, { isLost: isGone, isLeaving, others })
    if (done.missingPieces === 0) this.#unfinished.delete(key)
    return { madePieces: done.madePieces, unrepairedSegments: done.madePieces === 0 ? 1 : 0 }
  }

  async #outlookOf({ reference, placed }: PlacedSegment, payer: PayerOutlook): Promise<SegmentOutlook> {
    const known = decodeReference(reference)
    const watch = this.#components.watch()
    const given = await this.#components.given.of(known.segment)
    const pieces = new Map<number, PieceOutlook>()
    for (const place of given) {
      const node = addressOfPeerId(place.peer)
      const isLost = payer.isGivenUp || watch.isLost(node) || this.#components.given.isLost(known.segment, place)
      const isOverdue = payer.isOverdue || watch.isOverdue(node)
      pieces.set(place.number, { number: place.number, availability: watch.availability(node), isLost, isOverdue })
    }
    for (const { number, node } of placed) {
      const isLost = this.#isLost(known, { number, node })
      const own = { number, availability: watch.availability(node), isLost, isOverdue: watch.isOverdue(node) }
      if (worthOf(own) >= worthOf(pieces.get(number))) pieces.set(number, own)
    }
    return { known, pieces: [...pieces.values()], given }
  }

  /** Good pieces of the payer's: they are not made here, and their nodes get no other one of the segment. */
  #others(
    given: readonly PiecePlace[],
    { wanted, here }: { readonly wanted: ReadonlySet<number>; readonly here: readonly PlacedNumber[] },
  ): KeptElsewhere {
    const own = new Set(here.map(({ number }) => number))
    const good = given.filter(({ number }) => !wanted.has(number) && !own.has(number))
    return {
      numbers: new Set(good.map(({ number }) => number)),
      nodes: good.map(({ peer }) => this.#components.nodes.factsOf(peer)),
    }
  }

  #isLost({ segment }: SegmentReference, { number, node }: PlacedNumber): boolean {
    const piece = pieceNameOf(segment, number)
    const isAgreed = this.#components.nodes.of(node)?.driver.set.slotOf(piece) !== undefined
    const name = `${node} ${piece}`
    const isGone = this.#lostPieces.has(name)
    // It may be agreed on again with the same node.
    if (!isAgreed) this.#lostPieces.delete(name)
    return this.#components.watch().isLost(node) || isGone || !isAgreed
  }
}

function worthOf(piece: PieceOutlook | undefined): number {
  if (piece === undefined || piece.isLost) return 0
  return piece.isOverdue ? 1 : 2
}
