const utf8 = new TextEncoder()

/** Appends WebAssembly's primitive encodings to a buffer that doubles as it fills. */
export class ByteWriter {
  #buffer: Uint8Array<ArrayBuffer>
  #length = 0

  constructor(capacityBytes = 256) {
    this.#buffer = new Uint8Array(Math.max(capacityBytes, 16))
  }

  get length(): number {
    return this.#length
  }

  u8(byte: number): void {
    if (this.#length === this.#buffer.length) this.#reserve(1)
    this.#buffer[this.#length++] = byte
  }

  /** Unsigned LEB128, shortest form. */
  u32(value: number): void {
    let rest = value >>> 0
    while (rest >= 0x80) {
      this.u8((rest & 0x7f) | 0x80)
      rest >>>= 7
    }
    this.u8(rest)
  }

  /** Signed LEB128 of a 32-bit integer, shortest form. */
  s32(value: number): void {
    let rest = value | 0
    for (;;) {
      const low = rest & 0x7f
      rest >>= 7
      if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) {
        this.u8(low)
        return
      }
      this.u8(low | 0x80)
    }
  }

  /** Signed LEB128 of a 64-bit integer, shortest form. */
  s64(value: bigint): void {
    let rest = BigInt.asIntN(64, value)
    for (;;) {
      const low = Number(rest & 0x7fn)
      rest >>= 7n
      if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) {
        this.u8(low)
        return
      }
      this.u8(low | 0x80)
    }
  }

  /** Length-prefixed UTF-8. */
  name(text: string): void {
    this.vector(utf8.encode(text))
  }

  /** Length-prefixed bytes. */
  vector(bytes: Uint8Array): void {
    this.u32(bytes.length)
    this.range(bytes, 0, bytes.length)
  }

  /** The bytes as they are. */
  raw(...bytes: readonly number[]): void {
    for (const byte of bytes) this.u8(byte)
  }

  /** Copies `source[from, to)`. */
  range(source: Uint8Array, from: number, to: number): void {
    const length = to - from
    if (length <= 0) return
    this.#reserve(length)
    this.#buffer.set(source.subarray(from, to), this.#length)
    this.#length += length
  }

  /** Forgets what was written and keeps the buffer. */
  clear(): void {
    this.#length = 0
  }

  /** A view of what was written; valid until the next write. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#buffer.subarray(0, this.#length)
  }

  #reserve(lengthBytes: number): void {
    const needed = this.#length + lengthBytes
    if (needed <= this.#buffer.length) return
    const grown = new Uint8Array(Math.max(this.#buffer.length * 2, needed))
    grown.set(this.#buffer.subarray(0, this.#length))
    this.#buffer = grown
  }
}
