/** Ways to cheat as a node that keeps pieces; such a node computes honestly. */
export const STORAGE_PROVIDER_CHEATS = [
  'forges-proofs',
  'alters-blocks',
  'withholds-blocks',
  'late-blocks',
  'replays-revisions',
  'refuses-pieces',
  'keeps-deleted',
  'forgets-agreements',
] as const

/** Ways to cheat as a payer that keeps objects; inside it is honest, and what it says is bent. */
export const STORAGE_PAYER_CHEATS = [
  'owes-storage',
  'wrong-pieces',
  'resends-revisions',
  'signs-again',
  'denies-time',
] as const

/** One way to cheat as a node that keeps pieces. */
export type StorageProviderCheat = (typeof STORAGE_PROVIDER_CHEATS)[number]
/** One way to cheat as a payer of storage. */
export type StoragePayerCheat = (typeof STORAGE_PAYER_CHEATS)[number]
/** One way to cheat in storage. */
export type StorageCheat = StorageProviderCheat | StoragePayerCheat

/** Undefined for cheats of other kinds. */
export function storageCheatOf(cheat: string | undefined): StorageCheat | undefined {
  return [...STORAGE_PROVIDER_CHEATS, ...STORAGE_PAYER_CHEATS].find((each) => each === cheat)
}

/** True for cheats of those who buy storage. */
export function isStoragePayerCheat(cheat: string): cheat is StoragePayerCheat {
  return STORAGE_PAYER_CHEATS.some((each) => each === cheat)
}
