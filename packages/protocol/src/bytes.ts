import { concatBytes as concat, hexToBytes as fromHexDigits, bytesToHex as toHexDigits } from '@noble/hashes/utils.js'
import type { Address, Hash } from '@stead/core'

/** `0x` and lower-case hexadecimal digits of `bytes`. */
export function bytesToHex(bytes: Uint8Array): `0x${string}` {
  return `0x${toHexDigits(bytes)}`
}

/** Bytes of `0x…`, any letter case. @throws RangeError or TypeError when it is not whole bytes of hexadecimal */
export function hexToBytes(hex: string): Uint8Array {
  return fromHexDigits(hex.startsWith('0x') ? hex.slice(2) : hex)
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
