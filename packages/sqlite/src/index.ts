export type { SqliteStoreOptions } from './options.ts'
export { sqliteStoreOptionsSchema } from './options.ts'
export type { SqliteStoreComponents, StoreSummary } from './sqlite-store.ts'
export { SqliteStore } from './sqlite-store.ts'
