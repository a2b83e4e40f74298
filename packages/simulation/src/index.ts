export type { FaultProfile, ProfileName } from './faults/profiles.ts'
export { PROFILES } from './faults/profiles.ts'
export type { WorldComponents, WorldOptions } from './world/world.ts'
export { World } from './world/world.ts'
