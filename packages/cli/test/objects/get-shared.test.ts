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
    listShared: async () => ({ objects, commonPrefixes: [], isFilled: true }),
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

  it('are told to programs as they are', async () => {
    const documents: unknown[] = []
    const terminal = { ...context.terminal, isJson: true, out: (text: string) => void documents.push(JSON.parse(text)) }
    await get({ name: 'a\u001bb', keys: [], isObject: true }, target, { ...context, terminal })
    await get({ name: 'trip', keys: ['a', '../b'] }, target, { ...context, terminal })
    expect(documents).toEqual([
      { name: 'a\u001bb', lengthBytes: 3, file: join(target, 'a\u001bb') },
      { folder: target, files: 1, leftOut: 1 },
    ])
    expect(said).toEqual([expect.stringMatching(/^left out: /)])
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

describe('a share that is still being filled', () => {
  /** Each look finds the next of these; the last one again and again. */
  async function getFilling(looks: readonly { readonly keys: Record<string, string>; readonly isFilled: boolean }[]) {
    let look = 0
    const brought: string[] = []
    const client: Parameters<typeof getShared>[0] = {
      narrowShare: async () => ({ link, name: 'trip', isObject: false }),
      listShared: async () => {
        const { keys, isFilled } = looks[Math.min(look++, looks.length - 1)] ?? { keys: {}, isFilled: true }
        const objects = Object.entries(keys).map(([key, etag]) => ({
          key,
          lengthBytes: 1,
          modifiedAt: 0 as UnixMs,
          etag,
        }))
        return { objects, commonPrefixes: [], isFilled }
      },
      getShared: async ({ path = '' }) => {
        brought.push(path)
        return {
          lengthBytes: 1,
          body: (async function* () {
            yield new Uint8Array([look])
          })(),
        }
      },
    }
    const terms = { lookMs: 1, giveUpMs: 20 }
    const end = getShared(client, context, { text: link, given: target }, terms)
    return { end, brought }
  }

  it('is waited for: what is new or changed comes, what is there does not come twice', async () => {
    const { end, brought } = await getFilling([
      { keys: { a: '1', '../x': '1' }, isFilled: false },
      { keys: { a: '1', b: '1', '../x': '1' }, isFilled: false },
      { keys: { a: '2', b: '1', c: '1', '../x': '1' }, isFilled: true },
    ])
    await end
    expect(brought).toEqual(['a', 'b', 'a', 'c'])
    expect(readFileSync(join(target, 'a'))[0]).toBe(3)
    expect(said.filter((text) => text.includes('still being filled: 2 shown so far'))).toHaveLength(1)
    expect(said.filter((text) => text.startsWith('left out: '))).toHaveLength(1)
    expect(said.at(-1)).toContain(`3 files are in ${target}, 1 left out`)
  })

  it('is given up when nothing new comes: what is shown is there, and trying again can help', async () => {
    const { end } = await getFilling([{ keys: { a: '1' }, isFilled: false }])
    await expect(end).rejects.toMatchObject({
      code: 'CLI_SHARE_FILLING',
      retryable: true,
      message: expect.stringContaining('1 shown so far'),
    })
    expect(readdirSync(target)).toEqual(['a'])
    expect(said.at(-1)).toContain(`1 files are in ${target}`)
  })

  it('ends when the person wants it to', async () => {
    const waiting = { ...context, interruption: () => AbortSignal.timeout(30) }
    const client: Parameters<typeof getShared>[0] = {
      narrowShare: async () => ({ link, name: 'trip', isObject: false }),
      listShared: async () => ({ objects: [], commonPrefixes: [], isFilled: false }),
      getShared: () => Promise.reject(new Error('nothing is shown')),
    }
    await expect(getShared(client, waiting, { text: link, given: target })).rejects.toMatchObject({
      code: 'CLI_INTERRUPTED',
    })
  })
})
