import { createErasureKernel, ErasureCode, type ErasureKernel, ScalarKernel, SimdKernel } from '@stead/storage'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

const simd = SimdKernel.create()
if (simd === undefined) throw new Error('Node.js has SIMD')
const kernels: readonly ErasureKernel[] = [simd, new ScalarKernel()]

/** Multiplication as the definition says it, bit by bit: shares no table and no line with the code. */
function multiply(left: number, right: number): number {
  let result = 0
  for (let bit = 0; bit < 8; bit++) if ((right >> bit) & 1) result ^= left << bit
  for (let bit = 14; bit >= 8; bit--) if ((result >> bit) & 1) result ^= 0x11d << (bit - 8)
  return result
}

function reciprocal(element: number): number {
  for (let other = 1; other < 256; other++) if (multiply(element, other) === 1) return other
  throw new RangeError('none')
}

const profile = fc.integer({ min: 1, max: 20 }).chain((dataPieces) =>
  fc.record({
    dataPieces: fc.constant(dataPieces),
    pieces: fc.integer({ min: dataPieces, max: dataPieces + 40 }),
    lengthBytes: fc.oneof(fc.integer({ min: 0, max: 100 }), fc.constantFrom(8191, 8192, 8193, 20_000)),
    seed: fc.integer(),
  }),
)

function bytesOf(lengthBytes: number, seed: number): Uint8Array {
  let state = seed | 1
  return Uint8Array.from({ length: lengthBytes }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0
    return state >>> 24
  })
}

describe.each(kernels)('the erasure code with the $name kernel', (kernel) => {
  it('makes the pieces that the definition of the code gives', () => {
    fc.assert(
      fc.property(profile, ({ dataPieces, pieces, lengthBytes, seed }) => {
        const data = Array.from({ length: dataPieces }, (_, index) => bytesOf(lengthBytes, seed + index))
        const parity = new ErasureCode(kernel, { dataPieces, pieces }).encode(data)
        expect(parity).toHaveLength(pieces - dataPieces)
        for (const [index, piece] of parity.entries()) {
          expect(piece).toHaveLength(lengthBytes)
          for (const at of [0, lengthBytes >> 1, lengthBytes - 1]) {
            if (at < 0 || at >= lengthBytes) continue
            let sum = 0
            for (const [column, input] of data.entries())
              sum ^= multiply(reciprocal((dataPieces + index) ^ column), input[at] ?? 0)
            expect(piece[at]).toBe(sum)
          }
        }
      }),
      { numRuns: 60 },
    )
  })

  it('gives back every piece from any that are enough', () => {
    fc.assert(
      fc.property(profile, fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })), (code, draws) => {
        const { dataPieces, pieces, seed } = code
        const lengthBytes = Math.min(code.lengthBytes, 200)
        const data = Array.from({ length: dataPieces }, (_, index) => bytesOf(lengthBytes, seed + index))
        const erasure = new ErasureCode(kernel, { dataPieces, pieces })
        const all = [...data, ...erasure.encode(data)]
        const numbered = all.map((bytes, number) => ({ number, bytes, draw: draws.next().value }))
        const survivors = numbered.sort((left, right) => left.draw - right.draw).slice(0, dataPieces)
        const wanted = all.map((_, number) => number)
        expect(erasure.restore(survivors, wanted)).toEqual(all)
      }),
      { numRuns: 100 },
    )
  })
})

describe('the erasure code', () => {
  it('is the same with both kernels, also where many codes take turns', () => {
    const codes = [
      { dataPieces: 2, pieces: 3 },
      { dataPieces: 4, pieces: 12 },
      { dataPieces: 16, pieces: 48 },
      { dataPieces: 200, pieces: 256 },
    ].map((each) => kernels.map((kernel) => new ErasureCode(kernel, each)))
    for (let round = 0; round < 3; round++) {
      for (const both of codes) {
        const data = Array.from({ length: both[0]?.profile.dataPieces ?? 0 }, (_, index) => bytesOf(500, round + index))
        const [left, right] = both.map((code) => code.encode(data))
        expect(left).toEqual(right)
      }
    }
  })

  it('says how many pieces are missing', () => {
    const code = new ErasureCode(createErasureKernel(), { dataPieces: 4, pieces: 12 })
    const have = [0, 5, 11].map((number) => ({ number, bytes: new Uint8Array(8) }))
    expect(() => code.restore(have, [1])).toThrow(
      expect.objectContaining({ code: 'STORAGE_TOO_FEW_PIECES', details: { needPieces: 4, havePieces: 3 } }),
    )
    expect(code.restore(have, [5, 0])).toHaveLength(2)
  })

  it('counts a piece that comes twice once', () => {
    const code = new ErasureCode(createErasureKernel(), { dataPieces: 2, pieces: 4 })
    const piece = { number: 3, bytes: new Uint8Array(8) }
    expect(() => code.restore([piece, piece], [0])).toThrow('need 2 pieces of a segment, have 1')
  })

  it('refuses codes, pieces and numbers that are none', () => {
    const kernel = createErasureKernel()
    for (const [dataPieces, pieces] of [
      [0, 1],
      [3, 2],
      [1.5, 3],
      [16, 257],
    ] as const)
      expect(() => new ErasureCode(kernel, { dataPieces, pieces })).toThrow(RangeError)
    const code = new ErasureCode(kernel, { dataPieces: 2, pieces: 3 })
    expect(() => code.encode([new Uint8Array(1)])).toThrow('need 2 data pieces, have 1')
    expect(() => code.encode([new Uint8Array(1), new Uint8Array(2)])).toThrow('of one length')
    expect(() => code.restore([], [3])).toThrow('there is no piece 3 of 3')
  })
})
