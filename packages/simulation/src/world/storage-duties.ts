import type { StorageProviderInput } from '@stead/storage'
import type { SeededRandom } from '@stead/testkit'
import { sellingOptions } from './storage-terms.ts'

/** How a node takes part in storage; fixed for the whole run. */
export interface StorageDuties {
  /** What a provider asks for. */
  readonly selling: StorageProviderInput
  /** What all objects of a payer follow from, 32 bytes. */
  readonly secret: Uint8Array
}

/** What a node does in storage: prices and secrets by chance. @param faultMinutes of the world */
export function drawStorageDuties(random: SeededRandom, faultMinutes: number): StorageDuties {
  return { selling: sellingOptions(random, faultMinutes), secret: random.bytes(32) }
}
