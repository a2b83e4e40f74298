import { reader as makeReader, writer as makeWriter, type Reader, type Writer } from 'protons-runtime'
import { ProtocolError } from '../errors.ts'
import { addKnownKey, decodeCbor } from './cbor-reader.ts'
import { CBOR_MAJOR, CborWriter } from './cbor-writer.ts'
import { type Field, type ListField, malformed } from './field.ts'

/** Protobuf field number and kind of each property of `T`, in ascending order of the numbers. */
export type SchemaFields<T> = {
  readonly [Key in keyof Required<T>]: readonly [number: number, field: Field<NonNullable<T[Key]>>]
}

/**
 * One message or document: the TypeScript type, its protobuf encoding and its DAG-CBOR encoding from one declaration.
 * Decoding ignores fields that it does not know and refuses everything else that is not exactly right.
 */
export interface Schema<T extends object> {
  /** The name in errors and in the reference. */
  readonly name: string
  readonly bytesMax: number
  readonly fields: SchemaFields<T>
  encodeMessage(value: T): Uint8Array
  /** @throws ProtocolError PROTOCOL_MALFORMED, PROTOCOL_TOO_LARGE; nothing else, whatever the bytes */
  decodeMessage(bytes: Uint8Array): T
  encodeDocument(value: T): Uint8Array
  /** @throws ProtocolError PROTOCOL_MALFORMED, PROTOCOL_TOO_LARGE; nothing else, whatever the bytes */
  decodeDocument(bytes: Uint8Array): T
  /** This schema as a field of another. */
  asField(): Field<T>
}

interface AnyField {
  readonly key: string
  readonly number: number
  readonly field: Field<unknown>
  readonly name: string
  /** The key as CBOR text. */
  readonly keyCbor: Uint8Array
}

/** Shared by all documents: writing one never waits and never writes another. */
const documentWriter = new CborWriter()

/** Declares a message or document of at most `bytesMax` bytes. */
export function defineSchema<T extends object>(name: string, bytesMax: number, fields: SchemaFields<T>): Schema<T> {
  const list = Object.entries(fields as Record<string, readonly [number, Field<unknown>]>).map(
    ([key, [number, field]]): AnyField => ({ key, number, field, name: `${name}.${key}`, keyCbor: keyCborOf(key) }),
  )
  for (const { key } of list) addKnownKey(key)
  const inKeyOrder = list.toSorted((left, right) => compareKeys(left.keyCbor, right.keyCbor))
  const byNumber = new Map(list.map((entry) => [entry.number, entry]))
  if (byNumber.size !== list.length) throw new TypeError(`schema ${name} uses a field number twice`)

  const tooLarge = (length: number): never => {
    throw new ProtocolError('PROTOCOL_TOO_LARGE', `${name} has ${length} bytes, at most ${bytesMax} are allowed`, {
      details: { have: length, limit: bytesMax },
    })
  }
  const sized = (bytes: Uint8Array): Uint8Array => (bytes.length > bytesMax ? tooLarge(bytes.length) : bytes)
  const writeCbor = (out: CborWriter, value: T): void =>
    writeDocument(out, inKeyOrder, value as Record<string, unknown>)
  const fromPlain = (plain: unknown): T => documentOf<T>(list, plain, name)

  return {
    name,
    bytesMax,
    fields,
    encodeMessage(value) {
      const writer = makeWriter()
      writeFields(writer, list, value as Record<string, unknown>)
      return sized(writer.finish())
    },
    decodeMessage: (bytes) =>
      guarded(name, () => {
        const reader = makeReader(sized(bytes))
        return readFields<T>(reader, byNumber, list, reader.len)
      }),
    encodeDocument(value) {
      documentWriter.reset()
      writeCbor(documentWriter, value)
      return sized(documentWriter.finish())
    },
    decodeDocument: (bytes) => guarded(name, () => fromPlain(decodeCbor(sized(bytes)))),
    asField: () => ({
      wireType: 2,
      protoType: name,
      presence: 'required',
      write(writer, value) {
        writer.fork()
        writeFields(writer, list, value as Record<string, unknown>)
        writer.ldelim()
      },
      read(reader) {
        const length = reader.uint32()
        if (length > bytesMax) tooLarge(length)
        const end = reader.pos + length
        if (end > reader.len) malformed(name, 'complete')
        return readFields<T>(reader, byNumber, list, end)
      },
      writeCbor,
      fromPlain,
    }),
  }
}

/** The decoders below throw RangeErrors and others on hostile bytes; callers see one error type. */
function guarded<T>(name: string, decode: () => T): T {
  try {
    return decode()
  } catch (cause) {
    if (cause instanceof ProtocolError) throw cause
    throw new ProtocolError('PROTOCOL_MALFORMED', `${name} cannot be decoded`, { cause })
  }
}

function isList(field: Field<unknown>): field is ListField<unknown> {
  return field.presence === 'list'
}

function writeFields(writer: Writer, list: readonly AnyField[], value: Record<string, unknown>): void {
  for (const { key, number, field } of list) {
    const content = value[key]
    if (content === undefined) continue
    const tag = (number << 3) | field.wireType
    if (isList(field)) {
      for (const item of content as readonly unknown[]) {
        writer.uint32(tag)
        field.item.write(writer, item)
      }
    } else {
      writer.uint32(tag)
      field.write(writer, content)
    }
  }
}

function readFields<T>(
  reader: Reader,
  byNumber: ReadonlyMap<number, AnyField>,
  all: readonly AnyField[],
  end: number,
): T {
  const value: Record<string, unknown> = {}
  while (reader.pos < end) {
    const tag = reader.uint32()
    const entry = byNumber.get(tag >>> 3)
    if (entry === undefined) {
      reader.skipType(tag & 7)
      continue
    }
    const { key, field, name } = entry
    if ((tag & 7) !== field.wireType) malformed(name, `of wire type ${field.wireType}`)
    if (isList(field)) {
      value[key] ??= []
      const items = value[key] as unknown[]
      if (items.length >= field.itemsMax) {
        throw new ProtocolError('PROTOCOL_TOO_LARGE', `${name} has more than ${field.itemsMax} items`)
      }
      items.push(field.item.read(reader, name))
    } else {
      if (key in value) malformed(name, 'given once')
      value[key] = field.read(reader, name)
    }
  }
  if (reader.pos !== end) malformed('length', 'the length of its content')
  return complete<T>(value, all)
}

function complete<T>(value: Record<string, unknown>, all: readonly AnyField[]): T {
  for (const { key, field, name } of all) {
    if (value[key] !== undefined || field.presence === 'optional') continue
    if (field.presence === 'list') value[key] = []
    else malformed(name, 'present')
  }
  return value as T
}

/** DAG-CBOR's order of map keys: shorter first, then by their bytes. The head of a CBOR text is its length. */
function compareKeys(left: Uint8Array, right: Uint8Array): number {
  for (const [index, byte] of left.entries()) {
    const difference = byte - (right[index] ?? 0)
    if (difference !== 0) return difference
  }
  return 0
}

function keyCborOf(key: string): Uint8Array {
  const out = new CborWriter()
  out.text(key)
  return out.finish()
}

function writeDocument(out: CborWriter, inKeyOrder: readonly AnyField[], value: Record<string, unknown>): void {
  let count = 0
  for (const { key } of inKeyOrder) if (value[key] !== undefined) count++
  out.head(CBOR_MAJOR.map, count)
  for (const { key, keyCbor, field } of inKeyOrder) {
    const content = value[key]
    if (content === undefined) continue
    out.raw(keyCbor)
    field.writeCbor(out, content)
  }
}

function documentOf<T>(list: readonly AnyField[], plain: unknown, name: string): T {
  if (typeof plain !== 'object' || plain === null || Array.isArray(plain) || plain instanceof Uint8Array) {
    return malformed(name, 'a map')
  }
  const value: Record<string, unknown> = {}
  const source = plain as Record<string, unknown>
  for (const { key, field, name: path } of list) {
    const content = Object.hasOwn(source, key) ? source[key] : undefined
    if (content !== undefined && content !== null) value[key] = field.fromPlain(content, path)
  }
  return complete<T>(value, list)
}
