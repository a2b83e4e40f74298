import type { Secp256k1 } from '@stead/protocol'
import { type WorldPlan, worldOptionsOf } from '../plan/world-plan.ts'
import { runWorld } from '../run-world.ts'
import type { PlayedWorld } from '../sweep/played-world.ts'
import { eventLoopTurns } from './event-loop-turn.ts'
import { ProcessFaults } from './process-faults.ts'

/** Plays a plan on this process, and takes what the process reports meanwhile for violations of that world. */
export async function playPlan(secp256k1: Secp256k1, plan: WorldPlan): Promise<PlayedWorld> {
  const faults = new ProcessFaults()
  const before = process.cpuUsage()
  const startMs = performance.now()
  faults.start()
  try {
    const components = { secp256k1, turn: eventLoopTurns(), strayErrors: () => faults.take() }
    const verdict = await runWorld(components, worldOptionsOf(plan))
    const { user, system } = process.cpuUsage(before)
    return { plan, verdict, wallMs: performance.now() - startMs, cpuMs: (user + system) / 1000 }
  } finally {
    faults.stop()
  }
}
