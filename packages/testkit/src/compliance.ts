export type { StoreFixture } from './store/store-compliance.ts'
export { storeCompliance } from './store/store-compliance.ts'
