import type { World } from '../world/world.ts'
import type { Violations } from './violations.ts'

/** Timers that one node may have waiting: a few for each request, channel and task in flight. */
const TIMERS_MAX = 20_000
/** Rows on a node's disk: receipts and histories of the jobs of a run. */
const ROWS_PER_MINUTE_MAX = 20_000
const MINUTE_MS = 60_000

/** What holds at every moment, looked at each simulated second. */
export function checkRunning(world: World, violations: Violations): void {
  const { scheduler } = world.parts
  for (const bug of world.bugs) violations.check(false, 'no-own-fault', () => bug, namesIn(world, bug))
  const rowsMax = ROWS_PER_MINUTE_MAX * (1 + scheduler.nowMs / MINUTE_MS)
  for (const node of world.nodes) {
    const { timers, rows } = node.sizes()
    const { name } = node.plan
    violations.check(timers <= TIMERS_MAX, 'timers-bounded', () => `${name} has ${timers} timers waiting`, [name])
    violations.check(rows <= rowsMax, 'rows-bounded', () => `${name} has ${rows} rows on its disk`, [name])
  }
}

function namesIn(world: World, text: string): readonly string[] {
  return world.nodes.map(({ plan }) => plan.name).filter((name) => text.startsWith(`${name} `))
}
