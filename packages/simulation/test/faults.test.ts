import { loadSecp256k1 } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { PROFILES, type ProfileName, runWorld, type WorldVerdict } from '../src/index.ts'
import { eventLoopTurns } from '../src/node/event-loop-turn.ts'

const secp256k1 = await loadSecp256k1()
const MINUTES = 2
/** Nodes find each other before the first fault. */
const BEGIN_MS = 10_000
const SEEDS = 8

/** Faults of a profile with what shows that they were felt. */
const HAPPENS: Readonly<Partial<Record<ProfileName, readonly string[]>>> = {
  wires: ['partitions', 'silences', 'cuts', 'clogs', 'unheard', 'repeated-gossip'],
  crashes: ['crashes', 'power-losses'],
  disks: ['badDisks', 'slowDisks', 'fullDisks', 'rottenRows', 'STORE_FULL', 'STORE_CORRUPT', 'STORE_FAILED'],
  chain: [
    'reorgs',
    'undone-transactions',
    'forgotten-transactions',
    'gasSpikes',
    'gasDrains',
    'outages',
    'laggingEndpoints',
    'flippingEndpoints',
    'old-answers',
  ],
  all: ['laggingEndpoints', 'flippingEndpoints', 'old-answers', 'jumps'],
}

async function playAll(profile: ProfileName): Promise<readonly WorldVerdict[]> {
  const verdicts: WorldVerdict[] = []
  for (let seed = 1; seed <= SEEDS; seed++) {
    const options = { seed, nodes: 12, faultMinutes: MINUTES, faults: PROFILES[profile], hasRealSignatures: false }
    verdicts.push(await runWorld({ secp256k1, turn: eventLoopTurns() }, options))
  }
  return verdicts
}

describe('faults', () => {
  it.each(Object.entries(HAPPENS) as [ProfileName, readonly string[]][])(
    'of profile %s happen, are felt, and are over when the world is to heal',
    async (profile, names) => {
      const counts = new Map<string, number>()
      for (const { violations, faults } of await playAll(profile)) {
        expect(violations).toEqual([])
        for (const [name, { count, lastMs }] of faults) {
          counts.set(name, (counts.get(name) ?? 0) + count)
          expect([name, lastMs <= BEGIN_MS + MINUTES * 60_000]).toEqual([name, true])
        }
      }
      expect(names.filter((name) => (counts.get(name) ?? 0) === 0)).toEqual([])
    },
    60_000,
  )

  it('of no profile that does not have them happen', async () => {
    for (const { faults } of await playAll('none')) expect([...faults.keys()]).toEqual([])
  })
})
