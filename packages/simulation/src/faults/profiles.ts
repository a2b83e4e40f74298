import type { CheatName } from '../byzantine/cheats.ts'
import type { ChainFaults } from '../world/sim-chain.ts'
import type { WireFaults } from '../world/sim-hub.ts'
import type { DiskFaults } from '../world/sim-store.ts'

/**
 * What goes wrong in a world, and how often. Rates are per simulated minute of the whole world, for each ten nodes; of
 * what comes to the chain, whatever the number of nodes.
 */
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
  /** Times at which some nodes are not heard by the others, and hear them. */
  readonly silences: number
  /** Links that lose everything in one direction, or hold everything up, for a while. */
  readonly cuts: number
  readonly clogs: number
  /** Endpoints of the chain that go away. */
  readonly outages: number
  /** Endpoints that show the chain some blocks behind, all the time or with every other answer. */
  readonly lags: number
  /** Other forks of the chain that win: up to four blocks are undone. */
  readonly reorgs: number
  /** Gas that becomes dear for a while, up to a thousand times. */
  readonly gasSpikes: number
  /** Accounts that have no gas for a while. */
  readonly gasDrains: number
  /** Disks that refuse writes for a while, take seconds for each, or have no more room. */
  readonly badDisks: number
  readonly slowDisks: number
  readonly fullDisks: number
  /** Rows on disks whose bytes rot, until the operator puts a backup back. */
  readonly rottenRows: number
  /** Pieces on disks of which a bit flips, for good. */
  readonly rottenPieces: number
  /** Wall clocks that jump. */
  readonly jumps: number
  /** How long such a state lasts at most. */
  readonly lastsMsMax: number
  /** Share of nodes that cheat, each in one way for the whole run. */
  readonly byzantineShare: number
  /** Share of the worlds with storage in which some nodes sell care, and payers go away. */
  readonly careShare: number
  /** The ways to cheat that occur. @default all */
  readonly cheats?: readonly CheatName[]
}

const QUIET: FaultProfile = {
  wires: { jitterMs: 2, lossShare: 0, slowShare: 0, repeatShare: 0 },
  disk: { writeMsMax: 0.5, refusedShare: 0, isFull: false },
  chain: { answerMsMax: 100, blockMsMax: 2000, lostShare: 0, isDown: false, isBehind: false },
  crashes: 0,
  awayMsMax: 20_000,
  powerShare: 0,
  partitions: 0,
  silences: 0,
  cuts: 0,
  clogs: 0,
  outages: 0,
  lags: 0,
  reorgs: 0,
  gasSpikes: 0,
  gasDrains: 0,
  badDisks: 0,
  slowDisks: 0,
  fullDisks: 0,
  rottenRows: 0,
  rottenPieces: 0,
  jumps: 0,
  lastsMsMax: 20_000,
  byzantineShare: 0,
  careShare: 0.25,
}

/** The name of a profile. */
export type ProfileName = 'none' | 'wires' | 'crashes' | 'disks' | 'chain' | 'byzantine' | 'all' | 'storage'

/** Profiles by name. */
export const PROFILES: Readonly<Record<ProfileName, FaultProfile>> = withStorage({
  none: QUIET,
  wires: {
    ...QUIET,
    wires: { jitterMs: 40, lossShare: 0.01, slowShare: 0.02, repeatShare: 0.05 },
    partitions: 0.1,
    silences: 0.3,
    cuts: 0.5,
    clogs: 0.5,
  },
  crashes: { ...QUIET, crashes: 1, powerShare: 0.5 },
  disks: {
    ...QUIET,
    badDisks: 0.5,
    slowDisks: 0.5,
    fullDisks: 0.5,
    rottenRows: 0.5,
    crashes: 0.5,
    powerShare: 0.5,
  },
  chain: {
    ...QUIET,
    chain: { answerMsMax: 500, blockMsMax: 20_000, lostShare: 0.05, isDown: false, isBehind: false },
    outages: 1,
    lags: 1,
    reorgs: 2,
    gasSpikes: 0.5,
    gasDrains: 0.5,
    crashes: 0.2,
    powerShare: 0.5,
  },
  byzantine: { ...QUIET, byzantineShare: 0.35 },
  all: {
    ...QUIET,
    wires: { jitterMs: 30, lossShare: 0.005, slowShare: 0.01, repeatShare: 0.02 },
    disk: { writeMsMax: 2, refusedShare: 0, isFull: false },
    chain: { answerMsMax: 300, blockMsMax: 8000, lostShare: 0.02, isDown: false, isBehind: false },
    crashes: 0.6,
    powerShare: 0.5,
    partitions: 0.1,
    silences: 0.1,
    cuts: 0.3,
    clogs: 0.3,
    outages: 0.3,
    lags: 0.3,
    reorgs: 0.5,
    gasSpikes: 0.2,
    gasDrains: 0.1,
    badDisks: 0.1,
    slowDisks: 0.1,
    fullDisks: 0.1,
    rottenRows: 0.1,
    jumps: 0.3,
    byzantineShare: 0.2,
  },
})

/** Everything goes wrong, the bytes of pieces too; its worlds have storage. */
function withStorage(
  profiles: Readonly<Record<Exclude<ProfileName, 'storage'>, FaultProfile>>,
): Readonly<Record<ProfileName, FaultProfile>> {
  return { ...profiles, storage: { ...profiles.all, rottenPieces: 0.3, careShare: 0.5 } }
}
