export { eventLoopTurns } from './event-loop-turn.ts'
export { playPlan } from './play-plan.ts'
export { ProcessFaults } from './process-faults.ts'
