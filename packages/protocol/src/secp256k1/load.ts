import type { Secp256k1 } from './backend.ts'
import { loadNativeSecp256k1 } from './native.ts'
import { nobleSecp256k1 } from './noble.ts'
import { loadWasmSecp256k1 } from './wasm.ts'

/** The fastest implementation that loads and signs a known digest rightly here: native, then WebAssembly, then noble. */
export async function loadSecp256k1(): Promise<Secp256k1> {
  for (const load of [loadNativeSecp256k1, loadWasmSecp256k1]) {
    // A platform without this binary is expected; the next implementation serves.
    const candidate = await load().catch(() => undefined)
    if (candidate !== undefined && agreesWithNoble(candidate)) return candidate
  }
  return nobleSecp256k1
}

/** A broken or replaced library must never sign: it is compared with the reference once. */
function agreesWithNoble(candidate: Secp256k1): boolean {
  const key = new Uint8Array(32).fill(0x11)
  const digest = new Uint8Array(32).fill(0x22)
  const signature = candidate.sign(digest, key)
  const expected = nobleSecp256k1.sign(digest, key)
  const publicKey = nobleSecp256k1.publicKey(key)
  return (
    signature.every((byte, index) => byte === expected[index]) &&
    candidate.publicKey(key).every((byte, index) => byte === publicKey[index]) &&
    candidate.verify(digest, expected, publicKey)
  )
}
