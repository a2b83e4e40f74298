import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@stead/core'
import { SeededRandom } from '@stead/testkit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { daemonClient } from '../../src/daemon-access.ts'
import { DevNetwork } from '../../src/dev/dev-network.ts'
import { stead } from './stead-process.ts'

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
    expect(await refused('share', 'stead://photos/trip/', '--write')).toContain('a link is to read')
    expect(await refused('ls', 'stead:share:uAAAA')).toContain('STORAGE_BAD_LINK')
    expect(await refused('share', 'stead://photos/trip/', '--expires', 'soon')).toContain('no length of time')
    expect(await refused('unshare', 'stead://photos/none/')).toContain('is not shared')
  }, 60_000)
})
