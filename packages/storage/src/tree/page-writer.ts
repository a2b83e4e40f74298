import type { TreeKey } from './tree-key.ts'

/** Writes the fields of a page, one after another. */
export class PageWriter {
  readonly #bytes: Uint8Array
  #at = 0

  /** @param bytesMax what the page takes at most */
  constructor(bytesMax: number) {
    this.#bytes = new Uint8Array(bytesMax)
  }

  /** A whole number as 1 .. 6 bytes, big endian. */
  uint(value: number, lengthBytes: number): void {
    let rest = value
    for (let at = this.#at + lengthBytes - 1; at >= this.#at; at--) {
      this.#bytes[at] = rest % 256
      rest = Math.floor(rest / 256)
    }
    this.#at += lengthBytes
  }

  /** A key with its length in two bytes. */
  key(key: TreeKey): void {
    this.uint(key.length, 2)
    for (let index = 0; index < key.length; index++) this.#bytes[this.#at + index] = key.charCodeAt(index)
    this.#at += key.length
  }

  bytes(value: Uint8Array): void {
    this.#bytes.set(value, this.#at)
    this.#at += value.length
  }

  /** What was written. */
  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#at)
  }
}
