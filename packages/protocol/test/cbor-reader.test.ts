import { decode as decodeAny, encode as encodeAny } from '@ipld/dag-cbor'
import fc from 'fast-check'
import { CID } from 'multiformats/cid'
import { describe, expect, test } from 'vitest'
import { contentIdOf, offerSchema } from '../src/index.ts'
import { decodeCbor } from '../src/schema/cbor-reader.ts'
import { anyOffer } from './arbitraries.ts'

/** The value, or that it is refused. */
function outcomeOf(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): { readonly value?: unknown } {
  try {
    return { value: decode(bytes) }
  } catch {
    return {}
  }
}

const anyBytes = fc.uint8Array({ maxLength: 40 })
const anyLink = anyBytes.map((bytes) => CID.parse(contentIdOf('raw', bytes)))
const anyPlain = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.nat(),
    fc.maxSafeInteger(),
    fc.double({ noNaN: true }).filter(Number.isFinite),
    fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }),
    fc.boolean(),
    fc.constant(null),
    fc.string({ unit: 'binary', maxLength: 40 }),
    anyBytes,
    anyLink,
    fc.array(tie('value'), { maxLength: 30 }),
    fc.dictionary(fc.oneof(fc.constantFrom('node', 'version', 'offers'), fc.string({ maxLength: 30 })), tie('value')),
  ),
})).value

describe('reading documents', () => {
  test('gives what the general decoder gives, of all that can be said', () => {
    fc.assert(
      fc.property(anyPlain, (plain) => {
        const bytes = Uint8Array.from(encodeAny(plain))
        expect(decodeCbor(bytes)).toEqual(decodeAny(bytes))
        expect(decodeCbor(Buffer.from(bytes))).toEqual(decodeAny(bytes))
      }),
      { numRuns: 500 },
    )
  })

  test('takes and refuses what the general decoder does, whatever the bytes', () => {
    const change = fc.tuple(fc.nat(), fc.nat({ max: 255 }))
    const documents = fc.oneof(
      anyPlain.map((plain) => Uint8Array.from(encodeAny(plain))),
      anyOffer.map((offer) => offerSchema.encodeDocument(offer)),
    )
    fc.assert(
      fc.property(documents, fc.array(change, { maxLength: 4 }), fc.nat({ max: 3 }), (bytes, changes, cut) => {
        const hostile = bytes.slice(0, Math.max(0, bytes.length - (cut === 3 ? 1 : 0)))
        for (const [at, byte] of changes) if (hostile.length > 0) hostile[at % hostile.length] = byte
        expect(outcomeOf(decodeCbor, hostile)).toEqual(outcomeOf(decodeAny, hostile))
      }),
      { numRuns: 2_000 },
    )
  })

  test.each([
    ['an integer longer than it need be', [0x18, 0x17]],
    ['a length longer than it need be', [0x58, 0x01, 0x00]],
    ['a key twice', [0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x02]],
    ['a key that is a number', [0xa1, 0x01, 0x01]],
    ['more after the end', [0x01, 0x01]],
    ['less than it says', [0x82, 0x01]],
    ['a length of 2^53', [0x5b, 0x00, 0x20, 0, 0, 0, 0, 0, 0]],
    ['an unknown tag', [0xc1, 0x01]],
    ['a link without its prefix', [0xd8, 0x2a, 0x41, 0x01]],
    ['an endless list', [0x9f, 0x01, 0xff]],
  ])('refuses %s', (_, bytes) => {
    expect(() => decodeCbor(Uint8Array.from(bytes))).toThrow()
  })

  test('keeps a key that means something to the language', () => {
    const bytes = Uint8Array.from([0xa1, 0x69, ...new TextEncoder().encode('__proto__'), 0x01])
    expect(Object.getOwnPropertyNames(decodeCbor(bytes))).toEqual(['__proto__'])
  })

  test('copies what it gives', () => {
    const bytes = Uint8Array.from(encodeAny({ data: Uint8Array.of(1, 2, 3) }))
    const decoded = decodeCbor(bytes)
    bytes.fill(0)
    expect(decoded).toEqual({ data: Uint8Array.of(1, 2, 3) })
  })
})
