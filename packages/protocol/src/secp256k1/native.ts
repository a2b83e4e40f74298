import { isCanonicalSignature, joinSignature, type Secp256k1 } from './backend.ts'

/** The part of the npm package `secp256k1` that is used here; it ships no types. */
interface NativeModule {
  privateKeyVerify(key: Uint8Array): boolean
  publicKeyCreate(key: Uint8Array, compressed: boolean): Uint8Array
  ecdsaSign(digest: Uint8Array, key: Uint8Array): { signature: Uint8Array; recid: number }
  ecdsaVerify(signature: Uint8Array, digest: Uint8Array, publicKey: Uint8Array): boolean
  ecdsaRecover(signature: Uint8Array, recid: number, digest: Uint8Array, compressed: boolean): Uint8Array
}

/** libsecp256k1 through its Node binding. @throws whatever loading it throws where no binary fits this machine */
export async function loadNativeSecp256k1(): Promise<Secp256k1> {
  // The package falls back to a slow JavaScript version by itself; asking for the binding alone makes that visible.
  const specifier = 'secp256k1/bindings.js'
  const native = ((await import(specifier)) as { default: NativeModule }).default
  return {
    name: 'native',
    publicKey(privateKey) {
      if (privateKey.length !== 32 || !native.privateKeyVerify(privateKey)) {
        throw new RangeError('not a secp256k1 private key')
      }
      return native.publicKeyCreate(privateKey, true)
    },
    sign(digest, privateKey) {
      const { signature, recid } = native.ecdsaSign(digest, privateKey)
      return joinSignature(signature, recid)
    },
    recover(digest, signature) {
      if (digest.length !== 32 || !isCanonicalSignature(signature)) return undefined
      try {
        return native.ecdsaRecover(signature.subarray(0, 64), (signature[64] ?? 27) - 27, digest, false)
      } catch {
        return undefined
      }
    },
    verify(digest, signature, publicKey) {
      if (digest.length !== 32 || !isCanonicalSignature(signature)) return false
      try {
        return native.ecdsaVerify(signature.subarray(0, 64), digest, publicKey)
      } catch {
        return false
      }
    },
  }
}
