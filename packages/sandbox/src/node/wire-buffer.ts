const utf8Encoder = new TextEncoder()
const utf8Decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Appends little-endian numbers and length-prefixed bytes to a buffer that doubles as it fills. */
export class WireWriter {
  #bytes: Uint8Array<ArrayBuffer>
  #view: DataView
  #length = 0

  constructor(capacityBytes = 1024) {
    this.#bytes = new Uint8Array(capacityBytes)
    this.#view = new DataView(this.#bytes.buffer)
  }

  get length(): number {
    return this.#length
  }

  u8(value: number): void {
    const at = this.#reserve(1)
    this.#bytes[at] = value
  }

  u32(value: number): void {
    const at = this.#reserve(4)
    this.#view.setUint32(at, value, true)
  }

  f64(value: number): void {
    const at = this.#reserve(8)
    this.#view.setFloat64(at, value, true)
  }

  u64(value: bigint): void {
    const at = this.#reserve(8)
    this.#view.setBigUint64(at, value, true)
  }

  /** The bytes without their length. */
  raw(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length)
    this.#bytes.set(bytes, at)
  }

  bytes(bytes: Uint8Array): void {
    this.u32(bytes.length)
    this.raw(bytes)
  }

  text(text: string): void {
    this.bytes(utf8Encoder.encode(text))
  }

  /** Starts a frame: leaves room for its length. The position to give to {@link endFrame}. */
  beginFrame(kind: number): number {
    const at = this.#reserve(5)
    this.#bytes[at + 4] = kind
    return at
  }

  endFrame(at: number): void {
    this.#view.setUint32(at, this.#length - at - 4, true)
  }

  /** Takes back a frame that could not be finished, so that nothing of it goes out with the next one. */
  dropFrame(at: number): void {
    this.#length = at
  }

  /** What was written, as an own buffer that can be transferred; the writer starts anew. */
  take(): Uint8Array<ArrayBuffer> {
    const taken = this.#bytes.slice(0, this.#length)
    this.#length = 0
    if (this.#bytes.length > 1_048_576) {
      this.#bytes = new Uint8Array(4096)
      this.#view = new DataView(this.#bytes.buffer)
    }
    return taken
  }

  #reserve(count: number): number {
    const at = this.#length
    const needed = at + count
    if (needed > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
      grown.set(this.#bytes.subarray(0, at))
      this.#bytes = grown
      this.#view = new DataView(grown.buffer)
    }
    this.#length = needed
    return at
  }
}

/** Reads what {@link WireWriter} wrote. Throws RangeError when the bytes end early, whoever sent them. */
export class WireReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  #at: number

  constructor(bytes: Uint8Array, at = 0) {
    // Never a Buffer: its slice() does not copy.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#at = at
  }

  get position(): number {
    return this.#at
  }

  get remaining(): number {
    return this.#bytes.length - this.#at
  }

  u8(): number {
    return this.#view.getUint8(this.#advance(1))
  }

  u32(): number {
    return this.#view.getUint32(this.#advance(4), true)
  }

  f64(): number {
    return this.#view.getFloat64(this.#advance(8), true)
  }

  u64(): bigint {
    return this.#view.getBigUint64(this.#advance(8), true)
  }

  /** A view of the next bytes. */
  raw(length: number): Uint8Array {
    const at = this.#advance(length)
    return this.#bytes.subarray(at, at + length)
  }

  /** A view of length-prefixed bytes. */
  bytes(): Uint8Array {
    return this.raw(this.u32())
  }

  text(): string {
    return utf8Decoder.decode(this.bytes())
  }

  #advance(length: number): number {
    const at = this.#at
    if (length > this.#bytes.length - at) throw new RangeError('message ends early')
    this.#at = at + length
    return at
  }
}
