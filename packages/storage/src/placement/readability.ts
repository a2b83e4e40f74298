import type { ErasureProfile } from '../erasure/erasure-code.ts'

/** A segment that would be unreadable with more than this probability is repaired. */
const UNREADABILITY_MAX = 1e-6
/** Share of the spare pieces without which a segment is repaired however good its nodes are: 30 of 16-of-48, 8 of 4-of-12. */
const SPARE_SHARE = 7 / 16
/** Share of the spare pieces that may be lost for good: with fewer left a segment would stay short until more nodes go. */
const LOST_SHARE = 1 / 4

/**
 * The probability that fewer than `dataPieces` of some nodes are there at a moment, when each is with a probability of its
 * own and none knows of another.
 * @param availabilities 0 .. 1 of each piece's node
 */
export function unreadability(availabilities: readonly number[], dataPieces: number): number {
  // There are so many of those looked at so far; whatever is enough is one case.
  const chances = new Float64Array(dataPieces + 1)
  chances[0] = 1
  for (const availability of availabilities) {
    for (let count = dataPieces; count >= 0; count--) {
      const stays = (chances[count] ?? 0) * (count === dataPieces ? 1 : 1 - availability)
      chances[count] = stays + (count === 0 ? 0 : (chances[count - 1] ?? 0) * availability)
    }
  }
  return chances.subarray(0, dataPieces).reduce((sum, chance) => sum + chance, 0)
}

/** Pieces with which a segment is repaired, and with fewer. */
export function repairAt({ dataPieces, pieces }: ErasureProfile): number {
  return Math.min(pieces - 1, Math.ceil(dataPieces + (pieces - dataPieces) * SPARE_SHARE))
}

/** Pieces that are lost for good with which a segment is repaired however many are left, and with more: 8 of 48, 2 of 12. */
export function refillAt({ dataPieces, pieces }: ErasureProfile): number {
  return Math.max(1, Math.ceil((pieces - dataPieces) * LOST_SHARE))
}

/**
 * Whether a segment that lacks pieces needs repair now.
 * @param good pieces on nodes that are there or not away for longer than usual
 * @param availabilities of all nodes that may have pieces
 */
export function needsRepair(profile: ErasureProfile, good: number, availabilities: readonly number[]): boolean {
  return good <= repairAt(profile) || unreadability(availabilities, profile.dataPieces) > UNREADABILITY_MAX
}
