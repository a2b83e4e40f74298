import type { ErasureProfile } from '../erasure/erasure-code.ts'
import { needsRepair } from './readability.ts'

/** A piece, and what its payer thinks of the node that has it. */
export interface PieceOutlook {
  readonly number: number
  /** 0 .. 1: how likely the node is there at a moment soon. */
  readonly availability: number
  /** Not to be had again. */
  readonly isLost: boolean
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
  const there = pieces.filter(({ isLost }) => !isLost)
  const availabilities = there.map(({ availability }) => availability)
  if (!isBegun && !needsRepair(profile, availabilities)) return []
  const has = new Set(there.map(({ number }) => number))
  return Array.from({ length: profile.pieces }, (_, number) => number).filter((number) => !has.has(number))
}
