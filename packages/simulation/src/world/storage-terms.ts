import type { SegmentProfile, StorageConsumerInput, StorageProviderInput } from '@stead/storage'
import { BLOCK_BYTES, FRAME_PLAIN_BYTES } from '@stead/storage'
import type { SeededRandom } from '@stead/testkit'

/** A period of a simulated world: several of them are paid in a run of minutes. */
export const PERIOD_SECONDS = 30
/** After so long without a payment a node deletes what it keeps, at least: longer than any fault lasts, shorter than peace. */
export const UNPAID_SECONDS_LEAST = 300
/** The longer faults go on, the more of them come in a row. */
const UNPAID_SECONDS_PER_MINUTE = 30
/** Pieces that nobody agreed on are deleted after so long. */
const PENDING_MS = 30_000
/** After so long a node that does not answer is given up: longer than crashes last. */
export const LOST_AFTER_MS = 90_000
/** The largest objects have some segments of this size. */
export const SEGMENT_PLAIN_BYTES: number = 6 * FRAME_PLAIN_BYTES
/** What is deleted stays readable so long. */
export const GRACE_MS = 5000
/** Segments that no root knows are garbage after so long, by the sweep of a payer. */
export const KEEP_UNFINISHED_MS = 60_000
/** How often a payer sweeps its objects; once a day in a real node. */
export const COLLECT_MS = 60_000
/** A node's share of its disk. */
export const CAPACITY_BYTES: number = 64 * 1024 * 1024
/** A file of the piece logs: small, so that a run fills several and compacts them. */
export const FILE_BYTES_MAX: number = 512 * 1024

const PRICE_LEAST = 5n * 10n ** 11n
const PRICE_MORE = 10 ** 12
const PRICE_MAX = 10n ** 13n
/** Of one node; some hundred periods of what a payer of these worlds keeps. */
const ALLOCATION = 200_000n

/** After so long without a payment a node of a world deletes what it keeps. @param faultMinutes how long faults go on in it */
export function unpaidSecondsMax(faultMinutes: number): number {
  return Math.max(UNPAID_SECONDS_LEAST, Math.ceil(UNPAID_SECONDS_PER_MINUTE * faultMinutes))
}

/** What a node asks for. A mebibyte for a minute costs some dozen micro-dollars, so that nothing is rounded away. */
export function sellingOptions(random: SeededRandom, faultMinutes: number): StorageProviderInput {
  return {
    priceMicroUsdPerTibHour: PRICE_LEAST + BigInt(Math.floor(random.fraction() * PRICE_MORE)),
    periodSecondsMax: PERIOD_SECONDS,
    unpaidSecondsMax: unpaidSecondsMax(faultMinutes),
    runwaySecondsMin: 2 * PERIOD_SECONDS,
    pendingMs: PENDING_MS,
  }
}

/** How a payer looks after what it keeps. */
export const BUYING: StorageConsumerInput = {
  priceMaxMicroUsdPerTibHour: PRICE_MAX,
  allocationMicroUsd: ALLOCATION,
  hasDistinctSubnets: false,
  settleEveryMs: PERIOD_SECONDS * 1000,
  lookEveryMs: 10_000,
  lostAfterMs: LOST_AFTER_MS,
  shunMs: 30_000,
  // Pieces of whole segments come in two or three parts.
  partBytesMax: BLOCK_BYTES,
}

const LARGE_FROM = 10
const MIDDLE_FROM = 6

/** Small enough that each honest provider's death leaves nodes to repair with. @param providers of the world, cheats among them */
export function segmentProfileOf(providers: number): SegmentProfile {
  if (providers >= LARGE_FROM) return { dataPieces: 3, pieces: 7, enough: 5 }
  return providers >= MIDDLE_FROM ? { dataPieces: 2, pieces: 5, enough: 4 } : { dataPieces: 2, pieces: 3, enough: 2 }
}
