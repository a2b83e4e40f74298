export type { CrashKind, CrashMoment, MemoryStoreOptions } from './store/memory-store.ts'
export { MemoryStore } from './store/memory-store.ts'
