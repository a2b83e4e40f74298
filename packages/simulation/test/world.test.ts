import { isFinal } from '@stead/compute'
import { loadSecp256k1 } from '@stead/protocol'
import { describe, expect, it } from 'vitest'
import { PROFILES, type ProfileName, World } from '../src/index.ts'

const secp256k1 = await loadSecp256k1()
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

interface Played {
  readonly world: World
  readonly isAtRest: boolean
  readonly states: readonly string[]
}

async function play(seed: number, faults: ProfileName, hasRealSignatures = false): Promise<Played> {
  const options = { seed, nodes: 12, faultMinutes: 1, faults: PROFILES[faults], hasRealSignatures }
  const world = new World({ secp256k1, turn }, options)
  const states = async () => {
    const all = await Promise.all(world.payers.map(async ({ payer }) => (await payer?.compute.jobs()) ?? undefined))
    return all.some((jobs) => jobs === undefined) ? undefined : all.flatMap((jobs) => jobs ?? [])
  }
  await world.start()
  await world.faultPhase(() => undefined)
  const isAtRest = await world.healPhase(
    async () => (await states())?.every(({ state }) => isFinal(state)) === true,
    15,
    () => undefined,
  )
  return { world, isAtRest, states: ((await states()) ?? []).map(({ state }) => state) }
}

describe('a simulated world', () => {
  it.each<ProfileName>(['none', 'wires', 'crashes', 'chain', 'all'])(
    'with faults of profile %s goes the same way every time, and comes to rest when it is whole again',
    async (faults) => {
      const first = await play(1, faults)
      const second = await play(1, faults)
      expect(first.world.trace.hash).toBe(second.world.trace.hash)
      expect(first.world.bugs).toEqual([])
      expect(first.isAtRest).toBe(true)
      expect(first.states.length).toBeGreaterThan(0)
      expect((await play(2, faults)).world.trace.hash).not.toBe(first.world.trace.hash)
    },
  )
})
