import type { ErasureProfile } from '../erasure/erasure-code.ts'

/** How many pieces, and how many of them must be kept before a segment is. */
export interface SegmentProfile extends ErasureProfile {
  /** `dataPieces` .. `pieces`; the others are made up for by repair. */
  readonly enough: number
}

/** Names of profiles. */
export type SegmentProfileName = '2-of-3' | '4-of-12' | '16-of-48'

/** The profiles to choose from, by name. The first is for a network of one's own: any two nodes that go take data with them. */
export const SEGMENT_PROFILES: Readonly<Record<SegmentProfileName, SegmentProfile>> = {
  '2-of-3': { dataPieces: 2, pieces: 3, enough: 3 },
  '4-of-12': { dataPieces: 4, pieces: 12, enough: 9 },
  '16-of-48': { dataPieces: 16, pieces: 48, enough: 36 },
}
