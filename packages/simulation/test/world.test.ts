import { loadSecp256k1 } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { PROFILES, type ProfileName, runWorld, type WorldVerdict } from '../src/index.ts'
import { eventLoopTurns } from '../src/node/event-loop-turn.ts'

const secp256k1 = await loadSecp256k1()

function play(seed: number, faults: ProfileName, hasRealSignatures = false): Promise<WorldVerdict> {
  const options = { seed, nodes: 12, faultMinutes: 1, faults: PROFILES[faults], hasRealSignatures }
  return runWorld({ secp256k1, turn: eventLoopTurns() }, options)
}

describe('a simulated world', () => {
  it('of 200 nodes keeps all rules: all find each other again', { timeout: 120_000 }, async () => {
    // Without cheats, for whose thaws it would go on six minutes longer.
    const faults = { ...PROFILES.all, byzantineShare: 0 }
    const options = { seed: 1, nodes: 200, faultMinutes: 1, faults, hasRealSignatures: false }
    const { violations, jobs } = await runWorld({ secp256k1, turn: eventLoopTurns() }, options)
    expect(violations).toEqual([])
    expect(jobs).toBeGreaterThan(20)
  })

  it.each<ProfileName>(['none', 'wires', 'crashes', 'disks', 'chain', 'byzantine', 'all'])(
    'with faults of profile %s goes the same way every time, and keeps all rules',
    async (faults) => {
      const first = await play(1, faults)
      expect(first.violations).toEqual([])
      expect(first.jobs).toBeGreaterThan(0)
      expect((await play(1, faults)).traceHash).toBe(first.traceHash)
      expect((await play(2, faults)).traceHash).not.toBe(first.traceHash)
    },
  )

  it.each<ProfileName>(['none', 'all'])(
    'with epochs and faults of profile %s goes the same way every time, and what was earned is minted and claimed',
    async (faults) => {
      const playEpochs = (): Promise<WorldVerdict> => {
        const options = { seed: 1, nodes: 8, faultMinutes: 3, faults: PROFILES[faults], hasRealSignatures: false }
        return runWorld({ secp256k1, turn: eventLoopTurns() }, { ...options, hasEpochs: true })
      }
      const { violations, economy, traceHash } = await playEpochs()
      expect(violations).toEqual([])
      expect(economy?.roots).toBeGreaterThan(2)
      expect(economy?.lots).toBeGreaterThan(0)
      expect(economy?.rewards).toBeGreaterThan(0)
      expect((await playEpochs()).traceHash).toBe(traceHash)
    },
  )

  it.each<ProfileName>(['none', 'storage'])(
    'with storage and faults of profile %s goes the same way every time and with real signatures, and keeps all rules',
    async (faults) => {
      const playStorage = (hasRealSignatures: boolean): Promise<WorldVerdict> => {
        const options = { seed: 3, nodes: 7, faultMinutes: 1, faults: PROFILES[faults], hasRealSignatures }
        return runWorld({ secp256k1, turn: eventLoopTurns() }, { ...options, hasStorage: true })
      }
      const { violations, storage, traceHash } = await playStorage(false)
      expect(violations).toEqual([])
      expect(storage?.done).toBeGreaterThan(5)
      expect(storage?.paidPeriods).toBeGreaterThan(20)
      expect((await playStorage(true)).traceHash).toBe(traceHash)
    },
  )

  it('with epochs goes through them with real signatures as well', async () => {
    const options = {
      seed: 2,
      nodes: 6,
      faultMinutes: 1,
      faults: PROFILES.all,
      hasRealSignatures: true,
      hasEpochs: true,
    }
    // Content ids of logs, and so their order, come from signatures: the hash is not that of the model.
    const { violations, economy } = await runWorld({ secp256k1, turn: eventLoopTurns() }, options)
    expect(violations).toEqual([])
    expect(economy?.roots).toBeGreaterThan(0)
  })

  it.each<ProfileName>(['none', 'all'])(
    'with faults of profile %s goes the same way with signatures as on the real network: no rule hangs on the model',
    async (faults) => {
      const model = await play(3, faults)
      const real = await play(3, faults, true)
      expect(real.violations).toEqual([])
      // Signatures are in no name, no order and no log line, so that the runs are equal to the last event.
      expect(real.traceHash).toBe(model.traceHash)
      expect([real.jobs, real.messages]).toEqual([model.jobs, model.messages])
    },
  )
})
