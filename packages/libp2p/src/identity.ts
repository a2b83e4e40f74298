import { createHash } from 'node:crypto'
import { privateKeyFromRaw, publicKeyFromRaw } from '@libp2p/crypto/keys'
import type { Secp256k1PrivateKey, Secp256k1PublicKey } from '@libp2p/interface'
import type { Secp256k1 } from '@stead/protocol'
import type { Uint8ArrayList } from 'uint8arraylist'

type Message = Uint8Array | Uint8ArrayList
type Verify = Secp256k1PublicKey['verify']

/**
 * The node's key as libp2p wants it, signing with the fastest library that protocol found.
 * @throws RangeError when it is not 32 bytes of a secp256k1 key
 */
export function libp2pPrivateKey(secp256k1: Secp256k1, privateKey: Uint8Array): Secp256k1PrivateKey {
  const raw = Uint8Array.from(privateKey)
  // Checks the range, with an error that never shows the key.
  secp256k1.publicKey(raw)
  const slow = privateKeyFromRaw(raw)
  if (slow.type !== 'secp256k1') throw new RangeError('not a secp256k1 private key')
  return {
    type: 'secp256k1',
    raw,
    publicKey: slow.publicKey,
    equals: (key) => slow.equals(key),
    sign: (message) => compactToDer(secp256k1.sign(digestOf(message), raw)),
  }
}

function digestOf(message: Message): Uint8Array {
  const hash = createHash('sha256')
  if (message instanceof Uint8Array) hash.update(message)
  else for (const part of message) hash.update(part)
  return hash.digest()
}

const replaced = new WeakSet<object>()

/**
 * Makes libp2p verify secp256k1 signatures with the fastest library: every handshake and every peer record waits for it.
 * libp2p has no place to name a library, so the method of its key class is replaced, once in a process; what is not
 * plain DER still goes to libp2p's own method, so that nothing is accepted that it would refuse.
 */
export function verifyFaster(secp256k1: Secp256k1, publicKey: Uint8Array): void {
  const prototype = Object.getPrototypeOf(publicKeyFromRaw(publicKey)) as { verify: Verify }
  if (secp256k1.name === 'noble' || replaced.has(prototype)) return
  replaced.add(prototype)
  const original = prototype.verify
  prototype.verify = function verify(this: Secp256k1PublicKey, message, signature, options) {
    const compact = signature instanceof Uint8Array ? derToCompact(signature) : undefined
    if (compact === undefined) return original.call(this, message, signature, options)
    return secp256k1.verify(digestOf(message), compact, this.raw)
  }
}

/** ASN.1 DER of the first 64 bytes, `r (32) || s (32)`. */
export function compactToDer(compact: Uint8Array): Uint8Array {
  const r = toDerInteger(compact.subarray(0, 32))
  const s = toDerInteger(compact.subarray(32, 64))
  return Uint8Array.of(0x30, r.length + s.length, ...r, ...s)
}

function toDerInteger(bytes: Uint8Array): number[] {
  const firstUsed = bytes.findIndex((byte) => byte !== 0)
  const digits = [...bytes.subarray(firstUsed < 0 ? bytes.length - 1 : firstUsed)]
  if ((digits[0] ?? 0) >= 0x80) digits.unshift(0)
  return [0x02, digits.length, ...digits]
}

/** `r (32) || s (32) || 27` of a signature in minimal DER; undefined for anything else. */
export function derToCompact(der: Uint8Array): Uint8Array | undefined {
  if (der.length < 8 || der.length > 72 || der[0] !== 0x30 || der[1] !== der.length - 2) return undefined
  const rLength = der[3] ?? 0
  const sLength = der[5 + rLength] ?? 0
  if (der[2] !== 0x02 || der[4 + rLength] !== 0x02 || 6 + rLength + sLength !== der.length) return undefined
  const r = fromDerInteger(der.subarray(4, 4 + rLength))
  const s = fromDerInteger(der.subarray(6 + rLength))
  if (r === undefined || s === undefined) return undefined
  const compact = new Uint8Array(65)
  compact.set(r, 32 - r.length)
  compact.set(s, 64 - s.length)
  compact[64] = 27
  return compact
}

function fromDerInteger(bytes: Uint8Array): Uint8Array | undefined {
  const [first, second] = bytes
  if (first === undefined || first >= 0x80) return undefined
  const isPadded = first === 0 && bytes.length > 1
  if (isPadded && (second ?? 0) < 0x80) return undefined
  const digits = isPadded ? bytes.subarray(1) : bytes
  return digits.length > 32 ? undefined : digits
}
