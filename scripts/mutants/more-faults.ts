import type { FaultProfile } from '@stead/simulation'

/** Crashes, one after the other. Plain data: this file must not load what a mutant changes. */
const CRASHES = { crashes: 8, awayMsMax: 4000 } as const

/** Processes that die, and keep what they wrote. */
export const KILLS: Partial<FaultProfile> = { ...CRASHES, powerShare: 0 }
/** Machines that lose their power, and what their disks were not forced to keep. */
export const POWER_LOSSES: Partial<FaultProfile> = { ...CRASHES, powerShare: 1 }
/** A chain on which every transaction waits, so that much can happen before it is in a block. */
export const SLOW_BLOCKS: Partial<FaultProfile> = {
  chain: { answerMsMax: 500, blockMsMax: 20_000, lostShare: 0, isDown: false, isBehind: false },
}
/** A chain that takes transactions, and whose answers do not come back. */
export const LOST_ANSWERS: Partial<FaultProfile> = {
  chain: { answerMsMax: 500, blockMsMax: 5000, lostShare: 0.2, isDown: false, isBehind: false },
}
/** Wires that lose and delay far more than usual, so that answers come too late or never. */
export const BAD_WIRES: Partial<FaultProfile> = {
  wires: { jitterMs: 200, lossShare: 0.05, slowShare: 0.1, repeatShare: 0.05 },
}
