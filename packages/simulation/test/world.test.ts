import { loadSecp256k1 } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { PROFILES, type ProfileName, runWorld, type WorldVerdict } from '../src/index.ts'

const secp256k1 = await loadSecp256k1()
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function play(seed: number, faults: ProfileName): Promise<WorldVerdict> {
  const options = { seed, nodes: 12, faultMinutes: 1, faults: PROFILES[faults], hasRealSignatures: false }
  return runWorld({ secp256k1, turn }, options)
}

describe('a simulated world', () => {
  it.each<ProfileName>(['none', 'wires', 'crashes', 'chain', 'all'])(
    'with faults of profile %s goes the same way every time, and keeps all rules',
    async (faults) => {
      const first = await play(1, faults)
      expect(first.violations).toEqual([])
      expect(first.jobs).toBeGreaterThan(0)
      expect((await play(1, faults)).traceHash).toBe(first.traceHash)
      expect((await play(2, faults)).traceHash).not.toBe(first.traceHash)
    },
  )
})
