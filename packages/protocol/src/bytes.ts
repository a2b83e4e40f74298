import { concatBytes as concat, bytesToHex as toHexDigits } from '@noble/hashes/utils.js'
import type { Address, Hash } from '@stead/core'

const NOT_A_DIGIT = 0xff

/** The value of each hexadecimal digit at its character code. */
const DIGIT_VALUES = digitValues()

function digitValues(): Uint8Array {
  const values = new Uint8Array(128).fill(NOT_A_DIGIT)
  for (let value = 0; value < 16; value++) {
    const digit = value.toString(16)
    values[digit.charCodeAt(0)] = value
    values[digit.toUpperCase().charCodeAt(0)] = value
  }
  return values
}

/** `0x` and lower-case hexadecimal digits of `bytes`. */
export function bytesToHex(bytes: Uint8Array): `0x${string}` {
  return `0x${toHexDigits(bytes)}`
}

/** Bytes of `0x…`, any letter case. @throws RangeError when it is not whole bytes of hexadecimal */
export function hexToBytes(hex: string): Uint8Array {
  const bytes = new Uint8Array(hexBytes(hex))
  setHex(bytes, hex, 0)
  return bytes
}

/**
 * Writes the bytes of `0x…` to a place of an array. Digit by digit: the engine's own
 * `Uint8Array.fromHex` takes ten times as long for a hash.
 * @throws RangeError when it is not whole bytes of hexadecimal, or when there is no room for them
 */
export function setHex(target: Uint8Array, hex: string, place: number): void {
  const start = digitsFrom(hex)
  const count = hexBytes(hex)
  if (place + count > target.length) throw new RangeError(`no room for ${count} bytes`)
  for (let index = 0; index < count; index++) {
    const high = DIGIT_VALUES[hex.charCodeAt(start + 2 * index)] ?? NOT_A_DIGIT
    const low = DIGIT_VALUES[hex.charCodeAt(start + 2 * index + 1)] ?? NOT_A_DIGIT
    if ((high | low) === NOT_A_DIGIT) throw new RangeError(`not hexadecimal: ${JSON.stringify(hex.slice(0, 80))}`)
    target[place + index] = (high << 4) | low
  }
}

function digitsFrom(hex: string): number {
  return hex.startsWith('0x') ? 2 : 0
}

function hexBytes(hex: string): number {
  const digits = hex.length - digitsFrom(hex)
  if (digits % 2 !== 0) throw new RangeError(`${digits} hexadecimal digits are not whole bytes`)
  return digits / 2
}

/** 32 bytes as a {@link Hash}. @throws RangeError when the length is not 32 */
export function hashFromBytes(bytes: Uint8Array): Hash {
  if (bytes.length !== 32) throw new RangeError(`a hash has 32 bytes, not ${bytes.length}`)
  return bytesToHex(bytes) as Hash
}

/** 20 bytes as an {@link Address}. @throws RangeError when the length is not 20 */
export function addressFromBytes(bytes: Uint8Array): Address {
  if (bytes.length !== 20) throw new RangeError(`an address has 20 bytes, not ${bytes.length}`)
  return bytesToHex(bytes) as Address
}

/** All parts in one array. */
export function concatBytes(...parts: Uint8Array[]): Uint8Array {
  return concat(...parts)
}

/** True when both have the same bytes; takes the same time wherever they differ. */
export function equalBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false
  let difference = 0
  for (let i = 0; i < left.length; i++) difference |= (left[i] ?? 0) ^ (right[i] ?? 0)
  return difference === 0
}

/** An unsigned integer as `length` bytes, most significant first. @throws RangeError when it does not fit */
export function uintToBytes(value: bigint, length: number): Uint8Array {
  if (value < 0n || value >> BigInt(length * 8) !== 0n) throw new RangeError(`${value} does not fit in ${length} bytes`)
  const bytes = new Uint8Array(length)
  let rest = value
  for (let i = length - 1; i >= 0 && rest > 0n; i--) {
    bytes[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
  return bytes
}
