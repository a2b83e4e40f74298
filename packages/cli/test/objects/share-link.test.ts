import { describe, expect, it } from 'vitest'
import { isShareLink, parseDuration, parseSharedPlace } from '../../src/objects/share-link.ts'

describe('links on the command line', () => {
  it('may have a path behind them', () => {
    expect(parseSharedPlace(' stead:share:uAb_-/a/b ')).toEqual({ link: 'stead:share:uAb_-', path: 'a/b' })
    expect(parseSharedPlace('stead:share:uAb_-/')).toEqual({ link: 'stead:share:uAb_-', path: '' })
    expect(parseSharedPlace('stead:share:uAb_-')).toEqual({ link: 'stead:share:uAb_-', path: '' })
    expect([isShareLink('stead:share:x'), isShareLink('stead://share/x')]).toEqual([true, false])
  })

  it('end after a length of time', () => {
    expect(['30m', '12h', '7d', '4w'].map(parseDuration)).toEqual([1_800_000, 43_200_000, 604_800_000, 2_419_200_000])
    for (const text of ['', '7', 'd', '0d', '-1d', '1.5h', '7 d', '1y', '9999999d'])
      expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'CLI_USAGE' }))
  })
})
