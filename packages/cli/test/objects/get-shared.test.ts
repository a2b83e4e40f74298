import {
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
import type { UnixMs } from '@stead/core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandContext } from '../../src/command-context.ts'
import { getShared } from '../../src/objects/get-shared.ts'
import { createTerminal } from '../../src/terminal/terminal.ts'

const link = 'stead:share:uAb'
let directory = ''
let target = ''
let outside = ''
let said: string[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'stead-get-shared-'))
  target = join(directory, 'target')
  outside = join(directory, 'outside')
  mkdirSync(target)
  mkdirSync(outside)
  writeFileSync(join(outside, 'file'), 'keep')
  said = []
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

const context: CommandContext = {
  terminal: { ...createTerminal({ isJson: false }), message: (text) => void said.push(text), isInteractive: false },
  dataDir: undefined,
  workingDirectory: '.',
  environment: {},
  interruption: () => new AbortController().signal,
  exitWith: () => undefined,
}

/** Gets what a share shows whose names are these; each object says its own key. */
async function get(
  share: { name: string; keys: readonly string[]; isObject?: boolean },
  given?: string,
  surroundings: CommandContext = context,
): Promise<void> {
  const { name, keys, isObject = false } = share
  const objects = keys.map((key) => ({ key, lengthBytes: key.length, modifiedAt: 0 as UnixMs, etag: 'e' }))
  const client: Parameters<typeof getShared>[0] = {
    narrowShare: async () => ({ link, name, isObject }),
    listShared: async () => ({ objects, commonPrefixes: [] }),
    getShared: async ({ path }) => {
      const bytes = new TextEncoder().encode(path === '' ? name : path)
      return {
        lengthBytes: bytes.length,
        body: (async function* () {
          yield bytes
        })(),
      }
    },
  }
  await getShared(client, surroundings, { text: link, given })
}

describe('names that whoever shares a folder chose', () => {
  it('stay in the folder: others are left out, which is said, and the rest comes', async () => {
    symlinkSync(outside, join(target, 'link'))
    const bad = ['../x', '/etc/passwd', 'a/../../x', 'a//b', 'c/', '.stead-part-1', 'link/file', 'a/good/below']
    await get({ name: 'trip', keys: ['a/good', ...bad, 'last'] }, target)
    expect(readdirSync(target).toSorted()).toEqual(['a', 'last', 'link'])
    expect(readdirSync(join(target, 'a'))).toEqual(['good'])
    expect(readFileSync(join(target, 'a/good'), 'utf8')).toBe('a/good')
    expect([readFileSync(join(outside, 'file'), 'utf8'), readdirSync(directory)]).toEqual([
      'keep',
      ['outside', 'target'],
    ])
    expect(said.filter((text) => text.startsWith('left out: '))).toHaveLength(bad.length)
    expect(said.at(-1)).toContain(`2 files are in ${target}, ${bad.length} left out`)
  })

  it('do not write through a link that has the name of a file', async () => {
    symlinkSync(join(outside, 'file'), join(target, 'x'))
    symlinkSync(join(outside, 'file'), join(target, 'y'))
    await get({ name: 'trip', keys: ['x'] }, target)
    await get({ name: 'y', keys: [], isObject: true }, target)
    expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('keep')
    for (const name of ['x', 'y']) {
      expect(lstatSync(join(target, name)).isFile()).toBe(true)
      expect(readFileSync(join(target, name), 'utf8')).toBe(name)
    }
  })

  it('do not move the cursor of a terminal', async () => {
    await get({ name: 'a\u001b[2Jb\u009bc', keys: [], isObject: true }, target)
    await get({ name: 'trip', keys: ['a\u001b[2J\u009b/../b'] }, target)
    expect(said.join('')).not.toMatch(/\p{Cc}/u)
    expect(said).toHaveLength(3)
  })

  it('are asked of the person where they are none', async () => {
    for (const name of ['', '..', '.stead-part-x'])
      await expect(get({ name, keys: ['x'] })).rejects.toThrow(expect.objectContaining({ code: 'CLI_USAGE' }))
  })
})

describe('Ctrl-C', () => {
  it('is no fault of the program, and leaves nothing', async () => {
    const stopped = { ...context, interruption: () => AbortSignal.abort(new Error('stopped')) }
    await expect(get({ name: 'trip', keys: ['x'] }, target, stopped)).rejects.toMatchObject({ code: 'CLI_INTERRUPTED' })
    expect(readdirSync(target)).toEqual([])
  })
})

describe('a name that the person chose', () => {
  it('may be a link to a file, which is written', async () => {
    symlinkSync(join(outside, 'file'), join(target, 'mine'))
    await get({ name: 'new', keys: [], isObject: true }, join(target, 'mine'))
    expect(readFileSync(join(outside, 'file'), 'utf8')).toBe('new')
    expect(readdirSync(outside)).toEqual(['file'])
  })
})
