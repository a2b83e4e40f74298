import type { Clock, Network, PeerId, Random, Signer } from '@stead/core'
import type { Secp256k1 } from '@stead/protocol'
import type { Executor } from '@stead/sandbox'
import { careCheatOf } from './care-cheats.ts'
import { careLyingNetwork } from './care-network.ts'
import { type CheatName, RESULT_CHEATS, WIRE_CHEATS } from './cheats.ts'
import { epochCheatOf } from './epoch-cheats.ts'
import { epochLyingNetwork } from './epoch-network.ts'
import { lyingExecutor } from './lying-executor.ts'
import { lyingNetwork } from './lying-network.ts'
import { storageCheatOf } from './storage-cheats.ts'
import { storageLyingNetwork } from './storage-network.ts'

/** What a node stands on, as far as a cheat bends it. */
export interface BendableParts {
  readonly network: Network
  readonly executor: Executor
  readonly clock: Clock
  readonly signer: Signer
}

const OF_THE_RESULT: ReadonlySet<CheatName> = new Set(RESULT_CHEATS)
/** These are payers', but lie on the wire as well. */
const OF_THE_WIRE: ReadonlySet<CheatName> = new Set<CheatName>([...WIRE_CHEATS, 'garbles', 'mangles', 'starves'])

/** What a cheat has besides a node's parts. */
export interface CheatParts {
  readonly random: Random
  readonly secp256k1: Secp256k1
  /** Nodes of the world that cheat in the same way, this one among them. */
  readonly gang: ReadonlySet<PeerId>
}

/** The parts of a node that cheats in one way. */
export function lyingParts(parts: BendableParts, cheat: CheatName, own: CheatParts): BendableParts {
  if (OF_THE_RESULT.has(cheat))
    return { ...parts, executor: lyingExecutor(parts.executor, cheat, { ...parts, ...own }) }
  if (OF_THE_WIRE.has(cheat)) return { ...parts, network: lyingNetwork({ ...parts, ...own }, cheat) }
  const ofStorage = storageCheatOf(cheat)
  if (ofStorage !== undefined) return { ...parts, network: storageLyingNetwork({ ...parts, ...own }, ofStorage) }
  const ofCare = careCheatOf(cheat)
  if (ofCare !== undefined) return { ...parts, network: careLyingNetwork({ ...parts, ...own }, ofCare) }
  const ofEpochs = epochCheatOf(cheat)
  if (ofEpochs === undefined) return parts
  return { ...parts, network: epochLyingNetwork(parts.network, ofEpochs, own.random) }
}
