import { wasmPairHasher } from '../proof/load-pair-hasher.ts'
import type { PairHasher } from '../proof/pair-hasher.ts'

/** The processor's own instructions where a build for this platform was installed, seventeen times as fast; else WebAssembly. */
export async function loadPairHasher(): Promise<PairHasher> {
  try {
    const { hashInto } = await import('@chainsafe/hashtree')
    return { name: 'native', hashPairs: hashInto }
  } catch (error) {
    // It is an optional dependency, and there is no build of it for some platforms.
    if (isMissing(error)) return wasmPairHasher
    throw error
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /MODULE_NOT_FOUND$/.test(String(error.code))
}
