export type { NetworkDecorator } from './foundation.ts'
export type { SteadNodeComponents, SteadNodeOptions } from './stead-node.ts'
export { SteadNode } from './stead-node.ts'
