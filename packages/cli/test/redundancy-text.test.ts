import type { UnixMs } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { nothingText, redundancyText } from '../src/commands/usage.ts'

const WHOLE = {
  segments: 9,
  unsteadySegments: 0,
  steadyNodes: 0,
  shortSegments: 0,
  bareSegments: 0,
  unreadableSegments: 0,
  dueSegments: 0,
}

describe('what is said of segments that lack pieces', () => {
  it('is nothing where all are whole', () => {
    expect(redundancyText(WHOLE)).toBe('')
  })

  it('is how many, which cannot lose more, which cannot be read, and when they are repaired', () => {
    const repairFrom = Date.UTC(2026, 0, 2) as UnixMs
    expect(
      redundancyText({
        ...WHOLE,
        shortSegments: 5,
        bareSegments: 3,
        unreadableSegments: 1,
        dueSegments: 2,
        repairFrom,
      }),
    ).toBe(
      [
        '',
        '5 of 9 segments lack pieces: nodes do not answer, or lost them',
        'WARNING: 2 of these can lose no more nodes',
        'WARNING: 1 of these cannot be read now: too few of their nodes answer',
        '2 are repaired in the next round, or now: stead usage --now; from 2026-01-02T00:00:00.000Z on repairs begin, if the nodes stay away until then',
      ].join('\n'),
    )
    expect(redundancyText({ ...WHOLE, shortSegments: 1 })).toContain('it has enough left')
  })
})

describe('what is said where no node keeps anything for this machine', () => {
  it('is how to begin, where there is no bucket', () => {
    expect(nothingText([])).toContain('stead put <file>')
  })

  it('is that others of its phrase pay, where there are buckets', () => {
    expect(nothingText(['photos'])).toBe(
      'this machine keeps nothing on the network itself, and pays nothing; 1 bucket is there: photos\n' +
        'other machines of this recovery phrase keep it there and pay: see stead usage on them',
    )
    expect(nothingText(['photos', 'texts'])).toContain('2 buckets are there: photos, texts\n')
  })
})
