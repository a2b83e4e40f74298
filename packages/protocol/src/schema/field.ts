import type { Address, ContentId, Fuel, Hash, MicroUsd, UnixMs } from '@stead/core'
import { CID } from 'multiformats/cid'
import type { Reader, Writer } from 'protons-runtime'
import { addressFromBytes, hashFromBytes, hexToBytes } from '../bytes.ts'
import { CONTENT_ID_LENGTH, contentIdFromBytes, contentIdToBytes } from '../content-id.ts'
import { ProtocolError } from '../errors.ts'
import { CBOR_MAJOR, type CborWriter } from './cbor-writer.ts'

/** Protobuf wire types that are used: 0 = varint, 2 = length-delimited. */
export type WireType = 0 | 2

/**
 * One kind of value, in both encodings: protobuf for messages between peers, DAG-CBOR for what is signed or
 * content-addressed. Every kind has a limit, checked before anything is allocated for it.
 */
export interface Field<T> {
  readonly wireType: WireType
  /** How the value is spelled in a .proto file, for the generated reference. */
  readonly protoType: string
  /** `list` repeats its tag, `optional` may be missing. */
  readonly presence: 'required' | 'optional' | 'list'
  write(writer: Writer, value: T): void
  /** @throws ProtocolError */
  read(reader: Reader, name: string): T
  writeCbor(out: CborWriter, value: T): void
  /** @throws ProtocolError */
  fromPlain(plain: unknown, name: string): T
}

/** A field whose values may be missing. */
export interface OptionalField<T> extends Field<T> {
  readonly presence: 'optional'
}

/** A field that repeats. */
export interface ListField<T> extends Field<readonly T[]> {
  readonly presence: 'list'
  readonly item: Field<T>
  readonly itemsMax: number
}

const NUMBER_MAX = BigInt(Number.MAX_SAFE_INTEGER)
const UINT64_MAX = (1n << 64n) - 1n
const required = 'required' as const

/** @throws ProtocolError PROTOCOL_MALFORMED always */
export function malformed(name: string, expected: string): never {
  throw new ProtocolError('PROTOCOL_MALFORMED', `field ${name} must be ${expected}`, { details: { field: name } })
}

function tooLarge(name: string, have: number, limit: number): never {
  throw new ProtocolError(
    'PROTOCOL_TOO_LARGE',
    `field ${name} has ${have} bytes or items, at most ${limit} are allowed`,
    {
      details: { field: name, have, limit },
    },
  )
}

/** Reads a length-delimited value without copying what is over the limit. */
function readBytes(reader: Reader, name: string, bytesMax: number): Uint8Array {
  const start = reader.pos
  const length = reader.uint32()
  if (length > bytesMax) tooLarge(name, length, bytesMax)
  if (reader.pos + length > reader.len) malformed(name, 'complete')
  reader.pos = start
  return reader.bytes()
}

/** Bytes, `min` .. `max` of them. */
export function bytesField(max: number, min = 0): Field<Uint8Array> {
  const check = (value: unknown, name: string): Uint8Array => {
    if (!(value instanceof Uint8Array)) return malformed(name, 'bytes')
    if (value.length > max) tooLarge(name, value.length, max)
    if (value.length < min) malformed(name, `at least ${min} bytes, not ${value.length}`)
    return value
  }
  return {
    wireType: 2,
    protoType: 'bytes',
    presence: required,
    write: (writer, value) => writer.bytes(value),
    read: (reader, name) => check(readBytes(reader, name, max), name),
    writeCbor: (out, value) => out.bytes(value),
    fromPlain: check,
  }
}

/** Exactly `length` bytes. */
export function fixedBytesField(length: number): Field<Uint8Array> {
  return bytesField(length, length)
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const utf8Encoder = new TextEncoder()

/** UTF-8 text of at most `bytesMax` bytes. */
export function textField(bytesMax: number): Field<string> {
  return {
    wireType: 2,
    protoType: 'string',
    presence: required,
    write: (writer, value) => writer.string(value),
    read: (reader, name) => {
      try {
        return utf8.decode(readBytes(reader, name, bytesMax))
      } catch (error) {
        if (error instanceof ProtocolError) throw error
        return malformed(name, 'UTF-8')
      }
    },
    writeCbor: (out, value) => out.text(value),
    fromPlain: (plain, name) => {
      if (typeof plain !== 'string') return malformed(name, 'text')
      const bytes = plain.length * 3 > bytesMax ? utf8Encoder.encode(plain).length : 0
      if (bytes > bytesMax) tooLarge(name, bytes, bytesMax)
      return plain
    },
  }
}

/** One of a closed set of words. */
export function wordField<const Word extends string>(words: readonly Word[]): Field<Word> {
  const text = textField(64)
  const check = (value: string, name: string): Word =>
    words.find((word) => word === value) ?? malformed(name, `one of ${words.join(', ')}`)
  return {
    ...text,
    read: (reader, name) => check(text.read(reader, name), name),
    fromPlain: (plain, name) => check(text.fromPlain(plain, name), name),
  }
}

/** An integer 0 .. `max` (at most 2^53-1) as a number. */
export function uintField(max: number = Number.MAX_SAFE_INTEGER): Field<number> {
  const check = (value: unknown, name: string): number => {
    const isRight = typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 && value <= max
    return isRight ? value : malformed(name, `an integer 0 .. ${max}`)
  }
  return {
    wireType: 0,
    protoType: 'uint64',
    presence: required,
    write: (writer, value) => writer.uint64Number(value),
    read: (reader, name) => {
      const value = reader.uint64()
      return value > BigInt(max) ? malformed(name, `an integer 0 .. ${max}`) : Number(value)
    },
    writeCbor: (out, value) => out.head(CBOR_MAJOR.uint, value),
    fromPlain: check,
  }
}

/** The version of a document; another one than `known` is refused as such, not as malformed. */
export function versionField<const Known extends number>(known: Known): Field<Known> {
  const number = uintField()
  const check = (value: number, name: string): Known => {
    if (value === known) return known
    throw new ProtocolError('PROTOCOL_VERSION', `${name} is ${value}, this program knows ${known}`, {
      details: { have: value, known },
    })
  }
  return {
    ...number,
    read: (reader, name) => check(number.read(reader, name), name),
    fromPlain: (plain, name) => check(number.fromPlain(plain, name), name),
  }
}

/** An integer 0 .. 2^64-1 as a bigint; money and fuel use it. */
export function uint64Field<T extends bigint = bigint>(max: bigint = UINT64_MAX): Field<T> {
  const check = (value: bigint, name: string): T =>
    value >= 0n && value <= max ? (value as T) : malformed(name, `an integer 0 .. ${max}`)
  return {
    wireType: 0,
    protoType: 'uint64',
    presence: required,
    // The library's own way for bigints writes 2^31 .. 2^32-1 as garbage; as numbers they are right.
    write: (writer, value) => (value <= NUMBER_MAX ? writer.uint64Number(Number(value)) : writer.uint64(value)),
    read: (reader, name) => check(reader.uint64(), name),
    writeCbor: (out, value) => out.uint64(value),
    fromPlain: (plain, name) => {
      if (typeof plain === 'bigint') return check(plain, name)
      return typeof plain === 'number' && Number.isSafeInteger(plain)
        ? check(BigInt(plain), name)
        : malformed(name, 'an integer')
    },
  }
}

/** True or false. */
export const flagField: Field<boolean> = {
  wireType: 0,
  protoType: 'bool',
  presence: required,
  write: (writer, value) => writer.bool(value),
  read: (reader) => reader.bool(),
  writeCbor: (out, value) => out.bool(value),
  fromPlain: (plain, name) => (typeof plain === 'boolean' ? plain : malformed(name, 'true or false')),
}

/** A value that is bytes on the wire and something else in memory. */
function mappedBytes<T>(length: number, encode: (value: T) => Uint8Array, decode: (bytes: Uint8Array) => T): Field<T> {
  const bytes = fixedBytesField(length)
  return {
    wireType: 2,
    protoType: 'bytes',
    presence: required,
    write: (writer, value) => bytes.write(writer, encode(value)),
    read: (reader, name) => decode(bytes.read(reader, name)),
    writeCbor: (out, value) => out.bytes(encode(value)),
    fromPlain: (plain, name) => decode(bytes.fromPlain(plain, name)),
  }
}

/** 20 bytes. */
export const addressField: Field<Address> = mappedBytes(20, hexToBytes, addressFromBytes)
/** 32 bytes. */
export const hashField: Field<Hash> = mappedBytes(32, hexToBytes, hashFromBytes)
/** Micro-dollars, 0 .. 2^64-1. */
export const microUsdField: Field<MicroUsd> = uint64Field<MicroUsd>()
/** Fuel, 0 .. 2^63-1. */
export const fuelField: Field<Fuel> = uint64Field<Fuel>((1n << 63n) - 1n)
/** Milliseconds since 1970. */
export const timeField: Field<UnixMs> = uintField() as unknown as Field<UnixMs>

/** A content id: its 36 bytes in protobuf, an IPLD link in DAG-CBOR. */
export const contentIdField: Field<ContentId> = {
  ...mappedBytes(CONTENT_ID_LENGTH, contentIdToBytes, contentIdFromBytes),
  writeCbor: (out, value) => out.link(contentIdToBytes(value)),
  fromPlain: (plain, name) => {
    const cid = CID.asCID(plain)
    return cid === null ? malformed(name, 'a link') : contentIdFromBytes(cid.bytes)
  },
}

/** A value that may be missing. */
export function optionalField<T>(field: Field<T>): OptionalField<T> {
  return { ...field, presence: 'optional' }
}

/** At most `itemsMax` values in order. */
export function listField<T>(item: Field<T>, itemsMax: number): ListField<T> {
  return {
    wireType: item.wireType,
    protoType: item.protoType,
    presence: 'list',
    item,
    itemsMax,
    write: () => undefined,
    read: (_, name) => malformed(name, 'read item by item'),
    writeCbor: (out, values) => {
      out.head(CBOR_MAJOR.list, values.length)
      for (const value of values) item.writeCbor(out, value)
    },
    fromPlain: (plain, name) => {
      if (!Array.isArray(plain)) return malformed(name, 'a list')
      if (plain.length > itemsMax) tooLarge(name, plain.length, itemsMax)
      return plain.map((value, index) => item.fromPlain(value, `${name}[${index}]`))
    },
  }
}
