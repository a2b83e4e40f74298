import { type MicroUsd, microUsd } from '@stead/core'
import type { CaretakerInput } from '@stead/storage'
import type { SeededRandom } from '@stead/testkit'
import { LOST_AFTER_MS, PERIOD_SECONDS, UNPAID_SECONDS_LEAST, unpaidSecondsMax } from './storage-terms.ts'

/** A payer that was not heard of for so long is away: two of its rounds. */
export const SILENT_MS: number = 2 * PERIOD_SECONDS * 1000
/** A payer that lets its nodes give up everything comes back so long after they may. */
const AFTER_GIVEN_UP_MS = 120_000
/** A payer that is back sooner was away for so long after its caretaker began to make everything again. */
const AFTER_TAKE_OVER_MS = 60_000
/** In the shortest worlds a caretaker has made everything again when a payer was away for so long. */
export const TAKEN_OVER_MS: number = (UNPAID_SECONDS_LEAST * 1000) / 2 + 40_000
const SHARE_PPM_MAX = 400_000
/** Most payers can pay for a day of all that they keep, and one day is more than any run has. */
const AMPLE: CareLimits = { budgetMicroUsd: microUsd(400_000_000n), perDayMicroUsd: microUsd(400_000_000n) }
/** Others give so little that a caretaker may do next to nothing. */
const SCANTY_SHARE = 0.25
const SCANTY_MICRO_USD_MAX = 2000

/** What a payer pays ahead, and what of it may be spent in a day. */
export interface CareLimits {
  readonly budgetMicroUsd: MicroUsd
  readonly perDayMicroUsd: MicroUsd
}

/** How a payer of a world uses a caretaker; fixed for the whole run. */
export interface CarePlan extends CareLimits {
  /** How long it stays away. */
  readonly awayMs: number
  /** Its nodes give up what they keep for it meanwhile: all is with its caretaker. */
  readonly isGivenUp: boolean
  /** It dies when it has told half, and comes back once more. */
  readonly diesHalfway: boolean
}

/** What a caretaker asks for, and the times by which it goes, in proportion to those of the nodes. */
export function caringOptions(random: SeededRandom, faultMinutes: number): CaretakerInput {
  const unpaidMs = unpaidSecondsMax(faultMinutes) * 1000
  return {
    sharePpm: Math.floor(random.fraction() * SHARE_PPM_MAX),
    roundEveryMs: 10_000,
    lookEveryMs: 10_000,
    // Less often than payers, and within what nodes take for one period.
    settleEveryMs: (PERIOD_SECONDS * 1000 * 5) / 6,
    absentAfterMs: SILENT_MS,
    takeOverAfterMs: unpaidMs / 2,
    givenUpAfterMs: unpaidMs,
    lostAfterMs: LOST_AFTER_MS,
  }
}

/** Draws how a payer uses its caretaker. Who has nobody that could keep all is not away for too long. */
export function drawCarePlan(random: SeededRandom, faultMinutes: number): CarePlan {
  const unpaidMs = unpaidSecondsMax(faultMinutes) * 1000
  const isScanty = random.fraction() < SCANTY_SHARE
  const isGivenUp = random.fraction() < 0.5 && !isScanty
  const perDayMicroUsd = microUsd(1n + BigInt(Math.floor(random.fraction() * SCANTY_MICRO_USD_MAX)))
  return {
    ...(isScanty ? { ...AMPLE, perDayMicroUsd } : AMPLE),
    isGivenUp,
    awayMs: isGivenUp ? unpaidMs + AFTER_GIVEN_UP_MS : unpaidMs / 2 + AFTER_TAKE_OVER_MS,
    diesHalfway: random.fraction() < 0.5,
  }
}
