import { describe, expect, it } from 'vitest'
import {
  checkNoLink,
  checkWrites,
  isShareLink,
  isWriteLink,
  parseByteCount,
  parseDuration,
  parseSharedPlace,
} from '../../src/objects/share-link.ts'

describe('links on the command line', () => {
  it('may have a path behind them', () => {
    expect(parseSharedPlace(' stead:share:uAb_-/a/b ')).toEqual({ link: 'stead:share:uAb_-', path: 'a/b' })
    expect(parseSharedPlace('stead:share:uAb_-/')).toEqual({ link: 'stead:share:uAb_-', path: '' })
    expect(parseSharedPlace('stead:share:uAb_-')).toEqual({ link: 'stead:share:uAb_-', path: '' })
    expect([isShareLink('stead:share:x'), isShareLink('stead://share/x')]).toEqual([true, false])
  })

  it('are told apart, and are no files', () => {
    expect([isWriteLink(' stead:write:x'), isWriteLink('stead:share:x'), isShareLink('stead:write:x')]).toEqual([
      true,
      false,
      false,
    ])
    expect(() => checkNoLink('file', 'stead:write:secret')).toThrow(/^a link to write shows nothing/)
    expect(() => checkNoLink('stead:share:secret')).toThrow(/^a link to read is no file/)
    expect(() => checkWrites('stead:share:secret')).toThrow(/^this link is to read/)
    checkWrites('stead:write:x')
  })

  it('take so many bytes', () => {
    const written = { '4096B': 4096, '500MB': 500_000_000, '1GiB': 2 ** 30, '1.5 tib': 1.5 * 2 ** 40, '2kib': 2048 }
    for (const [text, bytes] of Object.entries(written)) expect(parseByteCount(text)).toBe(bytes)
    for (const text of [
      '',
      '1',
      '0GiB',
      '-1MB',
      '1e3MB',
      '1XB',
      'GiB',
      '1 0MB',
      '9999999999B',
      '1.2345GiB',
      '9999999TiB',
    ])
      expect(() => parseByteCount(text)).toThrow(expect.objectContaining({ code: 'CLI_USAGE' }))
  })

  it('end after a length of time', () => {
    expect(['30m', '12h', '7d', '4w'].map(parseDuration)).toEqual([1_800_000, 43_200_000, 604_800_000, 2_419_200_000])
    for (const text of ['', '7', 'd', '0d', '-1d', '1.5h', '7 d', '1y', '9999999d'])
      expect(() => parseDuration(text)).toThrow(expect.objectContaining({ code: 'CLI_USAGE' }))
  })
})
