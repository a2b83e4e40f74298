import { hashInto } from '@chainsafe/as-sha256'
import type { PairHasher } from './pair-hasher.ts'

/** WebAssembly: runs everywhere. */
export const wasmPairHasher: PairHasher = { name: 'wasm', hashPairs: hashInto }

/** The fastest hasher of this place; in browsers there is one, Node.js gets `node/load-pair-hasher.ts`. */
export function loadPairHasher(): Promise<PairHasher> {
  return Promise.resolve(wasmPairHasher)
}
