import {
  type CodedSegment,
  codeSegment,
  createErasureKernel,
  createFrameCipher,
  cutSegments,
  ErasureCode,
  FRAME_BYTES,
  FRAME_PLAIN_BYTES,
  framesOf,
  framesOfRange,
  javaScriptFrameCipher,
  loadPairHasher,
  openFrames,
  PieceMemory,
  pieceBytesOf,
  SEGMENT_BYTES,
  SEGMENT_PLAIN_BYTES,
  sealedBytesOf,
  sealSegment,
  verifyRange,
} from '@stead/storage'
import { ManualClock } from '@stead/testkit'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const cipher = createFrameCipher()
const hasher = await loadPairHasher()
const KEY = new Uint8Array(32).fill(7)
const sizes = fc.oneof(
  fc.integer({ min: 0, max: 100 }),
  fc.constantFrom(FRAME_PLAIN_BYTES - 1, FRAME_PLAIN_BYTES, FRAME_PLAIN_BYTES + 1, 3 * FRAME_PLAIN_BYTES),
  fc.integer({ min: 0, max: 4 * FRAME_PLAIN_BYTES }),
)

function bytesOf(lengthBytes: number, seed = 1): Uint8Array {
  let state = seed
  return Uint8Array.from({ length: lengthBytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return state >>> 24
  })
}

function sealedOf(plaintext: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(sealedBytesOf(plaintext.length))
  expect(sealSegment(cipher, KEY, plaintext, sealed)).toBe(sealed.length)
  return sealed
}

/** The sealed segment from some of its pieces. */
function sealedFrom(segment: CodedSegment, code: ErasureCode, numbers: readonly number[]): Uint8Array {
  const have = segment.pieces.filter(({ number }) => numbers.includes(number))
  const wanted = Array.from({ length: code.profile.dataPieces }, (_, number) => number)
  const data = code.restore(have, wanted)
  const sealed = new Uint8Array(segment.pieceBytes * data.length)
  for (const [index, piece] of data.entries()) sealed.set(piece, index * segment.pieceBytes)
  return sealed.subarray(0, sealedBytesOf(segment.plainBytes))
}

describe('the layout of a segment', () => {
  it('makes sixteen pieces of one mebibyte of a whole one', () => {
    expect(sealedBytesOf(SEGMENT_PLAIN_BYTES)).toBe(SEGMENT_BYTES)
    expect(pieceBytesOf(SEGMENT_PLAIN_BYTES, 16)).toBe(1_048_576)
    expect(() => sealedBytesOf(SEGMENT_PLAIN_BYTES + 1)).toThrow(RangeError)
  })

  it('finds the frames of every range', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (plainBytes, left, right) => {
        const [from, to] = [left % (plainBytes + 1), right % (plainBytes + 1)].sort((a, b) => a - b) as [number, number]
        const { firstFrame, frames } = framesOfRange(plainBytes, from, to)
        expect(firstFrame + frames).toBeLessThanOrEqual(framesOf(plainBytes))
        expect(firstFrame * FRAME_PLAIN_BYTES).toBeLessThanOrEqual(from)
        expect(Math.min(plainBytes, (firstFrame + frames) * FRAME_PLAIN_BYTES)).toBeGreaterThanOrEqual(to)
      }),
    )
    for (const [from, to] of [
      [-1, 1],
      [2, 1],
      [0, 11],
      [0.5, 1],
    ] as const)
      expect(() => framesOfRange(10, from, to)).toThrow(RangeError)
  })
})

describe('sealed frames', () => {
  it('are the same from both ciphers, and each opens what the other sealed', () => {
    const nonce = bytesOf(12)
    for (const lengthBytes of [0, 1, 1000, 65_520]) {
      const plaintext = bytesOf(lengthBytes)
      const [sealed, other] = [new Uint8Array(lengthBytes + 16), new Uint8Array(lengthBytes + 16)]
      cipher.seal(KEY, nonce, plaintext, sealed)
      javaScriptFrameCipher.seal(KEY, nonce, plaintext, other)
      expect(other).toEqual(sealed)
      for (const each of [cipher, javaScriptFrameCipher]) {
        const opened = new Uint8Array(lengthBytes)
        expect(each.open(KEY, nonce, sealed, opened)).toBe(true)
        expect(Buffer.compare(opened, plaintext)).toBe(0)
        expect(each.open(KEY, nonce, sealed.subarray(1), opened)).toBe(false)
        expect(each.open(KEY, nonce, new Uint8Array(5), opened)).toBe(false)
      }
    }
  })

  it('open again, all of them or some', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), fc.nat(), (plainBytes, left, right) => {
        const plaintext = bytesOf(plainBytes)
        const sealed = sealedOf(plaintext)
        const first = left % framesOf(plainBytes)
        const last = first + (right % (framesOf(plainBytes) - first))
        const bytes = sealed.subarray(first * FRAME_BYTES, (last + 1) * FRAME_BYTES)
        const opened = openFrames(cipher, KEY, { firstFrame: first, bytes, plainBytes })
        const expected = plaintext.subarray(first * FRAME_PLAIN_BYTES, (last + 1) * FRAME_PLAIN_BYTES)
        expect(Buffer.compare(opened, expected)).toBe(0)
      }),
      { numRuns: 40 },
    )
  })

  it('do not open when changed, moved, cut off at the end, or with another key', () => {
    const plainBytes = 3 * FRAME_PLAIN_BYTES
    const sealed = sealedOf(bytesOf(plainBytes))
    const second = sealed.slice(FRAME_BYTES, 2 * FRAME_BYTES)
    const open = (firstFrame: number, bytes: Uint8Array, all = plainBytes, key: Uint8Array = KEY) => {
      return () => openFrames(cipher, key, { firstFrame, bytes, plainBytes: all })
    }
    expect(open(1, second)).not.toThrow()
    const bad = expect.objectContaining({ code: 'STORAGE_NOT_AUTHENTIC' })
    expect(open(0, second)).toThrow(bad)
    expect(
      open(
        1,
        second.map((byte, index) => (index === 9 ? byte ^ 1 : byte)),
      ),
    ).toThrow(bad)
    expect(open(1, second, 2 * FRAME_PLAIN_BYTES)).toThrow(bad)
    expect(open(1, second, plainBytes, bytesOf(32))).toThrow(bad)
    expect(open(1, second.subarray(0, 8))).toThrow(bad)
  })
})

describe('a coded segment', () => {
  it('comes back from any pieces that are enough, and every block of every piece is proven', () => {
    fc.assert(
      fc.property(
        sizes,
        fc.constantFrom([2, 3], [4, 12], [16, 48]),
        fc.integer({ min: 1, max: 10_000 }),
        (plainBytes, [dataPieces = 1, pieces = 1], seed) => {
          const code = new ErasureCode(createErasureKernel(), { dataPieces, pieces })
          const plaintext = bytesOf(plainBytes, seed)
          const segment = codeSegment(
            { cipher, hasher, code, memory: new PieceMemory(new ManualClock()) },
            KEY,
            plaintext,
          )
          expect(segment.pieces).toHaveLength(pieces)
          const numbers = Array.from({ length: pieces }, (_, number) => number)
          const kept = numbers.toSorted((a, b) => ((a * seed) % 97) - ((b * seed) % 97)).slice(0, dataPieces)
          const bytes = sealedFrom(segment, code, kept)
          const opened = openFrames(cipher, KEY, { firstFrame: 0, bytes, plainBytes })
          expect(Buffer.compare(opened, plaintext)).toBe(0)
          for (const { bytes: piece, tree } of segment.pieces) {
            expect(piece).toHaveLength(segment.pieceBytes)
            expect(verifyRange(hasher, tree, tree.proveRange(0, piece))).toBe(true)
          }
        },
      ),
      { numRuns: 25 },
    )
  })

  it('shows a node nothing of what is in it', () => {
    const code = new ErasureCode(createErasureKernel(), { dataPieces: 2, pieces: 3 })
    const secret = new TextEncoder().encode('the secret of the house '.repeat(100))
    const { pieces } = codeSegment({ cipher, hasher, code, memory: new PieceMemory(new ManualClock()) }, KEY, secret)
    for (const { bytes } of pieces) expect(Buffer.from(bytes).includes('secret')).toBe(false)
  })
})

describe('cutting a stream', () => {
  async function lengthsOf(source: readonly Uint8Array[]): Promise<readonly number[]> {
    const lengths: number[] = []
    for await (const segment of cutSegments(source)) lengths.push(segment.length)
    return lengths
  }

  it('gives whole segments and what is left, and one that is empty for nothing', async () => {
    const whole: Uint8Array = new Uint8Array(SEGMENT_PLAIN_BYTES)
    expect(await lengthsOf([])).toEqual([0])
    expect(await lengthsOf([new Uint8Array(0)])).toEqual([0])
    expect(await lengthsOf([whole])).toEqual([SEGMENT_PLAIN_BYTES])
    expect(await lengthsOf([new Uint8Array(3), whole])).toEqual([SEGMENT_PLAIN_BYTES, 3])
  })

  it('keeps every byte in its place, however the stream is cut', async () => {
    const bytes = bytesOf(SEGMENT_PLAIN_BYTES + 1000)
    const chunks = function* (): Generator<Uint8Array> {
      for (let at = 0, size = 1; at < bytes.length; at += size, size = (size * 7) % 100_003)
        yield bytes.subarray(at, at + size)
    }
    const parts: Uint8Array[] = []
    for await (const segment of cutSegments(chunks())) parts.push(segment.slice())
    expect(Buffer.compare(Buffer.concat(parts), bytes)).toBe(0)
  })
})
