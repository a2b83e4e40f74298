/** Major types of CBOR (RFC 8949) that documents use, in the upper three bits. */
export const CBOR_MAJOR = { uint: 0x00, bytes: 0x40, text: 0x60, list: 0x80, map: 0xa0, tag: 0xc0 } as const

/** The tag of an IPLD link. */
export const LINK_TAG = 42
const SMALLEST_CAPACITY = 4096
/** A larger buffer is let go after the document that needed it. */
const LARGEST_KEPT = 1024 * 1024
const TRUE = 0xf5
const FALSE = 0xf4

const utf8 = new TextEncoder()

/**
 * Writes DAG-CBOR in its one canonical form: definite lengths, shortest heads; map keys come sorted from the schema.
 * Made for documents of a known shape: the general encoder looks at each value to find out what it is.
 */
export class CborWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(SMALLEST_CAPACITY)
  #length = 0

  /** The head of a value: its major type with a count, a length or the number itself, 0 .. 2^53-1. */
  head(major: number, count: number): void {
    this.#reserve(9)
    if (count < 24) this.#byte(major | count)
    else if (count < 0x100) {
      this.#byte(major | 24)
      this.#byte(count)
    } else if (count < 0x1_0000) {
      this.#byte(major | 25)
      this.#byte(count >>> 8)
      this.#byte(count)
    } else if (count < 0x1_0000_0000) {
      this.#byte(major | 26)
      this.#uint32(count)
    } else {
      this.#byte(major | 27)
      this.#uint32(Math.floor(count / 0x1_0000_0000))
      this.#uint32(count % 0x1_0000_0000)
    }
  }

  /** An integer 0 .. 2^64-1. */
  uint64(value: bigint): void {
    if (value <= 0xffff_ffffn) {
      this.head(CBOR_MAJOR.uint, Number(value))
      return
    }
    this.#reserve(9)
    this.#byte(CBOR_MAJOR.uint | 27)
    this.#uint32(Number(value >> 32n))
    this.#uint32(Number(value & 0xffff_ffffn))
  }

  bool(value: boolean): void {
    this.#reserve(1)
    this.#byte(value ? TRUE : FALSE)
  }

  bytes(value: Uint8Array): void {
    this.head(CBOR_MAJOR.bytes, value.length)
    this.raw(value)
  }

  text(value: string): void {
    const bytes = utf8.encode(value)
    this.head(CBOR_MAJOR.text, bytes.length)
    this.raw(bytes)
  }

  /** An IPLD link to a content id of these bytes. */
  link(id: Uint8Array): void {
    this.head(CBOR_MAJOR.tag, LINK_TAG)
    this.head(CBOR_MAJOR.bytes, id.length + 1)
    this.#reserve(1)
    // The identity prefix of multibase, which links have had since the first of them.
    this.#byte(0)
    this.raw(id)
  }

  /** Bytes that are CBOR already. */
  raw(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** Drops what was written, also after a value that could not be written whole. */
  reset(): void {
    this.#length = 0
    if (this.#bytes.length > LARGEST_KEPT) this.#bytes = new Uint8Array(SMALLEST_CAPACITY)
  }

  /** A copy of what was written. */
  finish(): Uint8Array {
    return this.#bytes.slice(0, this.#length)
  }

  #byte(value: number): void {
    this.#bytes[this.#length++] = value
  }

  #uint32(value: number): void {
    this.#byte(value >>> 24)
    this.#byte(value >>> 16)
    this.#byte(value >>> 8)
    this.#byte(value)
  }

  #reserve(count: number): void {
    const needed = this.#length + count
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, 2 * this.#bytes.length))
    grown.set(this.#bytes.subarray(0, this.#length))
    this.#bytes = grown
  }
}
