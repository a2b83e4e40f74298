/**
 * A key of a tree, one character for each byte (U+0000 .. U+00FF): in that spelling bytes compare, cut and are found in
 * maps as fast as text, in the order of the bytes.
 */
export type TreeKey = string

const text = new TextEncoder()
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
/** Arguments of one call that every engine takes. */
const CHUNK = 4096

/** The key that these bytes are. */
export function keyOfBytes(bytes: Uint8Array): TreeKey {
  if (bytes.length <= CHUNK) return String.fromCharCode(...bytes)
  let key = ''
  for (let at = 0; at < bytes.length; at += CHUNK) key += String.fromCharCode(...bytes.subarray(at, at + CHUNK))
  return key
}

/** The bytes of a key. */
export function bytesOfKey(key: TreeKey): Uint8Array {
  const bytes = new Uint8Array(key.length)
  for (let at = 0; at < key.length; at++) bytes[at] = key.charCodeAt(at)
  return bytes
}

/** The UTF-8 of a text. */
export function keyOfText(value: string): TreeKey {
  return keyOfBytes(text.encode(value))
}

/** The text that a key is the UTF-8 of. @throws TypeError when it is none */
export function textOfKey(key: TreeKey): string {
  return utf8.decode(bytesOfKey(key))
}

/** A whole number as so many bytes, most significant first. @throws RangeError when it does not fit */
export function keyOfUint(value: number, lengthBytes: number): TreeKey {
  if (!Number.isSafeInteger(value) || value < 0 || value >= 256 ** lengthBytes)
    throw new RangeError(`${value} is no number of ${lengthBytes} bytes`)
  let key = ''
  let rest = value
  for (let at = 0; at < lengthBytes; at++) {
    key = String.fromCharCode(rest % 256) + key
    rest = Math.floor(rest / 256)
  }
  return key
}

/** The number that a key of at most 6 bytes spells. */
export function uintOfKey(key: TreeKey): number {
  let value = 0
  for (let at = 0; at < key.length; at++) value = value * 256 + key.charCodeAt(at)
  return value
}

/** The first key behind all that begin with a prefix; undefined when there is none. */
export function endOfPrefix(prefix: TreeKey): TreeKey | undefined {
  let length = prefix.length
  while (length > 0 && prefix.charCodeAt(length - 1) === 0xff) length--
  if (length === 0) return undefined
  return prefix.slice(0, length - 1) + String.fromCharCode(prefix.charCodeAt(length - 1) + 1)
}
