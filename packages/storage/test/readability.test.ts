import { needsRepair, type PieceOutlook, planRepair, repairAt, unreadability } from '@stead/storage'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

/** All cases, one by one. */
function naive(availabilities: readonly number[], dataPieces: number): number {
  let sum = 0
  for (let mask = 0; mask < 2 ** availabilities.length; mask++) {
    let [chance, there] = [1, 0]
    for (const [place, availability] of availabilities.entries()) {
      const isThere = ((mask >> place) & 1) === 1
      chance *= isThere ? availability : 1 - availability
      there += isThere ? 1 : 0
    }
    if (there < dataPieces) sum += chance
  }
  return sum
}

describe('how likely a segment is unreadable', () => {
  it('is the sum over all cases', () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true })
    fc.assert(
      fc.property(fc.array(share, { maxLength: 10 }), fc.integer({ min: 1, max: 6 }), (availabilities, dataPieces) => {
        expect(unreadability(availabilities, dataPieces)).toBeCloseTo(naive(availabilities, dataPieces), 10)
      }),
    )
  })

  it('is what is published for some profiles', () => {
    const all = (count: number, share: number): number[] => Array.from({ length: count }, () => share)
    expect(unreadability(all(48, 0.7), 16)).toBeCloseTo(3.5e-8, 9)
    expect(unreadability(all(48, 0.5), 16)).toBeCloseTo(6.6e-3, 4)
    expect(unreadability(all(16, 0.7), 10)).toBeCloseTo(0.175, 3)
  })

  it('decides on repair, and so does the number of pieces', () => {
    const profile = { dataPieces: 16, pieces: 48 }
    expect(repairAt(profile)).toBe(30)
    expect(repairAt({ dataPieces: 4, pieces: 12 })).toBe(8)
    expect(repairAt({ dataPieces: 2, pieces: 3 })).toBe(2)
    const all = (count: number, share: number): number[] => Array.from({ length: count }, () => share)
    expect(needsRepair(profile, 40, all(40, 0.95))).toBe(false)
    expect(needsRepair(profile, 40, all(40, 0.6))).toBe(true)
    expect(needsRepair(profile, 30, all(30, 0.999))).toBe(true)
    expect(needsRepair(profile, 31, all(48, 0.999))).toBe(false)
  })
})

describe('what a repair makes again', () => {
  const profile = { dataPieces: 16, pieces: 48 }
  const pieces = (overdue: number, lost: number): PieceOutlook[] =>
    Array.from({ length: 48 }, (_, number) => {
      const isOverdue = number < overdue
      return { number, availability: isOverdue ? 0.01 : 0.97, isOverdue, isLost: number >= 48 - lost }
    })

  it('is nothing while enough is there', () => {
    expect(planRepair(profile, pieces(0, 0), false)).toEqual([])
    expect(planRepair(profile, pieces(5, 5), false)).toEqual([])
    expect(planRepair(profile, pieces(0, 0), true)).toEqual([])
  })

  it('is what is lost and what is overdue, long before the latter is lost for sure', () => {
    expect(planRepair(profile, pieces(18, 0), false)).toEqual(Array.from({ length: 18 }, (_, number) => number))
    expect(planRepair(profile, pieces(9, 9), false)).toHaveLength(18)
  })

  it('is all that is missing once a quarter of the spare pieces is lost for good, however many are left', () => {
    expect(planRepair(profile, pieces(0, 7), false)).toEqual([])
    expect(planRepair(profile, pieces(0, 8), false)).toEqual([40, 41, 42, 43, 44, 45, 46, 47])
    expect(planRepair(profile, pieces(1, 8), false)).toHaveLength(9)
    // One that may come back is not lost.
    expect(planRepair(profile, pieces(12, 0), false)).toEqual([])
    const small = { dataPieces: 4, pieces: 12 }
    const twelve = (lost: number): readonly PieceOutlook[] => pieces(0, lost + 36).slice(0, 12)
    expect(planRepair(small, twelve(1), false)).toEqual([])
    expect(planRepair(small, twelve(2), false)).toEqual([10, 11])
  })

  it('does not count a piece as lost that is on another node as well', () => {
    const again = pieces(0, 8).map((piece) => ({ ...piece, isLost: false }))
    expect(planRepair(profile, [...pieces(0, 8), ...again], false)).toEqual([])
  })

  it('goes on until the segment is whole', () => {
    expect(planRepair(profile, pieces(1, 1), true)).toEqual([0, 47])
  })

  it('is nothing where nodes are bad and none is missing: others may be no better', () => {
    const bad = pieces(0, 0).map((piece) => ({ ...piece, availability: 0.3 }))
    expect(planRepair(profile, bad, false)).toEqual([])
  })
})
