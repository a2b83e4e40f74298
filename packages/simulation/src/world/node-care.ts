import type { MarketPayer } from '@stead/market'
import { Caretaker, type CaretakerComponents, type CaretakerInput } from '@stead/storage'
import type { StorageKit } from './storage-kit.ts'

/** What looks after others' pieces in one life of a node. */
export interface LiveCaretaker {
  /** Its buying side, with money of the node's own. */
  readonly market: MarketPayer
  readonly caretaker: Caretaker
}

/** Looks after what payers keep, as the daemon does. @throws CoreError when the disk or the chain refuses */
export async function openNodeCaretaker(
  parts: Omit<CaretakerComponents, 'cipher' | 'kernel' | 'hasher'>,
  { cipher, kernel, hasher }: StorageKit,
  options: CaretakerInput,
): Promise<LiveCaretaker> {
  const caretaker = new Caretaker({ ...parts, cipher, kernel, hasher }, options)
  await caretaker.start()
  return { market: parts.market, caretaker }
}
