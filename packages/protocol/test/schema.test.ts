import { decode as decodeCbor, encode as encodeCbor } from '@ipld/dag-cbor'
import {
  bytesField,
  defineSchema,
  incrementSchema,
  listField,
  offerSchema,
  outcomeRecordSchema,
  ProtocolError,
  quoteSchema,
  receiptSchema,
  type Schema,
  signedDocumentSchema,
  taskIdOf,
  taskSchema,
  textField,
  uint64Field,
  uintField,
} from '@stead/protocol'
import fc from 'fast-check'
import { writer as makeWriter } from 'protons-runtime'
import { describe, expect, test } from 'vitest'
import { anyIncrement, anyOffer, anyOutcome, anyQuote, anyTask } from './arbitraries.ts'

interface Case {
  readonly schema: Schema<object>
  readonly values: fc.Arbitrary<object>
}

const cases: readonly Case[] = [
  { schema: offerSchema as never, values: anyOffer },
  { schema: quoteSchema as never, values: anyQuote },
  { schema: incrementSchema as never, values: anyIncrement },
  { schema: taskSchema as never, values: anyTask },
  { schema: outcomeRecordSchema as never, values: anyOutcome },
]

function codeOf(action: () => unknown): string {
  try {
    action()
    return 'none'
  } catch (error) {
    if (error instanceof ProtocolError) return error.code
    throw error
  }
}

describe.each(cases.map(({ schema, values }) => ({ name: schema.name, schema, values })))(
  '$name',
  ({ schema, values }) => {
    test('comes back unchanged from both encodings', () => {
      fc.assert(
        fc.property(values, (value) => {
          expect(schema.decodeMessage(schema.encodeMessage(value))).toEqual(value)
          expect(schema.decodeDocument(schema.encodeDocument(value))).toEqual(value)
        }),
        { numRuns: 50 },
      )
    })

    test('has the one spelling of DAG-CBOR', () => {
      fc.assert(
        fc.property(values, (value) => {
          const bytes = schema.encodeDocument(value)
          expect(bytes).toEqual(Uint8Array.from(encodeCbor(decodeCbor(bytes))))
        }),
        { numRuns: 50 },
      )
    })

    test('answers any mutation of a valid message or document with a value or a ProtocolError', () => {
      const mutation = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 6 })
      fc.assert(
        fc.property(values, mutation, fc.nat(), (value, changes, cut) => {
          for (const bytes of [schema.encodeMessage(value), schema.encodeDocument(value)]) {
            const hostile = bytes.slice(0, cut % 3 === 0 ? cut % (bytes.length + 1) : bytes.length)
            for (const [at, byte] of changes) if (hostile.length > 0) hostile[at % hostile.length] = byte
            codeOf(() => schema.decodeMessage(hostile))
            codeOf(() => schema.decodeDocument(hostile))
          }
        }),
        { numRuns: 150 },
      )
    })
  },
)

test('random bytes never give anything but a value or a ProtocolError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      for (const { schema } of cases) {
        codeOf(() => schema.decodeMessage(bytes))
        codeOf(() => schema.decodeDocument(bytes))
      }
      codeOf(() => receiptSchema.decodeMessage(bytes))
      codeOf(() => signedDocumentSchema.decodeMessage(bytes))
    }),
    { numRuns: 500 },
  )
})

interface Sample {
  readonly name: string
  readonly data: Uint8Array
  readonly counts: readonly number[]
}

const sampleSchema: Schema<Sample> = defineSchema<Sample>('Sample', 1024, {
  name: [1, textField(8)],
  data: [2, bytesField(16)],
  counts: [3, listField(uintField(100), 4)],
})
const sample: Sample = { name: 'x', data: new Uint8Array([1, 2]), counts: [1, 2] }

describe('integers', () => {
  const schema = defineSchema<{ value: bigint }>('Amount', 64, { value: [1, uint64Field()] })
  const numberSchema = defineSchema<{ number: number }>('Count', 64, { number: [1, uintField()] })

  // Found by killing a provider: the protobuf library wrote 2^31 .. 2^32-1 as garbage, and its journal was lost.
  test('of every size come back from a message as they were, and have one spelling in a document', () => {
    for (let bits = 0n; bits <= 64n; bits++) {
      for (const value of [(1n << bits) - 1n, 1n << bits, (1n << bits) + 1n]) {
        if (value >= 1n << 64n) continue
        expect(schema.decodeMessage(schema.encodeMessage({ value })).value).toBe(value)
        expect(schema.encodeDocument({ value })).toEqual(Uint8Array.from(encodeCbor({ value })))
        const number = Number(value)
        if (Number.isSafeInteger(number))
          expect(numberSchema.encodeDocument({ number })).toEqual(Uint8Array.from(encodeCbor({ number })))
      }
    }
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 64 }), fc.bigInt({ min: 0n, max: (1n << 64n) - 1n }), (shift, number) => {
        const value = number >> BigInt(shift)
        expect(schema.decodeMessage(schema.encodeMessage({ value })).value).toBe(value)
      }),
      { numRuns: 2000 },
    )
  })
})

describe('limits', () => {
  test('a length prefix of 4 GiB is refused without allocating it', () => {
    const before = process.memoryUsage().arrayBuffers
    const hostile = Uint8Array.of(0x12, 0xff, 0xff, 0xff, 0xff, 0x0f)
    expect(codeOf(() => sampleSchema.decodeMessage(hostile))).toBe('PROTOCOL_TOO_LARGE')
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20)
  })

  test('a CBOR header that promises 4 GiB of bytes is refused', () => {
    const hostile = Uint8Array.of(0xa1, 0x64, 0x64, 0x61, 0x74, 0x61, 0x5a, 0xff, 0xff, 0xff, 0xff)
    expect(codeOf(() => sampleSchema.decodeDocument(hostile))).toBe('PROTOCOL_MALFORMED')
  })

  test('a thousand nested CBOR lists do not overflow the stack', () => {
    const hostile = new Uint8Array(1000).fill(0x81)
    expect(codeOf(() => sampleSchema.decodeDocument(hostile))).toBe('PROTOCOL_MALFORMED')
  })

  test('items over a list’s limit, text and bytes over theirs, and whole messages over theirs are refused', () => {
    const over = (value: Sample): string => codeOf(() => sampleSchema.decodeMessage(sampleSchema.encodeMessage(value)))
    expect(over({ ...sample, counts: [1, 2, 3, 4, 5] })).toBe('PROTOCOL_TOO_LARGE')
    expect(over({ ...sample, name: 'nine chars' })).toBe('PROTOCOL_TOO_LARGE')
    const letters = { ...sample, name: 'äöüßé' }
    expect(over(letters)).toBe('PROTOCOL_TOO_LARGE')
    expect(codeOf(() => sampleSchema.decodeDocument(sampleSchema.encodeDocument(letters)))).toBe('PROTOCOL_TOO_LARGE')
    expect(over({ ...sample, data: new Uint8Array(17) })).toBe('PROTOCOL_TOO_LARGE')
    expect(over({ ...sample, counts: [101] })).toBe('PROTOCOL_MALFORMED')
    expect(codeOf(() => sampleSchema.decodeMessage(new Uint8Array(1025)))).toBe('PROTOCOL_TOO_LARGE')
  })
})

describe('strictness', () => {
  test('unknown fields are ignored in both encodings', () => {
    const wider = defineSchema<Sample & { extra: string }>('Wider', 1024, {
      ...sampleSchema.fields,
      extra: [9, textField(8)],
    })
    const value = { ...sample, extra: 'later' }
    expect(sampleSchema.decodeMessage(wider.encodeMessage(value))).toEqual(sample)
    expect(sampleSchema.decodeDocument(wider.encodeDocument(value))).toEqual(sample)
  })

  test('an unknown version is named as such', () => {
    const [task] = fc.sample(anyTask, 1)
    if (task === undefined) throw new Error('no sample')
    const plain = decodeCbor<Record<string, unknown>>(taskSchema.encodeDocument(task))
    expect(codeOf(() => taskSchema.decodeDocument(encodeCbor({ ...plain, version: 2 })))).toBe('PROTOCOL_VERSION')
  })

  test('a task says strict floats in one way and raw ones in one way, and both are part of its id', () => {
    const [task] = fc.sample(anyTask, 1)
    if (task === undefined) throw new Error('no sample')
    const { floats: _, ...raw } = task
    const plain = decodeCbor<Record<string, unknown>>(taskSchema.encodeDocument(raw))
    expect(Object.hasOwn(plain, 'floats')).toBe(false)
    expect(Object.hasOwn(taskSchema.decodeDocument(encodeCbor(plain)), 'floats')).toBe(false)
    expect(codeOf(() => taskSchema.decodeDocument(encodeCbor({ ...plain, floats: 'raw' })))).toBe('PROTOCOL_MALFORMED')
    expect(taskIdOf({ ...raw, floats: 'strict' })).not.toBe(taskIdOf(raw))
  })

  test('a missing field, a repeated field, another wire type and broken UTF-8 are refused', () => {
    expect(codeOf(() => sampleSchema.decodeMessage(new Uint8Array(0)))).toBe('PROTOCOL_MALFORMED')
    const valid = sampleSchema.encodeMessage(sample)
    const name = valid.subarray(0, 3)
    expect(codeOf(() => sampleSchema.decodeMessage(Uint8Array.of(...name, ...valid)))).toBe('PROTOCOL_MALFORMED')
    const otherType = makeWriter().uint32(8).uint32(5).finish()
    expect(codeOf(() => sampleSchema.decodeMessage(otherType))).toBe('PROTOCOL_MALFORMED')
    const badText = Uint8Array.of(0x0a, 0x01, 0xff, ...valid.subarray(3))
    expect(codeOf(() => sampleSchema.decodeMessage(badText))).toBe('PROTOCOL_MALFORMED')
  })
})
