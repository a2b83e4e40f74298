import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ObjectClient } from '@stead/sdk'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { PART_BYTES } from '../../src/objects/content-hash.ts'
import { downloadFile, ownObject } from '../../src/objects/download-file.ts'
import { remoteEntry } from '../../src/objects/remote-objects.ts'
import { UploadBook } from '../../src/objects/upload-book.ts'
import { uploadFile } from '../../src/objects/upload-file.ts'
import { ObjectCommands } from './object-commands.ts'

let commands: ObjectCommands
let folder = ''

beforeEach(async () => {
  commands = new ObjectCommands()
  await commands.start()
  folder = join(commands.directory, 'folder')
  mkdirSync(folder)
})
afterEach(() => commands.stop())

const stopped = AbortSignal.abort(new Error('stopped'))
const refused = (what: string): object => ({ code: 2, message: expect.stringContaining(what) })

describe('Ctrl-C', () => {
  it('while an object comes does not advise to remove the object, and says where its part lies', async () => {
    await commands.objects.makeBucket('mine')
    await commands.objects.put({ bucket: 'mine', key: 'long' }, new Uint8Array(PART_BYTES + 1))
    const target = join(folder, 'long')
    for (const [where, ...args] of [
      ['in', 'get', 'stead://mine/long', target],
      ['in', 'cp', 'stead://mine/long', target],
      ['below', 'cp', '-r', 'stead://mine', folder],
      ['below', 'sync', 'stead://mine', folder],
    ]) {
      const said = await commands.run(args, stopped)
      expect(said.code).toBe(130)
      expect(said.message).not.toContain('stead rm')
      expect(said.message).toContain(`.stead-part-… ${where} ${folder}`)
      expect(existsSync(target)).toBe(false)
    }
  })

  it('while a file goes says how what is half-sent is seen and given up', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, 'new')
    for (const args of [
      ['put', file, 'stead://mine/'],
      ['cp', '-r', folder, 'stead://mine'],
    ]) {
      const said = await commands.run(args, stopped)
      expect(said.code).toBe(130)
      expect(said.message).toMatch(/stead ls --uploads.*stead rm --uploads <object>/)
    }
  })
})

describe('what goes on where something stopped', () => {
  const bytes = new Uint8Array(2 * PART_BYTES + 1).fill(7)

  /** Stops a put of a file, or a get of an object, when so much of it was moved. */
  function stoppedAfter(limitBytes: number): {
    readonly signal: AbortSignal
    readonly onBytes: (more: number) => void
  } {
    const stop = new AbortController()
    let moved = 0
    const onBytes = (more: number): void => {
      moved += more
      if (moved > limitBytes) stop.abort(new Error('stopped'))
    }
    return { signal: stop.signal, onBytes }
  }

  it('says from where, and to programs how much was there', async () => {
    const file = join(folder, 'long')
    writeFileSync(file, bytes)
    const place = { bucket: 'mine', key: 'long' }
    await commands.objects.makeBucket('mine')
    const access = {
      objects: new ObjectClient(commands.world.client(), { partBytes: PART_BYTES, partsAtOnce: 1, sendsStreams: true }),
      book: new UploadBook(join(commands.directory, 'cli')),
    }
    await expect(uploadFile(access, { file, place }, stoppedAfter(PART_BYTES))).rejects.toThrow('stopped')
    const put = await commands.run(['put', file, 'stead://mine/', '--json'])
    expect(put.message).toBe('long: resuming at 16.0 MiB of 32.0 MiB (49 %)')
    expect(JSON.parse(put.out)).toMatchObject({ key: 'long', lengthBytes: bytes.length, resumedBytes: PART_BYTES })

    const target = join(folder, 'back')
    const object = await commands.objects.head(place)
    if (object === undefined) throw new Error('the object is gone')
    const stopping = stoppedAfter(PART_BYTES)
    const source = ownObject(commands.objects, place, remoteEntry(object, ''), stopping.signal)
    await expect(downloadFile(source, target, stopping)).rejects.toThrow()
    const got = await commands.run(['get', 'stead://mine/long', target, '--json'])
    expect(got.message).toMatch(/^long: resuming at \d\d\.\d MiB of 32\.0 MiB \(\d\d %\)$/)
    expect(JSON.parse(got.out)).toMatchObject({ bucket: 'mine', key: 'long', file: target })
    expect(JSON.parse(got.out).resumedBytes).toBeGreaterThanOrEqual(PART_BYTES)
    expect(readFileSync(target).equals(bytes)).toBe(true)
    expect((await commands.run(['get', 'stead://mine/long', target])).message).not.toContain('resuming')
  })
})

describe('a sync with --delete', () => {
  it('does not delete what could not be read here, as if it were gone', async () => {
    await commands.keep('mine', 'tree/2020/a', 'tree/gone', 'tree/note')
    symlinkSync(commands.directory, join(folder, '2020'))
    writeFileSync(join(folder, 'note'), 'note')
    expect(await commands.run(['sync', '--delete', folder, 'stead://mine/tree'])).toMatchObject({ code: 0 })
    expect(await commands.keys('mine')).toEqual(['tree/2020/a', 'tree/note'])
  })

  it('does not delete its own source, which lies in the target', async () => {
    await commands.keep('mine', 'tree/sub/a', 'tree/b')
    const said = await commands.run(['sync', '--delete', 'stead://mine/tree/sub', 'stead://mine/tree'])
    expect(said).toMatchObject(refused('is within'))
    expect(await commands.keys('mine')).toEqual(['tree/b', 'tree/sub/a'])
  })
})

describe('a sync with --delete whose source has nothing', () => {
  it('leaves a folder as it is, be the source a typing error, an object, or left out as a whole', async () => {
    await commands.keep('mine', 'tree/a', 'note')
    writeFileSync(join(folder, 'a'), 'precious')
    for (const args of [
      ['stead://mine/nosuch', folder],
      ['stead://mine/note', folder],
      ['stead://mine/nosuch', folder, '--dry-run'],
      ['stead://mine/nosuch', 'stead://mine/tree'],
    ])
      expect(await commands.run(['sync', '--delete', ...args])).toMatchObject(refused('rm -r'))
    expect(readdirSync(folder)).toEqual(['a'])
    expect(await commands.keys('mine')).toEqual(['note', 'tree/a'])
  })

  it('leaves objects as they are, and makes no bucket', async () => {
    await commands.keep('mine', 'tree/a')
    for (const to of ['stead://mine/tree', 'stead://mine', 'stead://other'])
      expect(await commands.run(['sync', '--delete', folder, to])).toMatchObject(refused(`stead rm -r ${to}`))
    expect(await commands.keys('mine')).toEqual(['tree/a'])
    expect((await commands.run(['ls'])).out).toBe('stead://mine/')
  })

  it('is none where one file is there', async () => {
    await commands.keep('mine', 'tree/a')
    writeFileSync(join(folder, 'b'), 'b')
    expect(await commands.run(['sync', '--delete', folder, 'stead://mine/tree'])).toMatchObject({ code: 0 })
    expect(await commands.keys('mine')).toEqual(['tree/b'])
  })
})

describe('names that no file can have', () => {
  it('are refused by a dry run as by the run itself, which trying again does not help', async () => {
    const bad = ['../evil', '/etc/evil', `long/${'n'.repeat(256)}`, 'good/below', 'link/x']
    await commands.keep('mine', 'good', ...bad)
    symlinkSync(commands.directory, join(folder, 'link'))
    for (const name of ['cp -r', 'sync']) {
      const args = [...name.split(' '), 'stead://mine', folder, '--json']
      const dry = await commands.run([...args, '--dry-run'])
      expect(readdirSync(folder)).toEqual(['link'])
      const { failed, transferred, toCopy } = JSON.parse(dry.out)
      expect([transferred, toCopy]).toEqual([1, [`stead://mine/good -> ${join(folder, 'good')}`]])
      if (name !== 'sync') continue
      const real = await commands.run(args)
      expect(JSON.parse(real.out)).toMatchObject({
        transferred: 1,
        failed: expect.arrayContaining(failed),
        error: { code: 'CLI_TRANSFER_REFUSED', retryable: false },
      })
      expect([JSON.parse(real.out).failed.length, dry.code, real.code]).toEqual([bad.length, 1, 1])
      expect(real.message).not.toContain('Run it again')
    }
    const told = await commands.run(['cp', '-r', '--dry-run', 'stead://mine', folder])
    expect(told.message).toContain('would refuse stead://mine/../evil')
  })

  it('are named once each', async () => {
    await commands.keep('mine', '../evil', 'good')
    for (const args of [['sync', '--dry-run'], ['sync']]) {
      const said = await commands.run([...args, 'stead://mine', folder])
      expect(said.message.match(/evil -> /g)).toHaveLength(1)
      expect(said.message).toContain('error: 1 of 2 refused (CLI_TRANSFER_REFUSED)')
    }
  })

  it('keep a sync from deleting, which its dry run knows', async () => {
    await commands.keep('mine', '../evil', 'good')
    writeFileSync(join(folder, 'extra'), 'x')
    const args = ['sync', '--delete', 'stead://mine', folder, '--json']
    const counts = { transferred: 1, deleted: 0, notDeleted: 1 }
    const dry = await commands.run([...args, '--dry-run'])
    expect(JSON.parse(dry.out)).toMatchObject({ ...counts, toDelete: [] })
    expect(JSON.parse((await commands.run(args)).out)).toMatchObject(counts)
    expect(existsSync(join(folder, 'extra'))).toBe(true)
  })
})

describe('what a terminal would obey in a key', () => {
  it('is shown and not sent, but for programs', async () => {
    const key = 'ev/\u001b[31mred\r\nfake\u202e\u2028'
    await commands.keep('mine', key, `${key}/below/x`)
    const target = join(folder, 'x')
    for (const args of [
      ['ls', 'stead://mine/ev/'],
      ['ls', '-r', 'stead://mine'],
      ['ls', `stead://mine/${key}/none`],
      ['cp', '-r', '--dry-run', 'stead://mine/ev', folder],
      ['sync', '--dry-run', 'stead://mine/ev', folder],
      ['get', `stead://mine/${key}`, target],
      ['get', `stead://mine/${key}none`, target],
      ['put', target, `stead://mine/${key}2`],
      ['cp', '-r', 'stead://mine/ev', folder],
      ['rm', `stead://mine/${key}none`],
    ]) {
      const { out, message } = await commands.run(args)
      expect(out + message).toContain('\\x1b[31mred\\r\\nfake\\u202e\\u2028')
      expect((out + message).replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202e\u2028]/u)
    }
    expect(JSON.parse((await commands.run(['ls', '-r', 'stead://mine', '--json'])).out).objects[0].key).toBe(key)
  })
})

describe('a backslash in a key', () => {
  it('is told from what stands for a control, but not for programs', async () => {
    const keys = ['a\nb', 'a\\nb']
    await commands.keep('mine', ...keys)
    const { out } = await commands.run(['ls', 'stead://mine'])
    expect(out.split('\n').map((line) => line.split('  ').at(-1))).toEqual(['KEY', 'a\\nb', 'a\\\\nb'])
    const { objects } = JSON.parse((await commands.run(['ls', 'stead://mine', '--json'])).out)
    expect(objects.map(({ key }: { readonly key: string }) => key)).toEqual(keys)
    const missing = await commands.run(['get', 'stead://mine/no\\n', join(folder, 'x')])
    expect(missing.message).toContain('there is no object no\\\\n ')
  })

  it('may be written as it is shown, and then it is said how it is written', async () => {
    await commands.keep('mine', 'odd/back\\slash')
    for (const name of ['get', 'cp']) {
      const said = await commands.run([name, 'stead://mine/odd/back\\\\slash', join(folder, 'x')])
      expect(said.message).toContain('there is no object odd/back\\\\\\\\slash (')
      expect(said.message).toContain(
        "next: A backslash is shown as two, and written as one: 'stead://mine/odd/back\\slash'",
      )
    }
    const none = await commands.run(['get', 'stead://mine/odd/none\\\\slash', join(folder, 'x')])
    expect(none.message).toContain('next: See which there are')
  })
})

describe('a version', () => {
  it('that none can be is refused, and not taken for part of the key', async () => {
    await commands.keep('mine', 'a')
    for (const wrong of ['?version=wrong', '?version=', '?version=ABCDEF0123456789'])
      expect(await commands.run(['get', `stead://mine/a${wrong}`, join(folder, 'a')])).toMatchObject(refused('version'))
    expect(readdirSync(folder)).toEqual([])
  })

  it('is not written to', async () => {
    const file = join(folder, 'a')
    writeFileSync(file, 'a')
    for (const args of [
      ['put', file, 'stead://mine/a?version=null'],
      ['cp', file, 'stead://mine/a?version=0123456789abcdef'],
    ])
      expect(await commands.run(args)).toMatchObject(refused('version'))
    expect((await commands.run(['ls', '--json'])).out).toBe('{"buckets":[]}')
  })

  it('is found where it is one, and other questions belong to the key', async () => {
    await commands.keep('mine', 'what?', 'a')
    const { version } = (await commands.objects.head({ bucket: 'mine', key: 'a' })) ?? {}
    for (const name of ['what?', `a?version=${version}`])
      expect(await commands.run(['get', `stead://mine/${name}`, join(folder, 'a')])).toMatchObject({ code: 0 })
  })
})

describe('nothing there', () => {
  it('is said by ls, rm and sync', async () => {
    await commands.keep('mine', 'a')
    for (const args of [
      ['ls', 'stead://mine/nope'],
      ['ls', '-r', 'stead://mine/nope'],
      ['rm', 'stead://mine/nope'],
      ['rm', '-r', 'stead://mine/nope'],
      ['sync', 'stead://mine/nope', folder],
    ]) {
      const { code, message } = await commands.run(args)
      expect([code, message]).toEqual([0, expect.stringContaining('nothing is under stead://mine/nope')])
    }
  })

  it('is what a link without more is to unshare: which share is meant, its id says', async () => {
    expect(await commands.run(['unshare', 'stead:share:uAb'])).toMatchObject(refused('id of that share'))
  })

  it('is a folder to rm where only things below are', async () => {
    await commands.keep('mine', 'tree/a', 'both', 'both/b')
    for (const name of ['tree', 'tree/'])
      expect(await commands.run(['rm', `stead://mine/${name}`])).toMatchObject(refused('give -r'))
    expect(await commands.run(['rm', 'stead://mine/both'])).toMatchObject({ code: 0 })
    expect(await commands.keys('mine')).toEqual(['both/b', 'tree/a'])
  })

  it('is a folder to get and cp where only things below are', async () => {
    await commands.keep('mine', 'tree/a')
    for (const name of ['tree', 'tree/', ''])
      for (const [command, advice] of [
        ['get', 'stead cp -r'],
        ['cp', 'give -r'],
      ] as const)
        expect(await commands.run([command, `stead://mine/${name}`, join(folder, 'x')])).toMatchObject(refused(advice))
    expect(await commands.run(['cp', 'stead://mine/tree', 'stead://mine/copy'])).toMatchObject(refused('give -r'))
    expect(await commands.run(['cp', 'stead://mine/tre', folder])).toMatchObject({ code: 1 })
  })

  it('is a folder to put, which keeps one file', async () => {
    const said = await commands.run(['put', folder, 'stead://mine/'])
    expect(said).toMatchObject(refused(`next: Keep all that is in it: stead cp -r ${folder} stead://`))
    expect((await commands.run(['ls', '--json'])).out).toBe('{"buckets":[]}')
  })

  it('is a file to sync, which makes folders alike', async () => {
    const file = join(folder, 'file')
    writeFileSync(file, 'x')
    await commands.keep('mine', 'tree/a')
    for (const [from = '', to = ''] of [
      [file, 'stead://mine/tree'],
      ['stead://mine/tree', file],
    ])
      expect(await commands.run(['sync', from, to])).toMatchObject(refused(`${file} is a file`))
    expect(await commands.run(['cp', '-r', file, 'stead://mine/tree'])).toMatchObject(refused(`${file} is a file`))
    expect(await commands.run(['sync', `${file}2`, 'stead://mine/tree'])).toMatchObject(refused('there is no folder'))
  })

  it('to copy has no rate', async () => {
    await commands.keep('mine', 'a')
    await commands.run(['sync', 'stead://mine', folder])
    expect((await commands.run(['sync', 'stead://mine', folder])).out).toBe('0 copied; 1 the same')
  })
})

describe('a pipe where a file would go', () => {
  it('is left as it is', async () => {
    await commands.keep('mine', 'pipe')
    execFileSync('mkfifo', [join(folder, 'pipe')])
    const said = await commands.run(['cp', '-r', 'stead://mine', folder])
    expect([said.code, said.message]).toEqual([1, expect.stringContaining('a device or a pipe')])
    expect(statSync(join(folder, 'pipe')).isFIFO()).toBe(true)
  })
})

describe('an empty bucket', () => {
  it('is deleted, and that is said', async () => {
    await commands.objects.makeBucket('mine')
    const said = await commands.run(['rm', '-r', 'stead://mine'])
    expect(said).toMatchObject({ code: 0, out: 'the empty bucket mine is deleted', message: '' })
  })
})
