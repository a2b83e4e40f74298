import { chmodSync, mkdirSync, statSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ObjectCommands } from './object-commands.ts'

let commands: ObjectCommands
let folder = ''
let back = ''

beforeEach(async () => {
  commands = new ObjectCommands()
  await commands.start()
  folder = join(commands.directory, 'folder')
  back = join(commands.directory, 'back')
  mkdirSync(folder)
  mkdirSync(back)
})
afterEach(() => commands.stop())

function write(name: string, mode: number): string {
  const file = join(folder, name)
  writeFileSync(file, name)
  chmodSync(file, mode)
  return file
}

const modeOf = (...path: readonly string[]): string => (statSync(join(...path)).mode & 0o777).toString(8)

async function run(...args: readonly string[]): Promise<string> {
  const said = await commands.run(args)
  expect([said.code, said.message]).toEqual([0, expect.any(String)])
  return said.out
}

describe('a program among files', () => {
  it('can be run again when it comes back, whatever brings it there and back', async () => {
    const program = write('program', 0o755)
    const note = write('note', 0o600)
    await run('put', program, 'stead://mine/put/')
    await run('put', note, 'stead://mine/put/')
    await run('cp', program, 'stead://mine/cp/')
    await run('cp', '-r', folder, 'stead://mine/tree')
    await run('sync', folder, 'stead://mine/sync')
    await run('cp', '-r', 'stead://mine/sync', 'stead://mine/copied')
    expect((await commands.objects.head({ bucket: 'mine', key: 'put/program' }))?.metadata).toMatchObject({
      mode: '100755',
    })
    await run('get', 'stead://mine/put/program', join(back, 'got'))
    await run('get', 'stead://mine/put/note', join(back, 'note'))
    await run('cp', 'stead://mine/cp/program', join(back, 'cp'))
    await run('cp', '-r', 'stead://mine/tree', join(back, 'tree'))
    await run('sync', 'stead://mine/copied', join(back, 'sync'))
    for (const name of ['got', 'cp', 'tree/program', 'sync/program']) expect(modeOf(back, name)).toBe('755')
    // Who else may read it is a matter of the machine that it comes to.
    for (const name of ['note', 'tree/note', 'sync/note']) expect(modeOf(back, name)).toBe('644')
  })

  it('is synced when only that changed, in either direction', async () => {
    const file = write('file', 0o644)
    await run('sync', folder, 'stead://mine/sync')
    await run('sync', 'stead://mine/sync', back)
    const { mtimeMs } = statSync(file)
    chmodSync(file, 0o755)
    utimesSync(file, mtimeMs / 1000, mtimeMs / 1000)
    expect(await run('sync', folder, 'stead://mine/sync')).toContain('1 copied')
    expect(await run('sync', folder, 'stead://mine/sync')).toBe('0 copied; 1 the same')
    expect(await run('sync', 'stead://mine/sync', back)).toContain('1 copied')
    expect(modeOf(back, 'file')).toBe('755')
    expect(await run('sync', 'stead://mine/sync', back)).toBe('0 copied; 1 the same')
  })

  it('is as it was where an object does not say, or says what others mean by it', async () => {
    const { objects } = commands
    await objects.makeBucket('mine')
    const said = { silent: undefined, decimal: '33261', odd: 'rwx', folder: '40755', octal: '0100755' }
    for (const [key, mode] of Object.entries(said))
      await objects.put({ bucket: 'mine', key }, key, { metadata: { mtime: '1000', ...(mode && { mode }) } })
    await run('cp', '-r', 'stead://mine', back)
    const programs = Object.keys(said).filter((name) => modeOf(back, name) === '755')
    expect(programs).toEqual(['octal'])
    chmodSync(join(back, 'silent'), 0o755)
    expect(await run('sync', 'stead://mine', back)).toBe('0 copied; 5 the same')
  })
})

describe('empty folders', () => {
  it('are no objects, and the summary says how many were left out', async () => {
    for (const name of ['a/b', 'a/c', 'full', 'links', 'excluded']) mkdirSync(join(folder, name), { recursive: true })
    writeFileSync(join(folder, 'full', 'file'), 'x')
    symlinkSync('/etc/passwd', join(folder, 'links', 'passwd'))
    for (const name of ['cp -r', 'sync']) {
      const args = [...name.split(' '), folder, `stead://mine/${name.slice(0, 2)}`, '--exclude', 'excluded']
      const dry = await commands.run([...args, '--dry-run'])
      expect(dry.message).toContain('2 empty folders left out')
      expect(await run(...args)).toMatch(/^1 copied: .*; 2 empty folders left out$/)
      expect(JSON.parse(await run(...args, '--json'))).toMatchObject({ emptyFolders: 2 })
    }
    expect(await commands.keys('mine')).toEqual(['cp/full/file', 'sy/full/file'])
    expect(await run('sync', 'stead://mine', back)).not.toContain('left out')
  })
})
