import { natives } from './natives.ts'

const REPLACEMENT = '\ufffd'
const LABELS: ReadonlySet<string> = new Set(['utf-8', 'utf8', 'unicode-1-1-utf-8'])

function bytesOf(source: ArrayBuffer | ArrayBufferView | undefined): Uint8Array {
  if (source === undefined) return new Uint8Array(0)
  if (source instanceof Uint8Array) return source
  if (ArrayBuffer.isView(source)) return new Uint8Array(source.buffer, source.byteOffset, source.byteLength)
  return new Uint8Array(source)
}

/** TextEncoder of the Encoding standard. */
export class GuestTextEncoder {
  readonly encoding = 'utf-8'

  encode(text = ''): Uint8Array {
    return natives.encode(String(text).toWellFormed())
  }

  encodeInto(text: string, target: Uint8Array): { read: number; written: number } {
    let read = 0
    let written = 0
    for (const character of String(text).toWellFormed()) {
      const bytes = natives.encode(character)
      if (written + bytes.length > target.length) break
      target.set(bytes, written)
      written += bytes.length
      read += character.length
    }
    return { read, written }
  }
}

/** TextDecoder of the Encoding standard, for UTF-8 alone. */
export class GuestTextDecoder {
  readonly encoding = 'utf-8'
  readonly fatal: boolean
  readonly ignoreBOM: boolean
  #rest: Uint8Array = new Uint8Array(0)
  #isBegun = false

  constructor(label = 'utf-8', options: { readonly fatal?: boolean; readonly ignoreBOM?: boolean } = {}) {
    if (!LABELS.has(String(label).trim().toLowerCase())) throw new RangeError(`only utf-8 can be decoded, not ${label}`)
    this.fatal = options.fatal === true
    this.ignoreBOM = options.ignoreBOM === true
  }

  decode(source?: ArrayBuffer | ArrayBufferView, options: { readonly stream?: boolean } = {}): string {
    let bytes = bytesOf(source)
    if (this.#rest.length > 0) bytes = joined(this.#rest, bytes)
    const length = options.stream === true ? bytes.length - unfinishedLength(bytes) : bytes.length
    this.#rest = bytes.slice(length)
    const whole = length === bytes.length ? bytes : bytes.subarray(0, length)
    let text = natives.decode(whole)
    // The engine decodes malformed bytes in a way of its own.
    if (text.includes(REPLACEMENT) || hasSurrogates(whole)) text = decodeByStandard(whole, this.fatal)
    if (!this.#isBegun && !this.ignoreBOM && text.startsWith('\ufeff')) text = text.slice(1)
    this.#isBegun = options.stream === true && (this.#isBegun || length > 0)
    return text
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length)
  whole.set(first)
  whole.set(second, first.length)
  return whole
}

/** Bytes at the end that begin a character without ending it. */
function unfinishedLength(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back] ?? 0
    if (byte < 0x80) return 0
    if (byte < 0xc0) continue
    const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2
    return length > back ? back : 0
  }
  return 0
}

/** True when there are surrogates encoded by themselves, which UTF-8 does not allow and the engine takes. */
function hasSurrogates(bytes: Uint8Array): boolean {
  for (let at = bytes.indexOf(0xed); at >= 0; at = bytes.indexOf(0xed, at + 1)) {
    if ((bytes[at + 1] ?? 0) >= 0xa0) return true
  }
  return false
}

/** First bytes that allow only a part of the usual second bytes 0x80 .. 0xbf. */
const SECOND_BYTES: ReadonlyMap<number, readonly [least: number, most: number]> = new Map([
  [0xe0, [0xa0, 0xbf]],
  [0xed, [0x80, 0x9f]],
  [0xf0, [0x90, 0xbf]],
  [0xf4, [0x80, 0x8f]],
])

/** The UTF-8 decoder of the Encoding standard: one U+FFFD for each longest part that could have begun a character. */
function decodeByStandard(bytes: Uint8Array, isFatal: boolean): string {
  const characters: string[] = []
  for (let at = 0; at < bytes.length; ) {
    const first = bytes[at++] ?? 0
    const length = first < 0x80 ? 1 : first < 0xc2 || first > 0xf4 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4
    let [least, most] = SECOND_BYTES.get(first) ?? [0x80, 0xbf]
    let code = length <= 1 ? first : first & (0x7f >> length)
    let left = length - 1
    for (; left > 0; left--) {
      const byte = bytes[at]
      if (byte === undefined || byte < least || byte > most) break
      code = (code << 6) | (byte & 0x3f)
      ;[least, most] = [0x80, 0xbf]
      at++
    }
    if (left !== 0 && isFatal) throw new TypeError('the bytes are not valid utf-8')
    characters.push(left === 0 ? String.fromCodePoint(code) : REPLACEMENT)
  }
  return characters.join('')
}
