import type { UnixMs } from '@stead/core'
import { describe, expect, it } from 'vitest'
import { describeShares } from '../src/commands/shares.ts'

describe('the table of shares', () => {
  it('says which have an end, which are whole, and their links when asked', () => {
    const share = { id: '1f', bucket: 'mine', prefix: 'many/', createdAt: 0 as UnixMs }
    const shares = [
      { ...share, isFilled: false },
      { ...share, isFilled: true, expiresAt: 86_400_000 as UnixMs },
    ]
    expect(describeShares(shares).split('\n')).toEqual([
      'ID  WHAT                SINCE                     UNTIL                     STATE',
      '1f  stead://mine/many/  1970-01-01T00:00:00.000Z  no end                    filling',
      '1f  stead://mine/many/  1970-01-01T00:00:00.000Z  1970-01-02T00:00:00.000Z  shows all',
    ])
    expect(describeShares(shares.map((each) => ({ ...each, link: 'stead:share:u' })))).toMatch(
      /STATE +LINK\n.*filling +stead:share:u\n.*shows all +stead:share:u$/s,
    )
    expect(describeShares([])).toBe('nothing is shared')
  })
})
