import { loadSecp256k1 } from '@stead/protocol'
import { PROFILES, runWorld, type WorldVerdict } from '@stead/simulation'
import { eventLoopTurns, ProcessFaults } from '@stead/simulation/node'
import type { Mutant } from './mutant.ts'

const NODES = 12
const FAULT_MINUTES = 1

/** Plays one world of a mutant. */
export async function playMutant(
  { profile, more, nodes = NODES, faultMinutes = FAULT_MINUTES, hasEpochs = false }: Mutant,
  { seed, onStep }: { readonly seed: number; readonly onStep: () => void },
): Promise<WorldVerdict> {
  const secp256k1 = await loadSecp256k1()
  const stray = new ProcessFaults()
  const turns = eventLoopTurns()
  const turn = (): Promise<void> => {
    onStep()
    return turns()
  }
  // Absences take as long as the rest of a world: they are for the faults of care, which say so.
  const faults = { ...PROFILES[profile], careShare: 0, ...more }
  const hasStorage = profile === 'storage'
  const options = { seed, nodes, faultMinutes, faults, hasRealSignatures: false, hasEpochs, hasStorage }
  stray.start()
  try {
    return await runWorld({ secp256k1, turn, strayErrors: () => stray.take() }, options)
  } finally {
    stray.stop()
  }
}
