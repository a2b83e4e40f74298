import { SeededRandom } from '@stead/testkit'
import { type EconomyFixture, memoryFixture } from '@stead/testkit/compliance'
import { describe, expect, it } from 'vitest'
import { newSalt, newSigner } from './devnet.ts'
import { anvilFixture } from './differential/anvil-fixture.ts'
import { ContractPlay, type PlayedStep } from './differential/contract-play.ts'

const STEPS = Number(process.env.DIFFERENTIAL_TEST_STEPS ?? 60)
const SEEDS = (process.env.DIFFERENTIAL_TEST_SEEDS ?? '1,2').split(',').map(Number)
const TIMEOUT_MS = 600_000

async function playOn(fixture: EconomyFixture, seed: number): Promise<readonly PlayedStep[]> {
  try {
    return await new ContractPlay(fixture, new SeededRandom(seed)).run(STEPS)
  } finally {
    await fixture.stop()
  }
}

describe('the contracts in memory', () => {
  it.each(SEEDS)(
    'answer random calls as those on a chain do, with seed %i',
    async (seed) => {
      const real = await playOn(await anvilFixture({ isTimeStill: true }), seed)
      const model = await playOn(memoryFixture({ newSigner, newSalt }), seed)
      expect(model.length).toBe(STEPS)
      const index = real.findIndex(({ call, answer, state }, place) => {
        const other = model[place]
        return call !== other?.call || answer !== other.answer || state !== other.state
      })
      expect({ index, ...model[index] }).toEqual({ index, ...real[index] })
      // A play in which everything is refused would show nothing.
      expect(real.filter(({ answer }) => answer === 'done').length).toBeGreaterThan(STEPS / 4)
    },
    TIMEOUT_MS,
  )
})
