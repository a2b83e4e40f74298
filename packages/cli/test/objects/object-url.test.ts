import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { formatObjectUrl, parseObjectUrl, parseObjectVersion } from '../../src/objects/object-url.ts'
import { ObjectCommands } from './object-commands.ts'

describe('an address', () => {
  it('names every key that there is', () => {
    const piece = fc.constantFrom(
      '?',
      '%3F',
      '%253f',
      '%',
      '25',
      '3F',
      'version=',
      'versionId=',
      'VERSION=',
      'abc',
      '/',
      'null',
    )
    const key = fc.oneof(
      fc.string(),
      fc.array(piece, { minLength: 1 }).map((pieces) => pieces.join('')),
    )
    fc.assert(
      fc.property(key, (key) => {
        const address = formatObjectUrl({ bucket: 'mine', key })
        expect(parseObjectUrl(address)).toEqual({ bucket: 'mine', key })
        expect(parseObjectVersion(`${address}?version=null`)).toEqual({ bucket: 'mine', key, version: 'null' })
      }),
      { numRuns: 2000 },
    )
  })

  it('is the key as it is wherever no version is meant', () => {
    for (const key of ['a%3Fb', 'what?', '100%', 'a%20b', 'version=1', '%3F'])
      expect([parseObjectUrl(`stead://mine/${key}`).key, formatObjectUrl({ bucket: 'mine', key })]).toEqual([
        key,
        `stead://mine/${key}`,
      ])
  })
})

describe('a key that looks as if it named a version', () => {
  let commands: ObjectCommands

  beforeEach(async () => {
    commands = new ObjectCommands()
    await commands.start()
  })
  afterEach(() => commands.stop())

  it('can be put, listed, brought back and removed, by the address that is printed', async () => {
    const folder = join(commands.directory, 'files')
    mkdirSync(folder)
    const file = join(folder, 'q?version=abc')
    writeFileSync(file, 'odd')
    const put = await commands.run(['put', file, 'stead://mine/'])
    expect([put.code, put.out]).toEqual([0, expect.stringContaining('stead://mine/q%3Fversion=abc: ')])
    expect(await commands.keys('mine')).toEqual(['q?version=abc'])
    expect((await commands.run(['ls', 'stead://mine/'])).out).toContain('q%3Fversion=abc')
    const back = join(commands.directory, 'back')
    expect(await commands.run(['get', 'stead://mine/q%3Fversion=abc', back])).toMatchObject({ code: 0 })
    expect(readFileSync(back, 'utf8')).toBe('odd')
    const raw = await commands.run(['rm', 'stead://mine/q?version=abc'])
    expect([raw.code, raw.message]).toEqual([2, expect.stringContaining('write it as %3Fversion=abc')])
    expect((await commands.run(['rm', 'stead://mine/q%3Fversion=abc'])).out).toContain('1 deleted')
    expect(await commands.keys('mine')).toEqual([])
  })
})
