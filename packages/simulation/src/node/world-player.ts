import { SimulationError } from '../errors.ts'
import { commandOf, describePlan, type WorldPlan } from '../plan/world-plan.ts'
import type { PlayedWorld } from '../sweep/played-world.ts'
import { WatchedThread } from './watched-thread.ts'

/** Plays worlds on a thread of its own, so that one that hangs can be ended. */
export class WorldPlayer {
  readonly #thread = new WatchedThread<WorldPlan, PlayedWorld>(new URL('./world-thread.ts', import.meta.url))

  /**
   * Plays one plan; the last must have ended.
   * @param stallMsMax real milliseconds that may go by without a step of the world
   * @throws SimulationError SIMULATION_STALLED
   */
  readonly play = (plan: WorldPlan, stallMsMax: number): Promise<PlayedWorld> =>
    this.#thread.ask(plan, { stallMsMax, stalled: (why) => stalledWorld(plan, why) })

  /** Has the world stand still for good, so that the process can end without an abort by native code. */
  hold(): Promise<void> {
    return this.#thread.hold()
  }

  /** Ends the thread, whatever it does. */
  end(): Promise<void> {
    return this.#thread.end()
  }
}

function stalledWorld(plan: WorldPlan, why: string): SimulationError {
  const { seed, nodes, minutes, profile, without } = plan
  const command = commandOf(plan)
  const message = `the world of ${describePlan(plan)} ${why}; play it again: ${command}`
  const details = { seed, nodes, minutes, faults: profile, without, why, command }
  return new SimulationError('SIMULATION_STALLED', message, { details, next: command })
}
