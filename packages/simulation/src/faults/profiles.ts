import type { ChainFaults } from '../world/sim-chain.ts'
import type { WireFaults } from '../world/sim-hub.ts'
import type { DiskFaults } from '../world/sim-store.ts'

/** What goes wrong in a world, and how often. Rates are per simulated minute of the whole world, for each ten nodes. */
export interface FaultProfile {
  readonly wires: WireFaults
  readonly disk: DiskFaults
  readonly chain: ChainFaults
  /** Processes that die, and how long they stay away at most. */
  readonly crashes: number
  readonly awayMsMax: number
  /** Share of crashes that are a loss of power: what was not forced to disk may be gone. */
  readonly powerShare: number
  /** Times at which the world falls into two halves that do not hear each other. */
  readonly partitions: number
  /** Links that lose everything in one direction, or hold everything up, for a while. */
  readonly cuts: number
  readonly clogs: number
  /** Endpoints of the chain that go away. */
  readonly outages: number
  /** Disks that refuse writes for a while. */
  readonly badDisks: number
  /** Wall clocks that jump. */
  readonly jumps: number
  /** How long such a state lasts at most. */
  readonly lastsMsMax: number
}

const QUIET: FaultProfile = {
  wires: { jitterMs: 2, lossShare: 0, slowShare: 0 },
  disk: { writeMsMax: 0.5, refusedShare: 0 },
  chain: { answerMsMax: 100, blockMsMax: 2000, lostShare: 0, isDown: false },
  crashes: 0,
  awayMsMax: 20_000,
  powerShare: 0,
  partitions: 0,
  cuts: 0,
  clogs: 0,
  outages: 0,
  badDisks: 0,
  jumps: 0,
  lastsMsMax: 20_000,
}

/** The name of a profile. */
export type ProfileName = 'none' | 'wires' | 'crashes' | 'chain' | 'all'

/** Profiles by name. */
export const PROFILES: Readonly<Record<ProfileName, FaultProfile>> = {
  none: QUIET,
  wires: {
    ...QUIET,
    wires: { jitterMs: 40, lossShare: 0.01, slowShare: 0.02 },
    partitions: 0.1,
    cuts: 0.5,
    clogs: 0.5,
  },
  crashes: { ...QUIET, crashes: 1, powerShare: 0.5 },
  chain: {
    ...QUIET,
    chain: { answerMsMax: 500, blockMsMax: 20_000, lostShare: 0.05, isDown: false },
    outages: 1,
    crashes: 0.2,
    powerShare: 0.5,
  },
  all: {
    ...QUIET,
    wires: { jitterMs: 30, lossShare: 0.005, slowShare: 0.01 },
    disk: { writeMsMax: 2, refusedShare: 0 },
    chain: { answerMsMax: 300, blockMsMax: 8000, lostShare: 0.02, isDown: false },
    crashes: 0.6,
    powerShare: 0.5,
    partitions: 0.1,
    cuts: 0.3,
    clogs: 0.3,
    outages: 0.3,
    badDisks: 0.1,
    jumps: 0.3,
  },
}
