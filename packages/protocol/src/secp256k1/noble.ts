import { secp256k1 } from '@noble/curves/secp256k1.js'
import { isCanonicalSignature, joinSignature, type Secp256k1 } from './backend.ts'

/** Plain JavaScript; works everywhere, about ten times slower than native. */
export const nobleSecp256k1: Secp256k1 = {
  name: 'noble',
  publicKey(privateKey) {
    if (!secp256k1.utils.isValidSecretKey(privateKey)) throw new RangeError('not a secp256k1 private key')
    return secp256k1.getPublicKey(privateKey, true)
  },
  sign(digest, privateKey) {
    const recovered = secp256k1.sign(digest, privateKey, { prehash: false, lowS: true, format: 'recovered' })
    return joinSignature(recovered.subarray(1), recovered[0] ?? 0)
  },
  recover(digest, signature) {
    if (digest.length !== 32 || !isCanonicalSignature(signature)) return undefined
    try {
      const recovered = new Uint8Array(65)
      recovered[0] = (signature[64] ?? 27) - 27
      recovered.set(signature.subarray(0, 64), 1)
      const publicKey = secp256k1.recoverPublicKey(recovered, digest, { prehash: false })
      return secp256k1.Point.fromBytes(publicKey).toBytes(false)
    } catch {
      return undefined
    }
  },
  verify(digest, signature, publicKey) {
    if (digest.length !== 32 || !isCanonicalSignature(signature)) return false
    try {
      return secp256k1.verify(signature.subarray(0, 64), digest, publicKey, { prehash: false, lowS: true })
    } catch {
      return false
    }
  },
}
