export { eventLoopTurns } from './event-loop-turn.ts'
export { playPlan } from './play-plan.ts'
export type { SimComponents } from './run-sim.ts'
export { SimRun } from './run-sim.ts'
