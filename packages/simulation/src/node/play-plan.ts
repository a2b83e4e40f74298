import type { Secp256k1 } from '@stead/protocol'
import { type WorldPlan, worldOptionsOf } from '../plan/world-plan.ts'
import { runWorld } from '../run-world.ts'
import type { PlayedWorld } from '../sweep/played-world.ts'
import { eventLoopTurns } from './event-loop-turn.ts'
import { ProcessFaults } from './process-faults.ts'

/**
 * Plays a plan on this thread, and takes what the process reports meanwhile for violations of that world.
 * @param onStep called with each step: who watches sees that the world goes on
 */
export async function playPlan(
  secp256k1: Secp256k1,
  plan: WorldPlan,
  onStep: () => void = () => undefined,
): Promise<PlayedWorld> {
  const faults = new ProcessFaults()
  const before = process.cpuUsage()
  const startMs = performance.now()
  faults.start()
  try {
    let faultsCpuMs: number | undefined
    const cpuMs = (): number => {
      const { user, system } = process.cpuUsage(before)
      return (user + system) / 1000
    }
    const onPeace = (): void => {
      faultsCpuMs = cpuMs()
    }
    const turns = eventLoopTurns()
    const turn = (): Promise<void> => {
      onStep()
      return turns()
    }
    const components = { secp256k1, turn, strayErrors: () => faults.take(), onPeace }
    const verdict = await runWorld(components, worldOptionsOf(plan))
    const wallMs = performance.now() - startMs
    return { plan, verdict, wallMs, cpuMs: cpuMs(), faultsCpuMs: faultsCpuMs ?? cpuMs() }
  } finally {
    faults.stop()
  }
}
