import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { SafeFolder } from '../../src/objects/safe-folder.ts'

let directory = ''
let root = ''

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stead-safe-'))
  root = join(directory, 'target')
  mkdirSync(join(directory, 'outside'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const unsafe = { code: 'CLI_UNSAFE_NAME' }

describe('names that are no path in the folder', () => {
  it.each([
    '',
    '/',
    '/etc/passwd',
    '..',
    '../x',
    'a/../../x',
    'a/..',
    './x',
    'a/./x',
    'a//x',
    'a/',
    'a\0b',
    '.stead-part-x',
    'a/.stead-part-x',
    `${'n'.repeat(256)}`,
    `${'ö'.repeat(128)}/x`,
    `${'d/'.repeat(3000)}x`,
  ])('%j', (name) => {
    const folder = new SafeFolder(root)
    expect(() => folder.fileOf(name)).toThrow(expect.objectContaining(unsafe))
  })

  it.each(['a\\..\\..\\x', 'C:\\x', 'C:x', 'nul', 'a/CON.txt', 'com1', 'x.', 'x ', 'a:b', 'a?b', 'a\u0001b'])(
    '%j on Windows, and only there',
    (name) => {
      expect(() => new SafeFolder(root, { platform: 'win32' }).fileOf(name)).toThrow(expect.objectContaining(unsafe))
      expect(new SafeFolder(root, { platform: 'linux' }).fileOf(name)).toBe(join(root, name))
    },
  )

  it.each(['x', '..x', 'x..', '...', 'a/b/c', 'größe', '-rf', '~', '$HOME', 'a b', ' x', '%2e%2e/x', 'n'.repeat(255)])(
    '%j is one',
    (name) => {
      expect(new SafeFolder(root, { platform: 'linux' }).fileOf(name)).toBe(join(root, name))
    },
  )
})

describe('links', () => {
  it('lead nowhere: a folder on the way that is one is refused', () => {
    mkdirSync(root)
    symlinkSync(join(directory, 'outside'), join(root, 'link'))
    mkdirSync(join(root, 'a'))
    symlinkSync('../../outside', join(root, 'a', 'link'))
    symlinkSync('nowhere', join(root, 'dangling'))
    const folder = new SafeFolder(root)
    for (const name of ['link/x', 'a/link/x', 'a/link/y/z', 'dangling/x'])
      expect(() => folder.prepare(name)).toThrow(expect.objectContaining(unsafe))
    expect(() => folder.prepare('a/x')).not.toThrow()
  })

  it('with the name of a file are replaced and not followed', () => {
    mkdirSync(root)
    const outside = join(directory, 'outside', 'file')
    writeFileSync(outside, 'keep')
    symlinkSync(outside, join(root, 'x'))
    const folder = new SafeFolder(root)
    folder.write('x', 'new')
    expect(readFileSync(outside, 'utf8')).toBe('keep')
    expect([lstatSync(join(root, 'x')).isSymbolicLink(), readFileSync(join(root, 'x'), 'utf8')]).toEqual([false, 'new'])
  })

  it('may be the folder itself: whoever names it means it', () => {
    symlinkSync(join(directory, 'outside'), root)
    new SafeFolder(root).write('a/x', 'here')
    expect(readFileSync(join(directory, 'outside', 'a', 'x'), 'utf8')).toBe('here')
  })
})

describe('a check', () => {
  it('refuses what the run would refuse, and writes nothing', () => {
    mkdirSync(root)
    symlinkSync(join(directory, 'outside'), join(root, 'link'))
    mkdirSync(join(root, 'there'))
    const names = ['a', 'a/b', '../x', 'link/x', 'there', 'c/d', 'c', 'e', 'E']
    const refusedBy = (bring: (name: string) => unknown): readonly string[] =>
      names.filter((name) => {
        try {
          bring(name)
          return false
        } catch {
          return true
        }
      })
    for (const isCaseBlind of [true, false]) {
      const terms = { isCaseBlind }
      const [dry, real] = [new SafeFolder(root, terms), new SafeFolder(join(directory, `copy-${isCaseBlind}`), terms)]
      const found = refusedBy((name) => dry.check(name))
      expect(found).toEqual(['a/b', '../x', 'link/x', 'there', 'c', ...(isCaseBlind ? ['E'] : [])])
      mkdirSync(join(real.root, 'there'), { recursive: true })
      symlinkSync(join(directory, 'outside'), join(real.root, 'link'))
      expect(refusedBy((name) => real.prepare(name))).toEqual(found)
    }
    expect(readdirSync(root).toSorted()).toEqual(['link', 'there'])
  })

  it('needs no folder that is there', () => {
    const folder = new SafeFolder(join(root, 'none'))
    folder.check('a')
    expect(() => folder.check('a/b')).toThrow(expect.objectContaining(unsafe))
    expect(existsSync(root)).toBe(false)
  })
})

describe('names that are in the way of each other', () => {
  it('a file where a folder must be, and a folder where a file must be', () => {
    const folder = new SafeFolder(root)
    folder.write('a', 'file')
    expect(() => folder.write('a/b', 'x')).toThrow(expect.objectContaining(unsafe))
    folder.write('c/d', 'x')
    expect(() => folder.write('c', 'x')).toThrow(expect.objectContaining(unsafe))
    expect(readFileSync(join(root, 'a'), 'utf8')).toBe('file')
    // Also before any of them is on the disk.
    folder.prepare('d')
    expect(() => folder.prepare('d/e')).toThrow(expect.objectContaining(unsafe))
  })

  it('two that the disk does not tell apart: the second one would destroy the first', () => {
    const folder = new SafeFolder(root, { isCaseBlind: true })
    folder.write('Straße/A.txt', 'first')
    for (const name of ['Straße/a.TXT', 'straße/A.txt'])
      expect(() => folder.write(name, 'second')).toThrow(expect.objectContaining(unsafe))
    expect(() => folder.write('Straße/A.txt', 'again')).not.toThrow()
    expect(() => folder.write('Straße/b', 'other')).not.toThrow()
    const exact = new SafeFolder(join(directory, 'exact'), { isCaseBlind: false })
    exact.write('a', '1')
    expect(() => exact.write('A', '2')).not.toThrow()
  })
})
