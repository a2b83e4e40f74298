export { chainRefusal } from './chain/chain-refusal.ts'
export type { MemoryEconomyOptions, MemoryProgram } from './chain/economy/memory-contracts.ts'
export type { MemoryGift } from './chain/ledger-state.ts'
export { MemoryAccountBook } from './chain/memory-account-book.ts'
export { MemoryChain } from './chain/memory-chain.ts'
export { MemoryEconomy } from './chain/memory-economy.ts'
export type { EscrowTerms } from './chain/memory-escrow.ts'
export { MemoryEscrow } from './chain/memory-escrow.ts'
export { MemoryHistory } from './chain/memory-history.ts'
export type {
  ChainOutage,
  MemoryLedgerComponents,
  MemoryLedgerOptions,
  UndoneTransaction,
} from './chain/memory-ledger.ts'
export { MemoryLedger } from './chain/memory-ledger.ts'
export type { PurseParties, TestPurse } from './chain/test-purse.ts'
export { buildTestPurse } from './chain/test-purse.ts'
export type { DiskStep, MemoryDiskOptions } from './disk/memory-disk.ts'
export { MemoryDisk } from './disk/memory-disk.ts'
export type { ManualClockOptions } from './manual-clock.ts'
export { ManualClock } from './manual-clock.ts'
export type { LinkConditions, MemoryHubComponents } from './network/memory-hub.ts'
export { MemoryHub } from './network/memory-hub.ts'
export { MemoryNetwork } from './network/memory-network.ts'
export { SeededRandom } from './seeded-random.ts'
export { sleepOn } from './sleep.ts'
export type { CrashKind, CrashMoment, MemoryStoreOptions, RowPlace } from './store/memory-store.ts'
export { MemoryStore } from './store/memory-store.ts'
