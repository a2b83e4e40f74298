import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { loadSecp256k1 } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { mutants } from '../../../scripts/mutants/mutants.ts'
import { PAYER_CHEATS, PROVIDER_CHEATS } from '../src/byzantine/cheats.ts'
import { PROFILES, RULES, type RuleName, runWorld, type WorldOptions } from '../src/index.ts'
import { eventLoopTurns } from '../src/node/event-loop-turn.ts'

/** Rules that no change of our own code within reach could break, and why. `npm run sim:mutants` breaks all others. */
const UNBREAKABLE: Readonly<Partial<Record<RuleName, string>>> = {}

/** Worlds that come to all rules together, whatever their seeds: with everything, in peace from all but cheats, eclipsed. */
const WORLDS: readonly Omit<WorldOptions, 'seed'>[] = [
  {
    nodes: 8,
    faultMinutes: 2,
    faults: { ...PROFILES.storage, careShare: 0 },
    hasRealSignatures: false,
    hasEpochs: true,
    hasStorage: true,
  },
  {
    nodes: 8,
    faultMinutes: 1,
    faults: { ...PROFILES.storage, careShare: 1, byzantineShare: 0, rottenPieces: 0 },
    hasRealSignatures: false,
    hasStorage: true,
  },
  { nodes: 8, faultMinutes: 2, faults: PROFILES.byzantine, hasRealSignatures: false, hasEpochs: true },
  {
    nodes: 12,
    faultMinutes: 0.5,
    faults: { ...PROFILES.byzantine, byzantineShare: 0.5, cheats: ['eclipses'] },
    hasRealSignatures: false,
  },
]
const SEEDS_MAX = 6

describe('every rule of the simulated world', () => {
  it('is broken by a fault in our own code, or says why none can', () => {
    const broken = new Set(mutants.map(({ rule }) => rule))
    expect(RULES.filter((rule) => !broken.has(rule))).toEqual(Object.keys(UNBREAKABLE))
  })

  it('is looked at in worlds in which it is kept', async () => {
    const secp256k1 = await loadSecp256k1()
    const missing = new Set<RuleName>(RULES)
    for (let seed = 1; seed <= SEEDS_MAX && missing.size > 0; seed++)
      for (const options of WORLDS) {
        if (missing.size === 0) break
        const { looks, violations } = await runWorld({ secp256k1, turn: eventLoopTurns() }, { ...options, seed })
        expect(violations).toEqual([])
        for (const rule of looks.keys()) missing.delete(rule)
      }
    expect([...missing]).toEqual([])
  }, 120_000)
})

it('every cheat is in the table that says which rule bounds it', () => {
  const table = readFileSync(fileURLToPath(new URL('../../../ARCHITECTURE.md', import.meta.url)), 'utf8')
  const missing = [...PROVIDER_CHEATS, ...PAYER_CHEATS].filter((cheat) => !table.includes(`\`${cheat}\``))
  expect(missing).toEqual([])
})
