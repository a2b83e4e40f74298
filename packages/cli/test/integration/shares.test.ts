import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@stead/core'
import { SeededRandom } from '@stead/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { daemonClient } from '../../src/daemon-access.ts'
import { DevNetwork } from '../../src/dev/dev-network.ts'
import { SteadProcess, stead } from './stead-process.ts'

const directory = mkdtempSync(join(tmpdir(), 'stead-shares-'))
const events = { onNotice: () => undefined, onFailure: () => undefined }
const network = new DevNetwork({ logger: silentLogger, events }, { directory, providers: 4 })
const owner = ['--data-dir', directory]
/** Another node with a key of its own, that pays for nothing and keeps nothing. */
const stranger = ['--data-dir', directory, '--node', 'provider-4']
const large = new SeededRandom(1).bytes(3_000_000)
const work = join(directory, 'work')

beforeAll(async () => {
  mkdirSync(work)
  writeFileSync(join(work, 'large'), large)
  writeFileSync(join(work, 'note'), 'first')
  await network.start()
}, 120_000)

afterAll(async () => {
  await network.stop()
  rmSync(directory, { recursive: true, force: true })
}, 60_000)

async function run(place: readonly string[], ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await stead([...args, ...place])
  expect([args[0], code, stderr]).toEqual([args[0], 0, expect.any(String)])
  return stdout.trimEnd()
}

async function refused(...args: readonly string[]): Promise<string> {
  const { code, stderr } = await stead([...args, ...stranger])
  expect(code).not.toBe(0)
  return stderr
}

/** Everything that nodes wrote down in words. */
function logs(folder: string): string {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.log'))
    .map((name) => readFileSync(join(folder, name), 'utf8'))
    .join('\n')
}

describe('a folder that is shared', () => {
  it('is listed and read by a stranger, follows its owner, is narrowed, and ends', async () => {
    await run(owner, 'put', join(work, 'note'), 'stead://photos/trip/note')
    await run(owner, 'put', join(work, 'large'), 'stead://photos/trip/deep/large')
    await run(owner, 'put', join(work, 'note'), 'stead://photos/private')
    const link = await run(owner, 'share', 'stead://photos/trip/', '--expires', '7d')
    expect(link).toMatch(/^stead:share:[A-Za-z0-9_-]+$/)
    expect(await run(stranger, 'ls', link)).toMatch(/^deep\/\n.*SIZE.*KEY\n.*note$/s)
    expect(await run(stranger, 'ls', '-r', link)).not.toContain('private')
    await run(stranger, 'get', link, join(work, 'copy'))
    expect(readFileSync(join(work, 'copy/deep/large')).equals(large)).toBe(true)
    expect(readFileSync(join(work, 'copy/note'), 'utf8')).toBe('first')

    writeFileSync(join(work, 'note'), 'second')
    await run(owner, 'put', join(work, 'note'), 'stead://photos/trip/note')
    await expect
      .poll(() => run(stranger, 'get', `${link}/note`, '-'), { timeout: 30_000, interval: 500 })
      .toBe('second')

    const guest = daemonClient(network.layout.providerDir(4))
    const begun = await guest.getShared({ link, path: 'deep/large', fromByte: large.length - 3 })
    const { object } = begun
    expect([object.lengthBytes, begun.lengthBytes]).toEqual([large.length, 3])
    expect(large.subarray(-3)).toEqual(new Uint8Array(Buffer.concat(await Array.fromAsync(begun.body))))
    const other = { link, path: 'deep/large', fromByte: 1, toByte: 1, ifMatch: 'f'.repeat(32) }
    await expect(guest.getShared(other)).rejects.toMatchObject({ code: 'STORAGE_CONDITION' })
    await expect(guest.getShared({ ...other, ifMatch: object.etag })).resolves.toMatchObject({ object })

    // The owner's machine is not needed for that.
    const owning = network.processOf('payer')?.pid
    if (owning === undefined) throw new Error('the payer does not run')
    process.kill(owning, 'SIGSTOP')
    try {
      expect(await run(stranger, 'ls', '-r', link)).toContain('deep/large')
      expect(await run(stranger, 'get', `${link}/note`, '-')).toBe('second')
    } finally {
      process.kill(owning, 'SIGCONT')
    }

    const narrow = await run(stranger, 'share', `${link}/deep/`, '--expires', '1h')
    expect(await run(owner, 'ls', narrow)).toMatch(/large$/)
    expect(await refused('get', `${narrow}/note`, '-')).toContain('STORAGE_OBJECT_UNKNOWN')
    expect(await refused('get', `${narrow}/../note`, '-')).toContain('STORAGE_OBJECT_UNKNOWN')

    const shares = await run(owner, 'shares')
    expect(shares).toMatch(/stead:\/\/photos\/trip\/.*shows all$/)
    expect(shares).not.toContain('stead:share:')
    expect(await run(owner, 'shares', '--links')).toContain('stead:share:')
    expect(await run(owner, 'unshare', 'stead://photos/trip/')).toContain('1 ended')
    for (const each of [link, narrow]) expect(await refused('ls', each)).toContain('STORAGE_SHARE_ENDED')
    expect(await refused('get', `${link}/note`, '-')).toContain('STORAGE_SHARE_ENDED')
    expect(await run(owner, 'shares')).toBe('nothing is shared')
    const written = logs(directory)
    expect(written).not.toBe('')
    expect(written).not.toContain(link.slice('stead:share:'.length, 60))
  }, 300_000)

  it('is refused with a reason where it cannot be', async () => {
    const empty = await stead(['share', 'stead://photos/tirp/', ...owner])
    expect([empty.code, empty.stderr]).toEqual([0, expect.stringContaining('nothing is there yet')])
    expect(await refused('ls', 'stead:share:uAAAA')).toContain('STORAGE_BAD_LINK')
    expect(await refused('share', 'stead://photos/trip/', '--expires', 'soon')).toContain('no length of time')
    expect(await refused('unshare', 'stead://photos/none/')).toContain('is not shared')
  }, 60_000)
})

describe('a folder that others write into', () => {
  const inbox = 'stead://photos/inbox/'

  it('takes what a stranger writes, so much and no more, until it ends', async () => {
    const link = await run(owner, 'share', '--write', '--limit', '40MB', '--expires', '7d', inbox)
    expect(link).toMatch(/^stead:write:[A-Za-z0-9_-]+$/)
    await run(stranger, 'put', join(work, 'large'), `${link}/`)
    await run(stranger, 'put', join(work, 'note'), `${link}/deep/other`)
    expect(await run(owner, 'ls', '-r', inbox)).toMatch(/deep\/other\n.*large$/)
    await run(owner, 'get', `${inbox}large`, join(work, 'given'))
    expect(readFileSync(join(work, 'given')).equals(large)).toBe(true)
    // The same file again is the same writing; another one is refused.
    expect(JSON.parse(await run(stranger, 'put', join(work, 'large'), link, '--json'))).toMatchObject({
      ...{ path: 'large', lengthBytes: large.length, resumedBytes: large.length },
    })
    expect(await refused('put', join(work, 'note'), `${link}/large`)).toContain('STORAGE_CONDITION')

    const folder = join(work, 'folder')
    mkdirSync(join(folder, 'sub'), { recursive: true })
    for (const name of ['a', 'sub/b', 'sub/c d']) writeFileSync(join(folder, name), name)
    expect(await run(stranger, 'cp', '-r', folder, `${link}/copied/`)).toMatch(/^3 copied/)
    expect(await run(owner, 'get', `${inbox}copied/sub/c d`, '-')).toBe('sub/c d')
    const guest = daemonClient(network.layout.providerDir(4))
    const [upload, path] = ['0'.repeat(32), 'x']
    const before = await guest.lookGranted({ link, path, upload })
    expect(before).toEqual({ leftBytes: 40_000_000 - large.length - 4 * 4096, keptBytes: 0 })
    const object = await guest.putGranted({ link, path: 'stream', contentType: 'text/plain' }, oneByOne(['ab', 'c']))
    expect(object).toMatchObject({ lengthBytes: 3, resumedBytes: 0, etag: '900150983cd24fb0d6963f7d28e17f72' })

    const narrow = await run(stranger, 'share', `${link}/mine/`, '--expires', '1h')
    await run(stranger, 'put', join(work, 'note'), narrow)
    expect(await run(owner, 'get', `${inbox}mine/note`, '-')).toBe(readFileSync(join(work, 'note'), 'utf8'))

    const spent = await stead(['put', join(work, 'too-long'), `${narrow}/`, ...stranger])
    expect([spent.code, spent.stderr]).toEqual([2, expect.stringContaining('there is no file')])
    writeFileSync(join(work, 'too-long'), new Uint8Array(37_000_000))
    expect(await refused('put', join(work, 'too-long'), link)).toContain('STORAGE_GRANT_SPENT')
    for (const args of [
      ['ls', link],
      ['get', link],
      ['sync', link, work],
      ['cp', link, work],
    ])
      expect(await refused(...args)).toContain('a link to write shows nothing')
    const shares = await run(owner, 'shares')
    expect(shares).toMatch(/write +stead:\/\/photos\/inbox\/ .* of 38.1 MiB, 7 objects$/)
    expect(await run(owner, 'shares', '--links')).toContain(link)
    expect(await run(owner, 'unshare', inbox)).toContain('1 to write ended')
    for (const each of [link, narrow])
      expect(await refused('put', join(work, 'note'), `${each}/late`)).toContain('STORAGE_GRANT_ENDED')
    expect(await run(owner, 'shares')).not.toContain('inbox')
    expect(await run(owner, 'ls', inbox)).toContain('large')
    expect(logs(directory)).not.toContain(link.slice('stead:write:'.length, 60))
  }, 300_000)

  it('goes on with a long file where it stopped, and waits for its owner', async () => {
    const long = new SeededRandom(2).bytes(30_000_000)
    writeFileSync(join(work, 'long'), long)
    const link = await run(owner, 'share', '--write', '--limit', '40MB', inbox)
    const guest = daemonClient(network.layout.providerDir(4))
    const put = ['put', join(work, 'long'), link, '--json', ...stranger]
    const stopped = new SteadProcess(put)
    const owned = daemonClient(network.layout.payerDir)
    await expect
      .poll(async () => (await owned.listGrants()).grants.at(-1)?.usedBytes, { timeout: 60_000 })
      .toBeGreaterThan(8e6)
    stopped.child.kill('SIGINT')
    expect(await stopped.finished).toMatchObject({ code: 130 })
    const owning = network.processOf('payer')?.pid
    if (owning === undefined) throw new Error('the payer does not run')
    process.kill(owning, 'SIGKILL')
    const { code, stdout, stderr } = await stead(put)
    expect([code, stderr]).toEqual([0, expect.stringContaining('resuming at')])
    const given = JSON.parse(stdout)
    expect(given).toMatchObject({ lengthBytes: long.length })
    expect(given.resumedBytes).toBeGreaterThan(8e6)
    await run(owner, 'get', `${inbox}long`, join(work, 'long-back'))
    expect(readFileSync(join(work, 'long-back')).equals(long)).toBe(true)
    const grant = (await daemonClient(network.layout.payerDir).listGrants()).grants.at(-1)
    expect(grant).toMatchObject({ objects: 1, usedBytes: expect.any(Number) })
    expect(grant?.usedBytes).toBeLessThan(1.3 * long.length)
    await expect(guest.putGranted({ link: `${link}x`, path: 'y' }, new Uint8Array(1))).rejects.toMatchObject({
      code: 'STORAGE_BAD_LINK',
    })
  }, 300_000)

  it('is refused with a reason where it cannot be', async () => {
    const asOwner = async (...args: readonly string[]): Promise<string> => {
      const { code, stderr } = await stead([...args, ...owner])
      expect(code).toBe(2)
      return stderr
    }
    expect(await asOwner('share', '--write', inbox)).toContain('say how much that may be')
    expect(await asOwner('share', '--write', '--limit', '1', inbox)).toContain('is no number of bytes')
    expect(await asOwner('share', '--write', '--limit', '4095B', inbox)).toContain('would take none')
    expect(await asOwner('share', '--limit', '1GB', inbox)).toContain('give --write')
    expect(await asOwner('share', '--write', '--limit', '1GB', 'stead:write:x')).toContain('a link is narrowed')
    expect(await asOwner('put', join(work, 'note'), 'stead:share:x')).toContain('this link is to read')
    expect(await refused('put', join(work, 'note'), 'stead:write:x')).toContain('STORAGE_BAD_LINK')
    expect(await asOwner('unshare', 'stead:write:x')).toContain('a link does not say which share it is of')
  }, 120_000)
})

async function* oneByOne(texts: readonly string[]): AsyncGenerator<Uint8Array> {
  for (const text of texts) yield new TextEncoder().encode(text)
}
