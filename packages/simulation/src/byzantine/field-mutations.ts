import type { Random } from '@stead/core'
import { concatBytes } from '@stead/protocol'

/** One field of a protobuf message, as it is on the wire. */
interface WireField {
  readonly number: number
  readonly wireType: number
  /** What follows the tag: a varint, fixed bytes, or the content of a field with a length. */
  readonly content: Uint8Array
}

const VARINT = 0
const FIXED64 = 1
const DELIMITED = 2
const FIXED32 = 5
const FIXED_BYTES: Readonly<Record<number, number>> = { [FIXED64]: 8, [FIXED32]: 4 }
const DEPTH_MAX = 3
const POOL_MAX = 128
const LONG_BYTES = 4096
/** Where code for numbers breaks: none, one, edges of 32, 53 and 64 bits, and more than 64 bits. */
const EXTREMES: readonly bigint[] = [
  0n,
  1n,
  0x7fff_ffffn,
  0xffff_ffffn,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
  2n ** 70n,
]

/** Makes valid messages wrong in one field: what a program sends that was written against another version, or by an enemy. */
export class FieldMutations {
  readonly #random: Random
  /** Contents of fields of earlier messages: other peers, other channels, old versions of the same. */
  readonly #seen: Uint8Array[] = []

  constructor(random: Random) {
    this.#random = random
  }

  /** The message with one field missing, twice, moved, at an extreme, cut, stretched, or with the content of another. */
  mutate(bytes: Uint8Array): Uint8Array {
    return this.#mutated(bytes, 0) ?? bytes
  }

  #mutated(bytes: Uint8Array, depth: number): Uint8Array | undefined {
    const fields = fieldsOf(bytes)
    const at = this.#below(fields?.length ?? 0)
    const field = fields?.[at]
    if (fields === undefined || field === undefined) return undefined
    this.#remember(field)
    const inner =
      field.wireType === DELIMITED && depth < DEPTH_MAX && this.#random.fraction() < 0.6
        ? this.#mutated(field.content, depth + 1)
        : undefined
    const changed = inner === undefined ? this.#changed(field) : [{ ...field, content: inner }]
    const others = this.#random.fraction() < 0.1 ? fields.toReversed() : fields
    return bytesOf(others.flatMap((other) => (other === field ? changed : [other])))
  }

  #changed(field: WireField): readonly WireField[] {
    const kind = this.#below(6)
    if (kind === 0) return []
    if (kind === 1) return [field, field]
    if (kind === 2) return [{ ...field, number: 1 + this.#below(12) }]
    if (field.wireType === VARINT) return [{ ...field, content: varint(this.#oneOf(EXTREMES, 0n)) }]
    if (field.wireType !== DELIMITED) return [{ ...field, content: this.#random.bytes(field.content.length) }]
    if (kind === 3) return [{ ...field, content: field.content.slice(0, this.#below(field.content.length + 1)) }]
    if (kind === 4) return [{ ...field, content: concatBytes(field.content, new Uint8Array(this.#below(LONG_BYTES))) }]
    const alike = this.#seen.filter(({ length }) => length === field.content.length)
    return [{ ...field, content: this.#oneOf(alike, this.#random.bytes(field.content.length)) }]
  }

  #remember({ wireType, content }: WireField): void {
    if (wireType !== DELIMITED || content.length > LONG_BYTES) return
    if (this.#seen.length < POOL_MAX) this.#seen.push(content)
    else this.#seen[this.#below(POOL_MAX)] = content
  }

  #below(count: number): number {
    return Math.floor(this.#random.fraction() * count)
  }

  #oneOf<Item>(items: readonly Item[], fallback: Item): Item {
    return items[this.#below(items.length)] ?? fallback
  }
}

/** A message with a field that nobody knows behind it, of so many bytes. */
export function padded(bytes: Uint8Array, byUpTo: number): Uint8Array {
  return concatBytes(bytes, bytesOf([{ number: 2000, wireType: DELIMITED, content: new Uint8Array(byUpTo) }]))
}

/** The fields of a message; undefined when the bytes are none. */
function fieldsOf(bytes: Uint8Array): readonly WireField[] | undefined {
  const fields: WireField[] = []
  let at = 0
  while (at < bytes.length) {
    const tag = readVarint(bytes, at)
    if (tag === undefined) return undefined
    const [number, wireType] = [Number(tag.value >> 3n), Number(tag.value & 7n)]
    const end = endOf(bytes, tag.end, wireType)
    if (end === undefined || number === 0 || end.to > bytes.length) return undefined
    fields.push({ number, wireType, content: bytes.slice(end.from, end.to) })
    at = end.to
  }
  return fields
}

/** Where the content of a field begins and ends. */
function endOf(bytes: Uint8Array, at: number, wireType: number): { from: number; to: number } | undefined {
  const fixed = FIXED_BYTES[wireType]
  if (fixed !== undefined) return { from: at, to: at + fixed }
  if (wireType !== VARINT && wireType !== DELIMITED) return undefined
  const number = readVarint(bytes, at)
  if (number === undefined) return undefined
  if (wireType === VARINT) return { from: at, to: number.end }
  return { from: number.end, to: number.end + Number(number.value) }
}

function readVarint(bytes: Uint8Array, at: number): { readonly value: bigint; readonly end: number } | undefined {
  let value = 0n
  for (let index = 0; index < 10; index++) {
    const byte = bytes[at + index]
    if (byte === undefined) return undefined
    value |= BigInt(byte & 0x7f) << BigInt(7 * index)
    if (byte < 0x80) return { value, end: at + index + 1 }
  }
  return undefined
}

function varint(value: bigint): Uint8Array {
  const bytes: number[] = []
  let rest = value
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80)
    rest >>= 7n
  }
  bytes.push(Number(rest))
  return Uint8Array.from(bytes)
}

function bytesOf(fields: readonly WireField[]): Uint8Array {
  const parts = fields.flatMap(({ number, wireType, content }) => {
    const tag = varint((BigInt(number) << 3n) | BigInt(wireType))
    return wireType === DELIMITED ? [tag, varint(BigInt(content.length)), content] : [tag, content]
  })
  return concatBytes(...parts)
}
