import type { ErasureProfile } from '../erasure/erasure-code.ts'
import { needsRepair, refillAt } from './readability.ts'

/** A piece, and what its payer thinks of the node that has it. */
export interface PieceOutlook {
  readonly number: number
  /** 0 .. 1: how likely the node is there at a moment soon. */
  readonly availability: number
  /** Not to be had again. */
  readonly isLost: boolean
  /** Its node is away for longer than is its habit: made again when the segment is repaired, though it may come back. */
  readonly isOverdue: boolean
}

/**
 * The numbers of the pieces that are to be made again, in their order; none when all is well.
 * @param isBegun a repair that found too few nodes before goes on until the segment is whole
 */
export function planRepair(
  profile: ErasureProfile,
  pieces: readonly PieceOutlook[],
  isBegun: boolean,
): readonly number[] {
  const good = new Set<number>()
  const lost = new Set<number>()
  const availabilities: number[] = []
  for (const { number, availability, isLost, isOverdue } of pieces) {
    if (isLost) lost.add(number)
    else availabilities.push(availability)
    if (!isLost && !isOverdue) good.add(number)
  }
  if (good.size >= profile.pieces) return []
  const isShort = lost.difference(good).size >= refillAt(profile)
  if (!isBegun && !isShort && !needsRepair(profile, good.size, availabilities)) return []
  return Array.from({ length: profile.pieces }, (_, number) => number).filter((number) => !good.has(number))
}
