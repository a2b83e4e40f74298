import type { World } from '../world/world.ts'
import { heardMinutes, unknownTo } from './health-checks.ts'
import type { Violations } from './violations.ts'

/** Who was eclipsed knows every honest provider soon after it has one honest neighbour, whatever the cheats beside it say. */
export async function checkEclipse(world: World, violations: Violations, look: () => void): Promise<void> {
  const { victim } = world.eclipse
  if (victim === undefined) return
  // Gossip may miss a node that has one honest neighbour some of the time.
  const minutesMax = heardMinutes(world)
  await world.healPhase(
    async () => victim.payer !== undefined && unknownTo(world, victim).length === 0,
    minutesMax,
    look,
  )
  const unknown = unknownTo(world, victim)
  const { name } = victim.plan
  violations.check(
    unknown.length === 0,
    'eclipse-ends',
    () => `${name} has an honest neighbour for ${minutesMax} minutes and does not know ${unknown.join(', ')}`,
    [name, ...unknown],
  )
}
