import { createHash } from 'node:crypto'
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
import type { SharedStream } from '@stead/sdk/api'
import { StorageError } from '@stead/storage'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandContext } from '../../src/command-context.ts'
import { PART_BYTES } from '../../src/objects/content-hash.ts'
import { getShared } from '../../src/objects/get-shared.ts'
import { createTerminal } from '../../src/terminal/terminal.ts'

const link = 'stead:share:uAb'
const CHUNK_BYTES = 1024 * 1024
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

/** Some of the bytes of an object, as a daemon sends them. */
function sharedStream(
  facts: { readonly key: string; readonly etag: string },
  content: Uint8Array,
  {
    fromByte = 0,
    toByte = content.length,
  }: { readonly fromByte?: number | undefined; readonly toByte?: number | undefined },
): SharedStream {
  const bytes = content.subarray(fromByte, toByte)
  return {
    object: { ...facts, lengthBytes: content.length, modifiedAt: 0 as UnixMs },
    lengthBytes: bytes.length,
    body: (async function* () {
      for (let at = 0; at < bytes.length; at += CHUNK_BYTES) yield bytes.subarray(at, at + CHUNK_BYTES)
    })(),
  }
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
    getShared: async ({ path, fromByte, toByte }) => {
      const key = path === undefined || path === '' ? name : path
      return sharedStream({ key, etag: 'e' }, new TextEncoder().encode(key), { fromByte, toByte })
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
      { name: 'a\u001bb', lengthBytes: 3, file: join(target, 'a\u001bb'), resumedBytes: 0 },
      { folder: target, files: 1, leftOut: 1, resumedBytes: 0 },
    ])
    expect(said).toEqual([expect.stringMatching(/^left out: /)])
  })

  it('are asked of the person where they are none', async () => {
    for (const name of ['', '..', '.stead-part-x'])
      await expect(get({ name, keys: ['x'] })).rejects.toThrow(expect.objectContaining({ code: 'CLI_USAGE' }))
  })
})

describe('a long object of a link', () => {
  /** An owner who may write meanwhile. */
  class Owner {
    content = longContent(1)
    etag = etagOf(this.content)
    /** Bytes that were sent. */
    sentBytes = 0
    /** Called with each stretch that is sent. */
    onSent: () => void = () => undefined

    readonly client: Parameters<typeof getShared>[0] = {
      narrowShare: async () => ({ link, name: 'film', isObject: true }),
      listShared: () => Promise.reject(new Error('nothing is listed')),
      getShared: async ({ ifMatch, ...range }, { signal } = {}) => {
        if (ifMatch !== undefined && ifMatch !== this.etag) throw new StorageError('STORAGE_CONDITION', 'replaced')
        const stream = sharedStream({ key: 'film', etag: this.etag }, this.content, range)
        return { ...stream, body: this.#counted(stream.body, this.etag, signal) }
      },
    }

    write(content: Uint8Array): void {
      this.content = content
      this.etag = etagOf(content)
    }

    async *#counted(body: AsyncIterable<Uint8Array>, etag: string, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
      for await (const bytes of body) {
        signal?.throwIfAborted()
        if (etag !== this.etag) throw new StorageError('STORAGE_CONDITION', 'replaced')
        this.sentBytes += bytes.length
        this.onSent()
        yield bytes
      }
    }
  }

  /** Gets it until so many bytes were sent. */
  async function getUntil(owner: Owner, bytes: number): Promise<void> {
    const stop = new AbortController()
    owner.onSent = () => (owner.sentBytes > bytes ? stop.abort(new Error('stopped')) : undefined)
    const stopped = { ...context, interruption: () => stop.signal }
    const end = getShared(owner.client, stopped, { text: link, given: target })
    await expect(end).rejects.toMatchObject({ code: 'CLI_INTERRUPTED', next: expect.stringContaining('goes on where') })
    owner.onSent = () => undefined
    owner.sentBytes = 0
  }

  const LENGTH_BYTES = 3 * PART_BYTES
  const longContent = (seed: number): Uint8Array =>
    new Uint8Array(LENGTH_BYTES).map((_, index) => (index * seed) ^ (index >> 8))
  const etagOf = (content: Uint8Array): string => createHash('md5').update(content).digest('hex')
  const film = (): Buffer => readFileSync(join(target, 'film'))

  it('goes on where an earlier command stopped', async () => {
    const owner = new Owner()
    await getUntil(owner, 2 * PART_BYTES)
    expect(readdirSync(target)).toEqual([expect.stringMatching(/^\.stead-part-/)])
    await getShared(owner.client, context, { text: link, given: target })
    expect(film().equals(owner.content)).toBe(true)
    expect(readdirSync(target)).toEqual(['film'])
    expect(owner.sentBytes).toBeLessThanOrEqual(PART_BYTES)
    expect(said[0]).toMatch(/^film: resuming at /)
  })

  it('begins anew when it is another one since', async () => {
    const owner = new Owner()
    await getUntil(owner, PART_BYTES)
    owner.write(longContent(3))
    await getShared(owner.client, context, { text: link, given: target })
    expect(film().equals(owner.content)).toBe(true)
    expect(said.join()).not.toContain('resuming')
  })

  it('is brought as it is then, when it is replaced on the way', async () => {
    const owner = new Owner()
    owner.onSent = () => {
      owner.onSent = () => undefined
      owner.write(longContent(5))
    }
    await getShared(owner.client, context, { text: link, given: target })
    expect(film().equals(owner.content)).toBe(true)
  })

  it('is read again from its first byte when what lay there was spoiled', async () => {
    const owner = new Owner()
    await getUntil(owner, 2 * PART_BYTES)
    const [part = ''] = readdirSync(target)
    const bytes = readFileSync(join(target, part))
    writeFileSync(join(target, part), bytes.fill(0, 0, 1))
    await getShared(owner.client, context, { text: link, given: target })
    expect(film().equals(owner.content)).toBe(true)
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
      getShared: async ({ path = '', ...range }) => {
        brought.push(path)
        return sharedStream({ key: path, etag: '' }, new Uint8Array([look]), range)
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
