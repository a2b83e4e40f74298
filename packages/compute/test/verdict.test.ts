import type { ContentId } from '@stead/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { verdictOf } from '../src/consumer/verdict.ts'

const ids = (text: string): ContentId[] => [...text] as ContentId[]
const verdict = (outcomes: string, wanted: number, open = 0, replicasMax = wanted + 3) =>
  verdictOf({ outcomes: ids(outcomes), open, wanted, replicasMax })

describe('what answers to one task say', () => {
  it('takes one word where one is wanted', () => {
    expect(verdict('a', 1)).toEqual({ kind: 'agreed', outcome: 'a' })
    expect(verdict('', 1)).toEqual({ kind: 'more', replicas: 1 })
    expect(verdict('', 1, 1)).toEqual({ kind: 'wait' })
  })

  it('agrees on as many equal answers as are wanted, and waits for the rest before that', () => {
    expect(verdict('aa', 3, 1)).toEqual({ kind: 'wait' })
    expect(verdict('aaa', 3)).toEqual({ kind: 'agreed', outcome: 'a' })
    expect(verdict('aab', 3)).toEqual({ kind: 'more', replicas: 1 })
    expect(verdict('aaba', 3)).toEqual({ kind: 'agreed', outcome: 'a' })
    expect(verdict('a', 2, 1)).toEqual({ kind: 'wait' })
    expect(verdict('a', 3, 1)).toEqual({ kind: 'more', replicas: 1 })
  })

  it('asks for one more replica at a time when there is no majority, up to the maximum', () => {
    expect(verdict('ab', 2)).toEqual({ kind: 'more', replicas: 1 })
    expect(verdict('aba', 2)).toEqual({ kind: 'agreed', outcome: 'a' })
    expect(verdict('abcde', 2)).toEqual({ kind: 'no-agreement' })
    expect(verdict('abcd', 2, 0, 4)).toEqual({ kind: 'no-agreement' })
  })

  it('never agrees on fewer than are wanted, or on less than a strict majority of all answers, whatever comes', () => {
    const outcomes = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 })
    fc.assert(
      fc.property(outcomes, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 0, max: 3 }), (list, wanted, open) => {
        const result = verdictOf({ outcomes: list as ContentId[], open, wanted, replicasMax: wanted + 3 })
        if (result.kind !== 'agreed') return
        const equal = list.filter((outcome) => outcome === result.outcome).length
        expect(equal * 2).toBeGreaterThan(list.length)
        expect(equal).toBeGreaterThanOrEqual(wanted)
      }),
    )
  })
})
