import { loadSecp256k1 } from '@stead/protocol'
import { playPlan } from '@stead/simulation/node'
import { machinePaceSeconds } from './machine-pace.ts'
import { type BenchRow, benchRow } from './row.ts'

const CPU_SECONDS_MAX = 20

/** A large world with everything that can go wrong, as `npm run sim -- --seed 1 --nodes 200 --minutes 10` plays it. */
export async function benchSimulation(): Promise<readonly BenchRow[]> {
  const plan = { seed: 1, nodes: 200, minutes: 10, profile: 'all', without: [], hasRealSignatures: false } as const
  const paceBefore = await machinePaceSeconds()
  const { verdict, cpuMs, faultsCpuMs } = await playPlan(await loadSecp256k1(), plan)
  // Before and after: a machine with neighbours changes within a minute.
  const pace = (paceBefore + (await machinePaceSeconds())) / 2
  const name = `simulation, ${plan.nodes} nodes, ${plan.minutes} minutes of faults`
  return [
    benchRow({
      name,
      unit: 's of CPU',
      value: faultsCpuMs / 1000,
      reference: { name: 'fixed work', value: pace },
      target: { limit: CPU_SECONDS_MAX, better: 'less' },
    }),
    // No target: how long peace lasts depends on what cheats have begun.
    benchRow({
      name: `${name}, then peace until all is settled and compared`,
      unit: 's of CPU',
      value: cpuMs / 1000,
      reference: { name: 'simulated s', value: verdict.simulatedMs / 1000 },
      target: undefined,
    }),
    benchRow({
      name: `${name}: rules broken`,
      unit: 'rules',
      value: verdict.violations.length,
      reference: undefined,
      target: { limit: 0, better: 'less' },
    }),
  ]
}
