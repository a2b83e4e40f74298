const HEADER = Uint8Array.of(0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00)

/** Ids of the sections that a snapshot replaces. */
export const SectionId = { custom: 0, memory: 5, global: 6, export: 7, code: 10, data: 11, dataCount: 12 } as const

/** One section of a binary. */
export interface Section {
  readonly id: number
  readonly content: Uint8Array
}

/** Splits a valid WebAssembly binary into its sections. */
export function readSections(binary: Uint8Array): Section[] {
  const sections: Section[] = []
  const reader = new SectionReader(binary, HEADER.length)
  while (!reader.atEnd) {
    const id = reader.byte()
    sections.push({ id, content: reader.bytes(reader.unsigned()) })
  }
  return sections
}

/** A binary of these sections, in this order. */
export function writeSections(sections: readonly Section[]): Uint8Array<ArrayBuffer> {
  const writer = new SectionWriter()
  writer.bytes(HEADER)
  for (const { id, content } of sections) writer.byte(id).unsigned(content.length).bytes(content)
  return writer.finish()
}

/** Reads the numbers and names of one section (or a whole binary) from front to back. */
export class SectionReader {
  readonly #bytes: Uint8Array
  #offset: number

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = bytes
    this.#offset = offset
  }

  get atEnd(): boolean {
    return this.#offset >= this.#bytes.length
  }

  get offset(): number {
    return this.#offset
  }

  byte(): number {
    const byte = this.#bytes[this.#offset++]
    if (byte === undefined) throw new RangeError('a WebAssembly binary ends within a section')
    return byte
  }

  bytes(length: number): Uint8Array {
    const start = this.#offset
    this.#offset += length
    if (this.#offset > this.#bytes.length) throw new RangeError('a WebAssembly binary ends within a section')
    return this.#bytes.subarray(start, this.#offset)
  }

  /** LEB128, at most 32 bits. */
  unsigned(): number {
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) return value
    }
  }

  /** Signed LEB128, at most 64 bits. */
  signed(): bigint {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = this.byte()
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return BigInt.asIntN(Number(shift) + 7, value)
    }
  }
}

/** Writes the numbers and names of one section (or a whole binary). */
export class SectionWriter {
  readonly #parts: Uint8Array[] = []
  #length = 0

  byte(value: number): this {
    return this.bytes(Uint8Array.of(value))
  }

  bytes(part: Uint8Array): this {
    this.#parts.push(part)
    this.#length += part.length
    return this
  }

  /** LEB128 of an integer below 2^32. */
  unsigned(value: number): this {
    const bytes: number[] = []
    let rest = value
    for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80)
    return this.bytes(Uint8Array.of(...bytes, rest))
  }

  /** Signed LEB128. */
  signed(value: bigint): this {
    const bytes: number[] = []
    let rest = value
    for (; rest < -64n || rest > 63n; rest >>= 7n) bytes.push(Number(rest & 0x7fn) | 0x80)
    return this.bytes(Uint8Array.of(...bytes, Number(rest & 0x7fn)))
  }

  finish(): Uint8Array<ArrayBuffer> {
    const whole = new Uint8Array(this.#length)
    let offset = 0
    for (const part of this.#parts) {
      whole.set(part, offset)
      offset += part.length
    }
    return whole
  }
}
