import { isCanonicalSignature, joinSignature, type Secp256k1 } from './backend.ts'

/** libsecp256k1 compiled to WebAssembly. @throws whatever loading it throws */
export async function loadWasmSecp256k1(): Promise<Secp256k1> {
  const tiny = await import('tiny-secp256k1')
  return {
    name: 'wasm',
    publicKey(privateKey) {
      const key = tiny.isPrivate(privateKey) ? tiny.pointFromScalar(privateKey, true) : null
      if (key === null) throw new RangeError('not a secp256k1 private key')
      return key
    },
    sign(digest, privateKey) {
      const { signature, recoveryId } = tiny.signRecoverable(digest, privateKey)
      return joinSignature(signature, recoveryId)
    },
    recover(digest, signature) {
      if (digest.length !== 32 || !isCanonicalSignature(signature)) return undefined
      try {
        const recoveryId = signature[64] === 28 ? 1 : 0
        return tiny.recover(digest, signature.subarray(0, 64), recoveryId, false) ?? undefined
      } catch {
        return undefined
      }
    },
    verify(digest, signature, publicKey) {
      if (digest.length !== 32 || !isCanonicalSignature(signature)) return false
      try {
        return tiny.verify(digest, publicKey, signature.subarray(0, 64), true)
      } catch {
        return false
      }
    },
  }
}
