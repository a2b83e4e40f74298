import type { UnixMs } from '@stead/core'
import type { ErasureProfile } from '../erasure/erasure-code.ts'
import { type PieceOutlook, planRepair } from './repair-plan.ts'

/** A piece, and whether its node answers. */
export interface PieceStanding extends PieceOutlook {
  /** Its node did not answer when it was asked last. */
  readonly isAway: boolean
  /** When its node is not waited for any more if it stays away; undefined while it is there. */
  readonly givenUpAt: UnixMs | undefined
  /** When it is lost for good if its node stays away; undefined while it is there. */
  readonly lostAt: UnixMs | undefined
}

/** What is there of a segment, and when it is made whole again. */
export interface SegmentStanding {
  readonly profile: ErasureProfile
  /** Pieces on nodes that answer. */
  readonly therePieces: number
  /** The next round repairs it. */
  readonly isDue: boolean
  /** When it is repaired if the nodes that are away stay away; undefined when it is due, or is left as it is even then. */
  readonly repairFrom: UnixMs | undefined
}

/** How segments stand, taken together: what must not be overlooked before nodes are lost for good. */
export interface RedundancyReport {
  /** Segments with fewer pieces on nodes that answer than they should have. */
  readonly shortSegments: number
  /** Of these: segments that can lose no more nodes, or cannot be read now. */
  readonly bareSegments: number
  /** Of these: segments that cannot be read now. */
  readonly unreadableSegments: number
  /** Of the short ones: segments that the next round repairs. */
  readonly dueSegments: number
  /** When the first of the other short ones is repaired, if its nodes stay away; undefined when none is. */
  readonly repairFrom: UnixMs | undefined
}

/** @param isBegun see {@link planRepair} */
export function standingOf(
  profile: ErasureProfile,
  pieces: readonly PieceStanding[],
  isBegun: boolean,
): SegmentStanding {
  const therePieces = new Set(pieces.flatMap(({ number, isLost, isAway }) => (isLost || isAway ? [] : [number]))).size
  const isDue = planRepair(profile, pieces, isBegun).length > 0
  return { profile, therePieces, isDue, repairFrom: isDue ? undefined : repairFromOf(profile, pieces) }
}

/** The earliest moment at which so many nodes are given up that a repair begins. */
function repairFromOf(profile: ErasureProfile, pieces: readonly PieceStanding[]): UnixMs | undefined {
  const moments = new Set(pieces.flatMap(({ givenUpAt, lostAt }) => [givenUpAt ?? [], lostAt ?? []].flat()))
  const isRepairedAt = (moment: UnixMs): boolean => {
    const isOver = (at: UnixMs | undefined): boolean => at !== undefined && at <= moment
    const then = pieces.map((piece): PieceOutlook => {
      const { givenUpAt, lostAt, isLost } = piece
      return isOver(givenUpAt)
        ? { ...piece, isOverdue: true, availability: 0, isLost: isLost || isOver(lostAt) }
        : piece
    })
    return planRepair(profile, then, false).length > 0
  }
  return [...moments].sort((one, other) => one - other).find(isRepairedAt)
}

/** Takes segments together. */
export class RedundancySum {
  #short = 0
  #bare = 0
  #unreadable = 0
  #due = 0
  #repairFrom: UnixMs | undefined

  add({ profile: { pieces, dataPieces }, therePieces, isDue, repairFrom }: SegmentStanding): void {
    if (therePieces >= pieces) return
    this.#short++
    if (therePieces <= dataPieces) this.#bare++
    if (therePieces < dataPieces) this.#unreadable++
    if (isDue) this.#due++
    if (repairFrom !== undefined && repairFrom < (this.#repairFrom ?? Number.POSITIVE_INFINITY))
      this.#repairFrom = repairFrom
  }

  get report(): RedundancyReport {
    return {
      shortSegments: this.#short,
      bareSegments: this.#bare,
      unreadableSegments: this.#unreadable,
      dueSegments: this.#due,
      repairFrom: this.#repairFrom,
    }
  }
}
