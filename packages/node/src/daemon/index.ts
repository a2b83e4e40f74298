export type { EpochService } from '../epochs/epoch-service.ts'
export type { SteadNodeOptions } from './stead-node.ts'
export { SteadNode } from './stead-node.ts'
