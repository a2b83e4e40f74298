import { loadSecp256k1 } from '@stead/protocol'
import { PROFILES, runWorld, type Violation } from '@stead/simulation'
import { eventLoopTurns, ProcessFaults } from '@stead/simulation/node'
import type { Mutant } from './mutant.ts'

/** What became of a mutant. */
export interface SweepOutcome {
  /** Of the world in which the rule noticed; undefined when none did. */
  readonly seed: number | undefined
  /** All rules that were broken there, or in any world when the expected one never was. */
  readonly rules: readonly string[]
  /** What the expected rule said. */
  readonly what: string
}

const NODES = 12
const FAULT_MINUTES = 1

/** Plays one world after the other until the mutant's rule is broken, with seeds from 1. */
export async function sweep(
  { profile, more, rule, nodes = NODES, faultMinutes = FAULT_MINUTES, hasEpochs = false }: Mutant,
  seedsMax: number,
): Promise<SweepOutcome> {
  const secp256k1 = await loadSecp256k1()
  const faults = new ProcessFaults()
  const components = { secp256k1, turn: eventLoopTurns(), strayErrors: () => faults.take() }
  faults.start()
  const wrong = { ...PROFILES[profile], ...more }
  const others = new Set<string>()
  for (let seed = 1; seed <= seedsMax; seed++) {
    const hasStorage = profile === 'storage'
    const options = { seed, nodes, faultMinutes, faults: wrong, hasRealSignatures: false, hasEpochs, hasStorage }
    const { violations } = await runWorld(components, options)
    const found: Violation | undefined = violations.find((violation) => violation.rule === rule)
    for (const violation of violations) others.add(violation.rule)
    if (found !== undefined) return { seed, rules: violations.map((violation) => violation.rule), what: found.what }
  }
  return { seed: undefined, rules: [...others], what: '' }
}
