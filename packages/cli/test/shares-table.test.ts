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
      'ID  TO    WHAT                SINCE                     UNTIL                     STATE',
      '1f  read  stead://mine/many/  1970-01-01T00:00:00.000Z  no end                    filling',
      '1f  read  stead://mine/many/  1970-01-01T00:00:00.000Z  1970-01-02T00:00:00.000Z  shows all',
    ])
    expect(describeShares(shares.map((each) => ({ ...each, link: 'stead:share:u' })))).toMatch(
      /STATE +LINK\n.*filling +stead:share:u\n.*shows all +stead:share:u$/s,
    )
    expect(describeShares([])).toBe('nothing is shared')
  })

  it('says of those to write how much was written, of how much', () => {
    const grant = { id: '2f', bucket: 'mine', prefix: 'in/', createdAt: 0 as UnixMs, limitBytes: 2 ** 30 }
    const grants = [
      { ...grant, usedBytes: 4096, objects: 1, mayReplace: false },
      { ...grant, usedBytes: 5_000_000, objects: 2, mayReplace: true, link: 'stead:write:u' },
    ]
    const [title, ...rows] = describeShares(grants).split('\n')
    expect(title).toMatch(/^ID +TO +WHAT +SINCE +UNTIL +STATE +LINK$/)
    expect(rows[0]).toMatch(/^2f +write +stead:\/\/mine\/in\/ .* no end +4.0 KiB of 1.0 GiB, 1 object$/)
    expect(rows[1]).toMatch(/ 4.8 MiB of 1.0 GiB, 2 objects, may replace +stead:write:u$/)
  })
})
