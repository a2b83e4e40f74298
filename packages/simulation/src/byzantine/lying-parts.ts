import type { Clock, Network, Random, Signer } from '@stead/core'
import type { Executor } from '@stead/sandbox'
import { type CheatName, RESULT_CHEATS, WIRE_CHEATS } from './cheats.ts'
import { epochCheatOf } from './epoch-cheats.ts'
import { epochLyingNetwork } from './epoch-network.ts'
import { lyingExecutor } from './lying-executor.ts'
import { lyingNetwork } from './lying-network.ts'

/** What a node stands on, as far as a cheat bends it. */
export interface BendableParts {
  readonly network: Network
  readonly executor: Executor
  readonly clock: Clock
  readonly signer: Signer
}

const OF_THE_RESULT: ReadonlySet<CheatName> = new Set(RESULT_CHEATS)
/** `garbles` is a payer's, but lies on the wire as well. */
const OF_THE_WIRE: ReadonlySet<CheatName> = new Set<CheatName>([...WIRE_CHEATS, 'garbles'])

/** The parts of a node that cheats in one way. */
export function lyingParts(parts: BendableParts, cheat: CheatName, random: Random): BendableParts {
  if (OF_THE_RESULT.has(cheat))
    return { ...parts, executor: lyingExecutor(parts.executor, cheat, { ...parts, random }) }
  if (OF_THE_WIRE.has(cheat)) return { ...parts, network: lyingNetwork({ ...parts, random }, cheat) }
  const ofEpochs = epochCheatOf(cheat)
  return ofEpochs === undefined ? parts : { ...parts, network: epochLyingNetwork(parts.network, ofEpochs, random) }
}
