import { SandboxError } from '../errors.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Reads WebAssembly's primitive encodings from hostile bytes. Every method throws SandboxError SANDBOX_MALFORMED with
 * the byte offset when the bytes end early or are not a legal encoding; none allocates more than it was given.
 */
export class ByteReader {
  readonly bytes: Uint8Array
  /** Next byte to read; may be set to jump. */
  offset: number
  /** First byte that may not be read. */
  end: number

  constructor(bytes: Uint8Array, offset = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.offset = offset
    this.end = end
  }

  /** The error for what is wrong at `offset`. */
  malformed(what: string, offset: number = this.offset): SandboxError {
    return new SandboxError('SANDBOX_MALFORMED', `not a valid module: ${what} at byte ${offset}`, {
      details: { offset, what },
    })
  }

  u8(): number {
    if (this.offset >= this.end) throw this.malformed('unexpected end')
    return this.bytes[this.offset++] as number
  }

  /** Unsigned LEB128 of at most 32 bits; over-long forms up to 5 bytes are legal, as in the specification. */
  u32(): number {
    const start = this.offset
    let result = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8()
      if (shift === 28 && byte > 0x0f) throw this.malformed('integer of more than 32 bits', start)
      result |= (byte & 0x7f) << shift
      if (byte < 0x80) return result >>> 0
    }
    throw this.malformed('integer of more than 32 bits', start)
  }

  /** Signed LEB128 of at most 32 bits. */
  s32(): number {
    const start = this.offset
    let result = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.u8()
      result |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (shift === 28 && !isSignFill(byte, 4)) throw this.malformed('integer of more than 32 bits', start)
        return shift < 28 && (byte & 0x40) !== 0 ? result | (-1 << (shift + 7)) : result | 0
      }
    }
    throw this.malformed('integer of more than 32 bits', start)
  }

  /** Signed LEB128 of at most 33 bits, the encoding of block types. */
  s33(): number {
    const start = this.offset
    let result = 0
    let scale = 1
    for (let index = 0; index < 5; index++) {
      const byte = this.u8()
      if (index === 4 && byte < 0x80 && !isSignFill(byte, 5))
        throw this.malformed('integer of more than 33 bits', start)
      result += (byte & 0x7f) * scale
      scale *= 128
      if (byte < 0x80) return (byte & 0x40) !== 0 ? result - scale : result
    }
    throw this.malformed('integer of more than 33 bits', start)
  }

  /** Skips a signed LEB128 of at most 64 bits, checking its form. */
  skipS64(): void {
    const start = this.offset
    for (let index = 0; index < 10; index++) {
      const byte = this.u8()
      if (index === 9 && byte !== 0x00 && byte !== 0x7f) break
      if (byte < 0x80) return
    }
    throw this.malformed('integer of more than 64 bits', start)
  }

  /** True when the LEB128 number here goes on after `bytesMax` bytes. */
  isLongerThan(bytesMax: number): boolean {
    for (let at = this.offset; at < this.end; at++) {
      if ((this.bytes[at] as number) < 0x80) return false
      if (at - this.offset === bytesMax - 1) return true
    }
    return false
  }

  skip(lengthBytes: number): void {
    if (lengthBytes > this.end - this.offset) throw this.malformed('unexpected end', this.end)
    this.offset += lengthBytes
  }

  /** A length-prefixed UTF-8 name. */
  name(): string {
    const start = this.offset
    const lengthBytes = this.u32()
    const from = this.offset
    this.skip(lengthBytes)
    try {
      return utf8.decode(this.bytes.subarray(from, this.offset))
    } catch {
      throw this.malformed('name that is not UTF-8', start)
    }
  }

  /** A count of entries that take at least one byte each, so that it can be no larger than what is left. */
  count(what: string): number {
    const start = this.offset
    const count = this.u32()
    if (count > this.end - this.offset) throw this.malformed(`${what} count ${count} beyond the section`, start)
    return count
  }
}

/** True when the bits above the `usedBits` lowest (of 7) all repeat the sign bit. */
function isSignFill(byte: number, usedBits: number): boolean {
  const fill = (byte & 0x7f) >> (usedBits - 1)
  return fill === 0 || fill === 0x7f >> (usedBits - 1)
}
