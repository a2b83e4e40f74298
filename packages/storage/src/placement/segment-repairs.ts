import { type Hash, hasCode, isSteadError, type Logger, messageOf } from '@stead/core'
import { bytesToHex } from '@stead/protocol'
import type { BoughtNode } from './bought-node.ts'
import type { NetworkSegments, PlacedSegment, RepairWish } from './network-segments.ts'
import type { NodeWatch } from './node-watch.ts'
import { planRepair } from './repair-plan.ts'
import { decodeReference, pieceNameOf } from './segment-reference.ts'
import type { PlacedNumber } from './segment-rows.ts'
import { type PieceStanding, type SegmentStanding, standingOf } from './segment-standing.ts'
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
}

/** A sweep that runs, and how long it waits for more nodes: once there was nobody to be had, not for each segment again. */
type Sweep = { -readonly [Key in keyof RepairSweep]: number } & { waitMs: number | undefined; fault: unknown }

/** Each may have a whole segment in memory; one after the other, a slow node would keep all others waiting. */
const AT_ONCE = 3

/** Finds the segments that need new pieces, and has them made. */
export class SegmentRepairs {
  readonly #components: SegmentRepairsComponents
  /** Nodes and pieces of which they say that they are gone. */
  readonly #lostPieces: Set<string> = new Set()
  /** Segments whose repair had fewer nodes than pieces to make: it goes on until they are full. */
  readonly #unfinished: Set<string> = new Set()
  #sweeping: Promise<unknown> = Promise.resolve()
  readonly #abort: AbortController = new AbortController()

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

  /** Ends the sweep that runs, if any, with the repairs that are under way; what they have made is kept. */
  async stop(): Promise<void> {
    this.#abort.abort()
    await this.#sweeping
  }

  async #sweep(): Promise<RepairSweep> {
    const sums = { repairedSegments: 0, repairedPieces: 0, missingPieces: 0, unrepairedSegments: 0 }
    const sweep: Sweep = { ...sums, waitMs: undefined, fault: undefined }
    const running = new Set<Promise<void>>()
    try {
      for await (const segment of this.#components.segments.all()) {
        if (this.#abort.signal.aborted || sweep.fault !== undefined) break
        const wish = this.#wishOf(segment)
        if (wish === undefined) continue
        if (running.size >= AT_ONCE) await Promise.race(running)
        const repair = this.#repair(segment, wish, sweep).finally(() => running.delete(repair))
        running.add(repair)
      }
    } finally {
      await Promise.all(running)
    }
    const { waitMs: _wait, fault, ...found } = sweep
    if (fault !== undefined) throw fault
    return found
  }

  /** What to make again or move of a segment; undefined when all is well. */
  #wishOf({ reference, placed, profile }: PlacedSegment): (RepairWish & { readonly wanted: number }) | undefined {
    const { nodes } = this.#components
    const { segment } = decodeReference(reference)
    const key = bytesToHex(segment)
    const isGoneFrom = this.lossOf(segment)
    const outlooks = placed.map((each) => this.#outlookOf(each, isGoneFrom))
    const wanted = new Set(planRepair(profile, outlooks, this.#unfinished.has(key)))
    const isLost = (each: PlacedNumber): boolean => wanted.has(each.number) || isGoneFrom(each)
    const isLeaving = ({ node }: PlacedNumber): boolean => nodes.of(node)?.driver.isLeaving === true
    const isNeeded = wanted.size > 0 || placed.some((each) => !isLost(each) && isLeaving(each))
    if (isNeeded) this.#unfinished.add(key)
    else this.#unfinished.delete(key)
    return isNeeded ? { isLost, isLeaving, wanted: wanted.size } : undefined
  }

  #outlookOf({ number, node }: PlacedNumber, isGoneFrom: (placed: PlacedNumber) => boolean): PieceStanding {
    const watch = this.#components.watch()
    return {
      number,
      availability: watch.availability(node),
      isLost: isGoneFrom({ number, node }),
      isOverdue: watch.isOverdue(node),
      isAway: watch.isAway(node),
      givenUpAt: watch.givenUpAt(node),
      lostAt: watch.lostAt(node),
    }
  }

  /** How a segment stands now. */
  standingOf({ reference, placed, profile }: PlacedSegment): SegmentStanding {
    const { segment } = decodeReference(reference)
    const isGoneFrom = this.lossOf(segment)
    const pieces = placed.map((each) => this.#outlookOf(each, isGoneFrom))
    return standingOf(profile, pieces, this.#unfinished.has(bytesToHex(segment)))
  }

  async #repair(
    { reference, profile }: PlacedSegment,
    { wanted, ...wish }: RepairWish & { readonly wanted: number },
    sweep: Sweep,
  ): Promise<void> {
    const { segments, logger } = this.#components
    const { signal } = this.#abort
    try {
      const { madePieces, missingPieces } = await segments.repair(reference, { ...wish, waitMs: sweep.waitMs, signal })
      if (missingPieces === 0) this.#unfinished.delete(bytesToHex(decodeReference(reference).segment))
      else sweep.waitMs = 0
      sweep.repairedSegments += madePieces > 0 ? 1 : 0
      sweep.repairedPieces += madePieces
      sweep.missingPieces += missingPieces
    } catch (error) {
      if (!isSteadError(error)) {
        sweep.fault = error
        return
      }
      if (hasCode(error, 'STORAGE_TOO_FEW_NODES')) sweep.waitMs = 0
      sweep.unrepairedSegments++
      sweep.missingPieces += wanted
      logger.warn('a segment could not be repaired', { pieces: profile.pieces - wanted, error: messageOf(error) })
    }
  }

  /** Which of a segment's pieces are lost, as far as is known here. */
  lossOf(segment: Uint8Array): (placed: PlacedNumber) => boolean {
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
