import { sha256 as nobleSha256 } from '@noble/hashes/sha2.js'
import { keccak_256 } from '@noble/hashes/sha3.js'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { bytesToHex, concatBytes, hexToBytes, setHex, uintToBytes } from '../src/bytes.ts'
import { keccak256 } from '../src/node/keccak256.ts'
import { sha256 } from '../src/node/sha256.ts'

const someBytes = fc.uint8Array({ maxLength: 300 })

describe('hexadecimal', () => {
  test('gives the bytes that it was made of, in any letter case and with or without its prefix', () => {
    fc.assert(
      fc.property(someBytes, (bytes) => {
        const hex = bytesToHex(bytes)
        expect(hex).toBe(`0x${Buffer.from(bytes).toString('hex')}`)
        expect(hexToBytes(hex)).toEqual(bytes)
        expect(hexToBytes(hex.slice(2).toUpperCase())).toEqual(bytes)
      }),
    )
  })

  test.each(['0x1', '0', '0xg0', '0x0g', '0x 0', '0x-1', '0x\u{ff}0', '0x٠٠', '0x💾', '0x0x00', 'X0', '0X00'])(
    'refuses %j',
    (text) => {
      expect(() => hexToBytes(text)).toThrow(RangeError)
    },
  )

  test('is written to a place, and refused where there is no room', () => {
    const target = new Uint8Array(4).fill(7)
    setHex(target, '0xabcd', 1)
    expect(target).toEqual(Uint8Array.of(7, 0xab, 0xcd, 7))
    expect(() => setHex(target, '0xabcd', 3)).toThrow(RangeError)
    expect(target).toEqual(Uint8Array.of(7, 0xab, 0xcd, 7))
  })
})

test('integers are written in as many bytes as are asked for', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: (1n << 256n) - 1n }), fc.integer({ min: 0, max: 40 }), (value, length) => {
      if (value >> BigInt(8 * length) !== 0n) {
        expect(() => uintToBytes(value, length)).toThrow(RangeError)
        return
      }
      expect(bytesToHex(uintToBytes(value, length)).slice(2)).toBe(
        length === 0 ? '' : value.toString(16).padStart(2 * length, '0'),
      )
    }),
  )
  expect(() => uintToBytes(-1n, 32)).toThrow(RangeError)
})

test('parts are joined in their order', () => {
  fc.assert(
    fc.property(fc.array(someBytes, { maxLength: 5 }), (parts) => {
      expect(concatBytes(...parts)).toEqual(new Uint8Array(Buffer.concat(parts)))
    }),
  )
})

test('OpenSSL and JavaScript give the same digests', () => {
  fc.assert(
    fc.property(someBytes, (bytes) => {
      expect(keccak256(bytes)).toEqual(keccak_256(bytes))
      expect(sha256(bytes)).toEqual(nobleSha256(bytes))
    }),
  )
})
