import { CoreError, cleanPeerReport, hasCode, type PeerReport } from '@stead/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  decodeRefusalBody,
  decodeRequestBody,
  encodeFrame,
  encodeRefusal,
  encodeRequest,
  FRAME_KIND,
  type FrameKind,
  FrameReader,
  PAYLOAD_BYTES_MAX,
  REFUSAL_REASONS,
  REPORT_BYTES_MAX,
} from '../src/frame.ts'
import { decodeReport, encodeReport } from '../src/report.ts'

const RESERVE_BYTES = 64 * 1024

interface Frame {
  readonly kind: FrameKind
  readonly id: number
  readonly body: Uint8Array
}

/** Reads frames with bodies of up to `limit` bytes. */
function readerOf(limit: number): { reader: FrameReader; frames: Frame[]; oversized: number[] } {
  const frames: Frame[] = []
  const oversized: number[] = []
  const reader = new FrameReader(
    {
      bodyBytesMax: (kind) => (kind >= 1 && kind <= 5 ? limit : undefined),
      onFrame: (kind, id, body) => frames.push({ kind, id, body }),
      onOversized: (_kind, id) => oversized.push(id),
    },
    RESERVE_BYTES,
  )
  return { reader, frames, oversized }
}

const frameArbitrary = fc.record({
  kind: fc.constantFrom<FrameKind>(...Object.values(FRAME_KIND)),
  id: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  body: fc.uint8Array({ maxLength: 600 }),
})

function pushInPieces(reader: FrameReader, bytes: Uint8Array, sizes: readonly number[]): void {
  let offset = 0
  for (let i = 0; offset < bytes.length; i++) {
    const size = sizes[i % sizes.length] ?? 1
    reader.push(bytes.subarray(offset, offset + size))
    offset += size
  }
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}

describe('FrameReader', () => {
  it('finds the frames that were written, however the bytes are cut', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 10 })
    fc.assert(
      fc.property(fc.array(frameArbitrary, { maxLength: 12 }), cuts, (written, sizes) => {
        const { reader, frames } = readerOf(600)
        pushInPieces(reader, concat(written.map(({ kind, id, body }) => encodeFrame(kind, id, body))), sizes)
        expect(frames).toEqual(written)
        expect(reader.missingBytes).toBe(0)
      }),
    )
  })

  it('throws nothing but the typed error at any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2000 }), fc.integer({ min: 1, max: 100 }), (bytes, size) => {
        const { reader, frames } = readerOf(500)
        try {
          pushInPieces(reader, bytes, [size])
        } catch (error) {
          if (!hasCode(error, 'NETWORK_BAD_MESSAGE')) throw error
        }
        for (const { body } of frames) expect(body.length).toBeLessThanOrEqual(500)
      }),
      { numRuns: 500 },
    )
  })

  it('refuses an absurd length from its first bytes, without waiting for more', () => {
    for (const length of [0, 4, 10 + PAYLOAD_BYTES_MAX, 2 ** 31, 2 ** 32 - 1]) {
      const header = new Uint8Array(9)
      new DataView(header.buffer).setUint32(0, length)
      header[4] = FRAME_KIND.request
      expect(() => readerOf(100).reader.push(header)).toThrow(CoreError)
    }
  })

  it('refuses a frame that has no place on its side', () => {
    const reader = new FrameReader(
      {
        bodyBytesMax: (kind) => (kind === FRAME_KIND.request ? 100 : undefined),
        onFrame: () => undefined,
        onOversized: () => undefined,
      },
      RESERVE_BYTES,
    )
    expect(() => reader.push(encodeFrame(FRAME_KIND.response, 1))).toThrow('no place')
  })

  it('skips a frame that is too large here, keeps none of it, and reads on', () => {
    const { reader, frames, oversized } = readerOf(100)
    const bytes = concat([
      encodeFrame(FRAME_KIND.request, 7, new Uint8Array(101)),
      encodeFrame(FRAME_KIND.request, 8, new Uint8Array(100)),
    ])
    pushInPieces(reader, bytes, [3])
    expect(oversized).toEqual([7])
    expect(frames.map(({ id }) => id)).toEqual([8])
  })

  it('reads the same when bytes are put where they belong', () => {
    const bodies = fc.array(fc.integer({ min: 0, max: 200_000 }), { minLength: 1, maxLength: 4 })
    const sizes = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 5 })
    fc.assert(
      fc.property(bodies, sizes, (lengths, reads) => {
        const { reader, frames, oversized } = readerOf(150_000)
        const sent = lengths.map((length, id) => new Uint8Array(length).map((_, i) => i * 7 + id))
        const bytes = Buffer.concat(sent.map((body, id) => encodeFrame(FRAME_KIND.response, id, body)))
        let placed = 0
        for (let start = 0, turn = 0; start < bytes.length; turn++) {
          const { place } = reader
          const count = Math.min(place?.length ?? bytes.length, reads[turn % reads.length] ?? 1, bytes.length - start)
          const part = bytes.subarray(start, start + count)
          if (place === undefined) reader.push(part)
          else {
            place.set(part)
            reader.placed(count)
            placed += count
          }
          start += count
        }
        expect(oversized).toEqual(lengths.flatMap((length, id) => (length > 150_000 ? [id] : [])))
        const kept = sent.filter(({ length }) => length <= 150_000)
        expect(frames).toHaveLength(kept.length)
        expect(frames.every(({ body }, i) => Buffer.compare(body, kept[i] ?? new Uint8Array(1)) === 0)).toBe(true)
        if (lengths.some((length) => length > 100_000 && length <= 150_000)) expect(placed).toBeGreaterThan(0)
      }),
      { numRuns: 60 },
    )
  })

  it('takes memory for bytes that came, not for bytes that were announced', () => {
    const readers: FrameReader[] = []
    const before = process.memoryUsage.rss()
    for (let i = 0; i < 200; i++) {
      const { reader } = readerOf(PAYLOAD_BYTES_MAX)
      const header = encodeFrame(FRAME_KIND.response, 1, new Uint8Array(1))
      new DataView(header.buffer).setUint32(0, PAYLOAD_BYTES_MAX)
      reader.push(header)
      readers.push(reader)
    }
    expect(readers).toHaveLength(200)
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024)
  })

  it('gives bodies of their own, not views of the bytes that came', () => {
    const { reader, frames } = readerOf(100)
    const bytes = Buffer.from(encodeFrame(FRAME_KIND.response, 1, Uint8Array.of(1, 2, 3)))
    reader.push(bytes)
    bytes.fill(0)
    expect(frames[0]?.body).toEqual(Uint8Array.of(1, 2, 3))
  })
})

describe('frame bodies', () => {
  it('of requests come back as they were', () => {
    const timeLeft = fc.integer({ min: 1, max: 2 ** 31 - 1 })
    fc.assert(
      fc.property(timeLeft, fc.uint8Array({ maxLength: 300 }), (timeLeftMs, payload) => {
        const body = encodeRequest(1, timeLeftMs, payload).subarray(9)
        expect(decodeRequestBody(body)).toEqual({ timeLeftMs, payload })
      }),
    )
  })

  it('of refusals come back as they were, and others are refused', () => {
    for (const reason of REFUSAL_REASONS) expect(decodeRefusalBody(encodeRefusal(1, reason).subarray(9))).toBe(reason)
    for (const bad of [Uint8Array.of(), Uint8Array.of(99), Uint8Array.of(0, 0)]) {
      expect(() => decodeRefusalBody(bad)).toThrow(CoreError)
    }
  })

  it('of requests without time or without four bytes are refused', () => {
    for (const bad of [Uint8Array.of(0, 0, 0), Uint8Array.of(0, 0, 0, 0), Uint8Array.of(255, 255, 255, 255)]) {
      expect(() => decodeRequestBody(bad)).toThrow(CoreError)
    }
  })
})

describe('reports', () => {
  const detail = fc.oneof(
    fc.string(),
    fc.integer(),
    fc.bigInt({ min: -(2n ** 200n), max: 2n ** 200n }),
    fc.boolean(),
    fc.array(fc.string(), { maxLength: 40 }),
  )
  const report: fc.Arbitrary<PeerReport> = fc.record({
    code: fc.constantFrom('STORE_FULL', 'bad code', ''),
    message: fc.string({ maxLength: 3000 }),
    retryable: fc.boolean(),
    details: fc.dictionary(fc.string({ maxLength: 80 }), detail, { maxKeys: 50 }),
  })

  it('come back as far as the limits let them', () => {
    fc.assert(
      fc.property(report, (sent) => {
        const bytes = encodeReport(sent)
        const received = decodeReport(bytes)
        expect(bytes.length).toBeLessThanOrEqual(REPORT_BYTES_MAX)
        const clean = cleanPeerReport(sent)
        const wasCut = Object.keys(received.details).length < Object.keys(clean.details).length
        expect(received).toEqual(wasCut ? { ...clean, details: {} } : clean)
      }),
    )
  })

  it('throw nothing but the typed error at any bytes', () => {
    const hostile = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.json().map((text) => new TextEncoder().encode(text)),
      fc
        .json()
        .map((text) => new TextEncoder().encode(`{"code":"A","message":"m","retryable":true,"details":${text}}`)),
    )
    fc.assert(
      fc.property(hostile, (bytes) => {
        try {
          const { details, message } = decodeReport(bytes)
          expect(Object.keys(details).length).toBeLessThanOrEqual(32)
          expect(message.length).toBeLessThanOrEqual(1000)
        } catch (error) {
          if (!hasCode(error, 'NETWORK_BAD_MESSAGE')) throw error
        }
      }),
      { numRuns: 500 },
    )
  })

  it('cannot reach an object through its prototype', () => {
    const text =
      '{"code":"A","message":"m","retryable":true,"details":{"__proto__":{"polluted":true},"constructor":"x"}}'
    const { details } = decodeReport(new TextEncoder().encode(text))
    expect(Object.getPrototypeOf(details)).toBe(Object.prototype)
    expect('polluted' in {}).toBe(false)
  })
})
