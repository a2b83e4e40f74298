export type { NetworkFixture } from './network/compliance/bench.ts'
export { networkCompliance } from './network/compliance/network-compliance.ts'
export type { StoreFixture } from './store/store-compliance.ts'
export { storeCompliance } from './store/store-compliance.ts'
