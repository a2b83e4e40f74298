import { createHash, randomBytes } from 'node:crypto'
import { publicKeyFromRaw } from '@libp2p/crypto/keys'
import { secp256k1 as noble } from '@noble/curves/secp256k1.js'
import { createSigner, loadSecp256k1, nobleSecp256k1 } from '@stead/protocol'
import fc from 'fast-check'
import { Uint8ArrayList } from 'uint8arraylist'
import { beforeAll, describe, expect, it } from 'vitest'
import { openEnvelope, sealEnvelope } from '../src/gossip-envelope.ts'
import { compactToDer, derToCompact, libp2pPrivateKey, verifyFaster } from '../src/identity.ts'

const secp256k1 = await loadSecp256k1()
const key = Uint8Array.from({ length: 32 }, (_, i) => i + 1)
const publicKey = nobleSecp256k1.publicKey(key)
const digestOf = (message: Uint8Array): Uint8Array => createHash('sha256').update(message).digest()
const referenceVerify = (message: Uint8Array, der: Uint8Array): boolean => {
  try {
    return noble.verify(der, digestOf(message), publicKey, { prehash: false, format: 'der' })
  } catch {
    return false
  }
}

describe('libp2p signatures by the fast library', () => {
  const privateKey = libp2pPrivateKey(secp256k1, key)
  const publicLibp2p = publicKeyFromRaw(publicKey)
  beforeAll(() => verifyFaster(secp256k1, publicKey))

  it('are the same bytes as by libp2p, also over bytes in pieces', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (message) => {
        const expected = noble.sign(digestOf(message), key, { prehash: false, format: 'der' })
        const pieces = new Uint8ArrayList(message.subarray(0, 3), message.subarray(3))
        expect(Buffer.compare(privateKey.sign(message) as Uint8Array, expected)).toBe(0)
        expect(Buffer.compare(privateKey.sign(pieces) as Uint8Array, expected)).toBe(0)
        expect(publicLibp2p.verify(pieces, expected)).toBe(true)
      }),
      { numRuns: 30 },
    )
  })

  it('are taken and refused exactly as by libp2p, whatever is changed in them', async () => {
    const message = new TextEncoder().encode('message')
    const good = privateKey.sign(message) as Uint8Array
    const change = fc.record({ at: fc.nat(good.length - 1), to: fc.nat(255), cut: fc.nat(3), add: fc.nat(2) })
    await fc.assert(
      fc.asyncProperty(change, async ({ at, to, cut, add }) => {
        const changed = Uint8Array.from([...good.subarray(0, good.length - cut), ...new Uint8Array(add)])
        if (at < changed.length) changed[at] = to
        let taken = false
        try {
          taken = await publicLibp2p.verify(message, changed)
        } catch {
          taken = false
        }
        expect(taken).toBe(referenceVerify(message, changed))
      }),
      { numRuns: 200 },
    )
  })

  it('with a high s are refused, as the other spelling of a signature', async () => {
    const message = new TextEncoder().encode('message')
    const low = noble.Signature.fromBytes(privateKey.sign(message) as Uint8Array, 'der')
    const high = new noble.Signature(low.r, noble.Point.Fn.ORDER - low.s).toBytes('der')
    expect(await publicLibp2p.verify(message, high)).toBe(false)
  })

  it('survive DER and back', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 64, maxLength: 64 }), (compact) => {
        const back = derToCompact(compactToDer(compact))
        expect(back?.subarray(0, 64)).toEqual(compact)
      }),
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
        const compact = derToCompact(bytes)
        if (compact !== undefined) expect(compactToDer(compact)).toEqual(bytes)
      }),
    )
  })
})

describe('a gossip envelope', () => {
  const signer = createSigner(secp256k1, key)
  const payload = new TextEncoder().encode('cheap compute')
  const sentAt = 1_800_000_000_000 as never

  it('gives back its author, time and payload', () => {
    const envelope = sealEnvelope(signer, 'offers', { payload, sentAt })
    const opened = openEnvelope(secp256k1, 'offers', envelope)
    expect(opened).toEqual({ author: publicKeyFromRaw(publicKey).toString(), sentAt, payload })
  })

  it('is refused with any bit changed, for another topic, and cut short', () => {
    const envelope = sealEnvelope(signer, 'offers', { payload, sentAt })
    for (let at = 0; at < envelope.length; at++) {
      const changed = Uint8Array.from(envelope)
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8))
      // The recovery byte is not looked at by a check against a known key, but it is at home in one of two values only.
      if (at === 106) changed[at] = 99
      expect(() => openEnvelope(secp256k1, 'offers', changed)).toThrow(
        expect.objectContaining({ code: 'NETWORK_BAD_MESSAGE' }),
      )
    }
    expect(() => openEnvelope(secp256k1, 'offer', envelope)).toThrow()
    for (const length of [0, 1, 106])
      expect(() => openEnvelope(secp256k1, 'offers', envelope.subarray(0, length))).toThrow()
  })

  it('throws nothing but the typed error at any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        expect(() => openEnvelope(secp256k1, 'offers', bytes)).toThrow(
          expect.objectContaining({ code: 'NETWORK_BAD_MESSAGE' }),
        )
      }),
    )
    expect(() => openEnvelope(secp256k1, 'offers', randomBytes(70_000))).toThrow()
  })
})
