import type { Secp256k1 } from '@stead/protocol'

/**
 * Signatures that cost a microsecond instead of fifty. Keys are real ones of the curve, so that addresses and peer ids
 * are as always; a signature names its key and is a hash of digest and private key. Nobody inside a world can forge one,
 * because private keys do not leave this object. A run with real signatures must go the same way: it is checked by test.
 */
export class ModelSecp256k1 implements Secp256k1 {
  readonly name: Secp256k1['name']
  readonly #real: Secp256k1
  readonly #keys: { readonly secret: Uint8Array; readonly compressed: Uint8Array; readonly full: Uint8Array }[] = []
  readonly #bySecret: Map<string, number> = new Map()
  readonly #byCompressed: Map<string, number> = new Map()

  /** @param real Gives keys their real public keys. */
  constructor(real: Secp256k1) {
    this.#real = real
    this.name = real.name
  }

  publicKey(privateKey: Uint8Array): Uint8Array {
    return this.#key(privateKey).compressed.slice()
  }

  sign(digest: Uint8Array, privateKey: Uint8Array): Uint8Array {
    const number = this.#numberOf(privateKey)
    return this.#signature(digest, number)
  }

  recover(digest: Uint8Array, signature: Uint8Array): Uint8Array | undefined {
    const number = this.#signerOf(digest, signature)
    return number === undefined ? undefined : this.#keys[number]?.full.slice()
  }

  verify(digest: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
    const number = this.#byCompressed.get(textOf(publicKey))
    return number !== undefined && this.#signerOf(digest, signature) === number
  }

  #key(privateKey: Uint8Array) {
    const key = this.#keys[this.#numberOf(privateKey)]
    if (key === undefined) throw new TypeError('the key was not kept')
    return key
  }

  #numberOf(privateKey: Uint8Array): number {
    const name = textOf(privateKey)
    const known = this.#bySecret.get(name)
    if (known !== undefined) return known
    const compressed = this.#real.publicKey(privateKey)
    // The full key is what a real signature recovers to.
    const digest = new Uint8Array(32).fill(1)
    const full = this.#real.recover(digest, this.#real.sign(digest, privateKey))
    if (full === undefined) throw new TypeError('a real signature recovers to its key')
    const number = this.#keys.push({ secret: privateKey.slice(), compressed, full }) - 1
    this.#bySecret.set(name, number)
    this.#byCompressed.set(textOf(compressed), number)
    return number
  }

  /** `number of the key (4) || mixture (28) || zeros (32, a low s) || 27`. */
  #signature(digest: Uint8Array, number: number): Uint8Array {
    const signature = new Uint8Array(65)
    writeWord(signature, 0, number + 1)
    const secret = this.#keys[number]?.secret ?? new Uint8Array(0)
    let mixed = 0
    // Twice around, so that every word of the signature depends on every byte of the digest.
    for (let place = 0; place < 64; place += 4) {
      mixed = mixWord(mixed ^ wordAt(digest, place % 32)) ^ wordAt(secret, place % 32)
      mixed = mixWord(mixed + place)
      if (place >= 32 && place < 60) writeWord(signature, place - 28, mixed)
    }
    signature[63] = 1
    signature[64] = 27
    return signature
  }

  #signerOf(digest: Uint8Array, signature: Uint8Array): number | undefined {
    if (signature.length !== 65) return undefined
    const number = wordAt(signature, 0) - 1
    if (this.#keys[number] === undefined) return undefined
    const expected = this.#signature(digest, number)
    return signature.every((byte, index) => byte === expected[index]) ? number : undefined
  }
}

function wordAt(bytes: Uint8Array, place: number): number {
  return (
    ((bytes[place] ?? 0) << 24) |
    ((bytes[place + 1] ?? 0) << 16) |
    ((bytes[place + 2] ?? 0) << 8) |
    (bytes[place + 3] ?? 0)
  )
}

function writeWord(bytes: Uint8Array, place: number, word: number): void {
  for (let index = 0; index < 4; index++) bytes[place + index] = word >>> (24 - 8 * index)
}

/** The last step of MurmurHash3: each bit of the word changes half of the bits of the outcome. */
function mixWord(word: number): number {
  let mixed = word ^ (word >>> 16)
  mixed = Math.imul(mixed, 0x85ebca6b)
  mixed ^= mixed >>> 13
  mixed = Math.imul(mixed, 0xc2b2ae35)
  return mixed ^ (mixed >>> 16)
}

function textOf(bytes: Uint8Array): string {
  let text = ''
  for (const byte of bytes) text += String.fromCharCode(byte)
  return text
}
