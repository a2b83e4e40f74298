import { SeededRandom } from '@stead/testkit'
import { PROFILES, type ProfileName } from '../faults/profiles.ts'
import type { WorldPlan } from './world-plan.ts'

/** Profiles in turn; that of storage is left out, so that seeds keep the profiles that they had before there was storage. */
export const MIXED_PROFILES: readonly ProfileName[] = (Object.keys(PROFILES) as readonly ProfileName[]).filter(
  (name) => name !== 'storage',
)
const NODES_MIN = 4
const NODES_MAX = 16
const MINUTES_MIN = 0.25
/** How long faults go on at most in such a world, unless somebody asks for more. */
export const MIXED_MINUTES_MAX = 1.5
/** Worlds with epochs take longer; no divisor of the number of profiles, so that each of these comes to have them. */
export const EPOCHS_EVERY = 13
/** Worlds with storage take longer too, and are others than those with epochs. */
export const STORAGE_EVERY = 11
/** Some worlds are few nodes for half an hour: what piles up, or goes wrong late, is seen there alone. */
export const LONG_EVERY = 37
/** Most nodes of these, and for how long faults go on there. */
export const LONG_NODES_MAX = 6
export const LONG_MINUTES_MIN = 15
export const LONG_MINUTES_MAX = 30
/** An epoch is two minutes: fees must be sold in one for rewards to be paid in the next. */
export const EPOCH_MINUTES_FACTOR = 2
/** Everybody hears everybody's log, so that they cost more with each node. */
const EPOCH_NODES_MAX = 10

/**
 * A small world of its own for each seed: profiles in turn, so that neighbouring seeds cover all, and a size and a time by
 * chance. Small ones find most: more of them fit into an hour, and faults meet more often where there are few nodes.
 * @param options `minutesMax`: the longest that faults go on, twice as long in worlds with epochs; without it some go on for
 *   half an hour
 */
export function mixedPlan(seed: number, options: { readonly minutesMax?: number } = {}): WorldPlan {
  const { minutesMax = MIXED_MINUTES_MAX } = options
  const random = new SeededRandom(seed)
  const within = (min: number, max: number): number => min + random.fraction() * (max - min)
  const profile = MIXED_PROFILES[seed % MIXED_PROFILES.length] ?? 'all'
  if (seed % LONG_EVERY === 0 && options.minutesMax === undefined) {
    const nodes = Math.round(within(NODES_MIN, LONG_NODES_MAX))
    const minutes = Math.round(within(LONG_MINUTES_MIN, LONG_MINUTES_MAX))
    return { seed, nodes, minutes, profile, without: [], hasRealSignatures: false, hasEpochs: false, hasStorage: true }
  }
  const hasEpochs = seed % EPOCHS_EVERY === 0
  const nodes = Math.round(within(NODES_MIN, hasEpochs ? EPOCH_NODES_MAX : NODES_MAX))
  const minutes = within(Math.min(MINUTES_MIN, minutesMax), minutesMax) * (hasEpochs ? EPOCH_MINUTES_FACTOR : 1)
  return {
    seed,
    nodes,
    minutes: Math.round(minutes * 100) / 100,
    profile,
    without: [],
    hasRealSignatures: false,
    hasEpochs,
    hasStorage: seed % STORAGE_EVERY === 0 && !hasEpochs,
  }
}
