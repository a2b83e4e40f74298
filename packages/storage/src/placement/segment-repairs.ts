import { type Hash, hasCode, isSteadError, type Logger, messageOf } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import type { BoughtNode } from './bought-node.ts'
import type { NetworkSegments } from './network-segments.ts'
import type { NodeWatch } from './node-watch.ts'
import { planRepair } from './repair-plan.ts'
import { decodeReference, pieceNameOf } from './segment-reference.ts'
import type { PlacedNumber } from './segment-rows.ts'
import type { StorageNodes } from './storage-nodes.ts'

/** What one sweep over all segments did. */
export interface RepairSweep {
  readonly repairedSegments: number
  readonly repairedPieces: number
  /** Of segments that are being repaired: pieces for which there was no node now. */
  readonly missingPieces: number
  /** Segments that need repair and did not get it. */
  readonly unrepairedSegments: number
}

/** What repairs stand on. */
export interface SegmentRepairsComponents {
  readonly nodes: StorageNodes
  readonly segments: NetworkSegments
  readonly watch: () => NodeWatch
  readonly logger: Logger
  /** A sweep of many segments ends early when nobody wants it any more. */
  readonly isWanted: () => boolean
}

/** Finds the segments that need new pieces, and has them made: one after the other, because each may read a whole segment. */
export class SegmentRepairs {
  readonly #components: SegmentRepairsComponents
  /** Nodes and pieces of which they say that they are gone. */
  readonly #lostPieces: Set<string> = new Set()
  /** Segments whose repair had fewer nodes than pieces to make: it goes on until they are full. */
  readonly #unfinished: Set<string> = new Set()
  #sweeping: Promise<unknown> = Promise.resolve()

  constructor(components: SegmentRepairsComponents) {
    this.#components = components
  }

  /** Pieces that a node does not have any more are not paid for any more, and are made again. */
  lose(bought: BoughtNode, pieces: readonly Hash[]): void {
    if (pieces.length === 0) return
    const { logger } = this.#components
    logger.warn('a node lost pieces', { node: bought.node, pieces: pieces.length, first: pieces[0] })
    for (const piece of pieces) this.#lostPieces.add(`${bought.node} ${piece}`)
    bought.drop(pieces)
  }

  /** Looks at all segments, after the sweep that runs now. @throws CoreError STORE_FAILED, STORE_CORRUPT */
  async sweep(): Promise<RepairSweep> {
    const sweep = this.#sweeping.then(() => this.#sweep())
    this.#sweeping = sweep.catch(() => undefined)
    return await sweep
  }

  /** Resolves when no sweep runs. */
  async idle(): Promise<void> {
    await this.#sweeping
  }

  async #sweep(): Promise<RepairSweep> {
    const { nodes, segments, watch, isWanted } = this.#components
    const sums = { repairedSegments: 0, repairedPieces: 0, missingPieces: 0, unrepairedSegments: 0 }
    const isLeaving = ({ node }: PlacedNumber): boolean => nodes.of(node)?.driver.isLeaving === true
    // Once there was nobody to be had, the others are not waited for one by one.
    let waitMs: number | undefined
    for await (const { reference, placed, profile } of segments.all()) {
      if (!isWanted()) break
      const { segment } = decodeReference(reference)
      const isLost = this.#lossOf(segment)
      const key = bytesToHex(segment)
      const outlooks = placed.map((each) => ({
        number: each.number,
        availability: watch().availability(each.node),
        isLost: isLost(each),
        isOverdue: watch().isOverdue(each.node),
      }))
      const wanted = new Set(planRepair(profile, outlooks, this.#unfinished.has(key)))
      const isGone = (each: PlacedNumber): boolean => wanted.has(each.number) || isLost(each)
      const there = placed.filter((each) => !isGone(each))
      if (wanted.size === 0 && !there.some(isLeaving)) {
        this.#unfinished.delete(key)
        continue
      }
      this.#unfinished.add(key)
      try {
        const { madePieces, missingPieces } = await segments.repair(reference, { isLost: isGone, isLeaving, waitMs })
        if (missingPieces === 0) this.#unfinished.delete(key)
        else waitMs = 0
        sums.repairedSegments += madePieces > 0 ? 1 : 0
        sums.repairedPieces += madePieces
        sums.missingPieces += missingPieces
      } catch (error) {
        if (!isSteadError(error)) throw error
        if (hasCode(error, 'STORAGE_TOO_FEW_NODES')) waitMs = 0
        sums.unrepairedSegments++
        sums.missingPieces += wanted.size
        this.#components.logger.warn('a segment could not be repaired', {
          pieces: profile.pieces - wanted.size,
          error: messageOf(error),
        })
      }
    }
    return sums
  }

  #lossOf(segment: Uint8Array): (placed: PlacedNumber) => boolean {
    const { nodes, watch } = this.#components
    return ({ number, node }) => {
      const piece: Hash = pieceNameOf(segment, number)
      // What no agreement names is nobody's duty to keep, whatever the rows say.
      const isAgreed = nodes.of(node)?.driver.set.slotOf(piece) !== undefined
      const name = `${node} ${piece}`
      const isGone = this.#lostPieces.has(name)
      // It may be agreed on again with the same node.
      if (!isAgreed) this.#lostPieces.delete(name)
      return watch().isLost(node) || isGone || !isAgreed
    }
  }
}
