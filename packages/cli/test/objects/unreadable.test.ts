import { execFile, spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ObjectCommands } from './object-commands.ts'

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url))
/** What makes even root obey the mode of a file. */
const PLAINLY = ['setpriv', '--bounding-set', '-dac_override,-dac_read_search']
const isRoot = process.getuid?.() === 0
const canObey = !isRoot || spawnSync(PLAINLY[0] ?? '', [...PLAINLY.slice(1), 'true']).status === 0
if (!canObey)
  process.stderr.write('\n*** FILES THAT MAY NOT BE READ ARE NOT TESTED: root reads all, and has no setpriv\n')

let commands: ObjectCommands
let folder = ''

beforeEach(async () => {
  commands = new ObjectCommands()
  await commands.start()
  folder = join(commands.directory, 'folder')
  mkdirSync(join(folder, 'closed'), { recursive: true })
  for (const name of ['a', 'z', 'closed/in']) writeFileSync(join(folder, name), name)
})
afterEach(async () => {
  chmodSync(join(folder, 'closed'), 0o700)
  await commands.stop()
})

/** Runs a command line as somebody who may not read all. */
async function plainly(...args: readonly string[]): Promise<{ code: unknown; out: string; message: string }> {
  const stead = [process.execPath, '--conditions=@stead/source', MAIN, ...args, '--data-dir', commands.directory]
  const [command = '', ...rest] = isRoot ? [...PLAINLY, ...stead] : stead
  const done = promisify(execFile)(command, rest, { env: { PATH: process.env.PATH ?? '', HOME: '/nonexistent' } })
  const said = await done.catch((error: { code: number; stdout: string; stderr: string }) => error)
  return { code: 'code' in said ? said.code : 0, out: said.stdout, message: said.stderr }
}

describe.runIf(canObey)('a file that may not be read', () => {
  beforeEach(() => chmodSync(join(folder, 'a'), 0))

  it('is refused before anything is sent, and no bucket is made for it', async () => {
    for (const name of ['put', 'cp']) {
      const { code, message } = await plainly(name, join(folder, 'a'), 'stead://mine/a')
      expect([code, message]).toEqual([1, expect.stringContaining('(CLI_FILE_REFUSED)')])
      expect(message).not.toContain('the node does not answer')
    }
    expect((await commands.run(['ls', '--json'])).out).toBe('{"buckets":[]}')
  }, 60_000)

  it('does not keep the others from being sent, be there another of its length or not', async () => {
    await commands.keep('mine', 'tree/b')
    for (const name of [['cp', '-r'], ['sync']]) {
      const said = await plainly(...name, folder, 'stead://mine/tree', '--json')
      const { error, failed } = JSON.parse(said.out)
      expect([said.code, error.code, failed.length]).toEqual([1, 'CLI_TRANSFER_REFUSED', 1])
      expect(await commands.keys('mine')).toEqual(['tree/b', 'tree/closed/in', 'tree/z'])
    }
    await commands.keep('mine', 'tree/a')
    expect(await plainly('sync', folder, 'stead://mine/tree')).toMatchObject({ code: 1 })
    const dry = await plainly('sync', folder, 'stead://mine/tree', '--dry-run')
    expect([dry.code, dry.message]).toEqual([1, expect.stringContaining('would refuse')])
  }, 60_000)
})

describe.runIf(canObey)('a folder that may not be read', () => {
  beforeEach(() => chmodSync(join(folder, 'closed'), 0))

  it('is left out of a sync, which says so, and nothing below it is deleted', async () => {
    await commands.keep('mine', 'tree/closed/in', 'tree/gone')
    const { code, message } = await plainly('sync', '--delete', folder, 'stead://mine/tree')
    expect([code, message]).toEqual([1, expect.stringContaining('left out: closed cannot be read (EACCES)')])
    expect(message).toContain('error: 1 could not be read, and is left out (CLI_TRANSFER_REFUSED)')
    expect(await commands.keys('mine')).toEqual(['tree/a', 'tree/closed/in', 'tree/z'])
    await plainly('cp', '-r', folder, 'stead://mine/copy')
    expect(await commands.keys('mine')).toEqual(['copy/a', 'copy/z', 'tree/a', 'tree/closed/in', 'tree/z'])
  }, 60_000)

  it('is not looked into where --exclude leaves all below it out', async () => {
    const said = await plainly('sync', folder, 'stead://mine/tree', '--exclude', 'closed/*')
    expect([said.code, said.message]).toEqual([0, expect.not.stringContaining('closed')])
    expect(await commands.keys('mine')).toEqual(['tree/a', 'tree/z'])
  }, 60_000)

  it('is not written to, and does not keep the rest from coming', async () => {
    await commands.keep('mine', 'tree/closed/other', 'tree/new')
    const said = await plainly('sync', 'stead://mine/tree', folder, '--json')
    expect([said.code, JSON.parse(said.out)]).toMatchObject([1, { transferred: 1, failed: [expect.any(String)] }])
  }, 60_000)
})

describe.runIf(canObey)('a folder that may not be written', () => {
  it('is said with the file that would be in it', async () => {
    await commands.keep('mine', 'tree/new')
    chmodSync(join(folder, 'closed'), 0o500)
    for (const name of [['cp', '-r'], ['sync']]) {
      const { code, message } = await plainly(...name, 'stead://mine/tree', join(folder, 'closed'))
      expect([code, message]).toEqual([1, expect.stringContaining('new cannot be written in the folder')])
      expect(message).not.toContain('.stead-part-')
    }
  }, 60_000)
})
