import type { Clock, Fuel, Random } from '@stead/core'
import { type Executor, type Outcome, type RunOptions, SandboxError } from '@stead/sandbox'
import { decorated } from '@stead/testkit'
import type { CheatName } from './cheats.ts'

/** What a lie needs. */
export interface LyingParts {
  readonly clock: Clock
  readonly random: Random
}

type Ok = Outcome & { readonly status: 'ok' }

const SLOW_MS_MAX = 15_000
const FUEL_EXTRA_MAX = 1000
/** Right results before a traitor's first wrong one: more than a probation takes. */
const RIGHT_RESULTS = 14
const BETRAYAL_SHARE = 0.3

/**
 * An executor whose results are not what the guest computed. The provider around it is honest: it bills and signs what it
 * is told, so that a lie of this kind is consistent in every book.
 */
export function lyingExecutor(executor: Executor, cheat: CheatName, { clock, random }: LyingParts): Executor {
  let copied: Ok | undefined
  let right = 0
  const bend = (outcome: Ok, fuelMax: Fuel): Ok => {
    if (cheat === 'wrong-result') return { ...outcome, output: random.bytes(8) }
    if (cheat === 'colludes' || cheat === 'sybil') return { ...outcome, output: agreedLie(outcome.output) }
    if (cheat === 'betrays') {
      const isRight = right++ < RIGHT_RESULTS || random.fraction() >= BETRAYAL_SHARE
      return isRight ? outcome : { ...outcome, output: random.bytes(8) }
    }
    if (cheat === 'over-fuel') {
      const fuel = outcome.fuel + 1n + BigInt(Math.floor(random.fraction() * FUEL_EXTRA_MAX))
      return { ...outcome, fuel: (fuel < fuelMax ? fuel : fuelMax) as Fuel }
    }
    const first = copied ?? outcome
    copied = first
    return first
  }
  return decorated(executor, {
    run: async (module, call, limits, options) => {
      if (cheat === 'silent') return untilAborted(options)
      if (cheat === 'slow') await clock.sleep(random.fraction() * SLOW_MS_MAX)
      const outcome = await executor.run(module, call, limits, options)
      return cheat === 'slow' || outcome.status !== 'ok' ? outcome : bend(outcome, limits.fuel)
    },
  })
}

/** What all of a gang say without asking each other: a wrong output that follows from the right one. */
function agreedLie(output: Uint8Array): Uint8Array {
  return output.map((byte) => byte ^ 0xff)
}

/** Was admitted, and says nothing any more. */
function untilAborted(options: RunOptions | undefined): Promise<Outcome> {
  return new Promise((_, reject) => {
    const end = (): void => reject(new SandboxError('SANDBOX_ABORTED', 'the call was cancelled while it ran'))
    options?.signal?.addEventListener('abort', end, { once: true })
  })
}
