import { ProtocolError } from '@stead/protocol'
import { keyOfBytes, type TreeKey } from './tree-key.ts'

/** Reads the fields of a page, one after another; each method throws ProtocolError PROTOCOL_MALFORMED behind the end. */
export class PageReader {
  readonly #bytes: Uint8Array
  #at = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
  }

  /** A whole number of 1 .. 6 bytes, big endian. */
  uint(lengthBytes: number): number {
    const end = this.#take(lengthBytes)
    let value = 0
    for (let at = end - lengthBytes; at < end; at++) value = value * 256 + (this.#bytes[at] ?? 0)
    return value
  }

  /** A key with its length in two bytes. */
  key(): TreeKey {
    return keyOfBytes(this.bytes(this.uint(2)))
  }

  /** Bytes of the page itself, not a copy. */
  bytes(lengthBytes: number): Uint8Array {
    const end = this.#take(lengthBytes)
    return this.#bytes.subarray(end - lengthBytes, end)
  }

  /** Nothing may follow. */
  end(): void {
    if (this.#at !== this.#bytes.length) this.#refuse()
  }

  #take(lengthBytes: number): number {
    this.#at += lengthBytes
    if (this.#at > this.#bytes.length) this.#refuse()
    return this.#at
  }

  #refuse(): never {
    throw new ProtocolError('PROTOCOL_MALFORMED', `a page of ${this.#bytes.length} bytes does not end where it says`)
  }
}
