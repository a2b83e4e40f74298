import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ObjectCommands } from './object-commands.ts'

let commands: ObjectCommands
let folder = ''

beforeEach(async () => {
  commands = new ObjectCommands()
  await commands.start()
  folder = join(commands.directory, 'folder')
  mkdirSync(folder)
  await commands.keep('mine', 'a', 'b/in', 'c/in/deep')
})
afterEach(() => commands.stop())

/** Writes files below the folder, each of which says its own name. */
function write(...names: readonly string[]): void {
  for (const name of names) {
    mkdirSync(join(folder, name, '..'), { recursive: true })
    writeFileSync(join(folder, name), name)
  }
}

/** All that is below the folder. */
function there(): readonly string[] {
  return readdirSync(folder, { recursive: true }).map(String).toSorted()
}

const sync = ['sync', 'stead://mine'] as const
const all = ['a', 'b', 'b/in', 'c', 'c/in', 'c/in/deep']

describe('a file that became a folder, and the reverse', () => {
  beforeEach(() => write('a/old', 'a/sub/older', 'b', 'c/in', 'extra'))

  it('are no obstacle to sync --delete: what is in the way goes first', async () => {
    mkdirSync(join(folder, 'a', 'empty'))
    const dry = await commands.run([...sync, folder, '--delete', '--dry-run', '--json'])
    const first = ['a/empty/', 'a/old', 'a/sub/older', 'a/sub/', 'a/', 'b', 'c/in']
    const toDelete = [...first, 'extra'].map((name) => join(folder, name))
    const counts = { transferred: 3, deleted: 8, notDeleted: 0, failed: [] }
    expect([dry.code, JSON.parse(dry.out)]).toMatchObject([0, { ...counts, toDelete }])
    expect(there()).toContain('a/old')
    const done = await commands.run([...sync, folder, '--delete', '--json'])
    expect([done.code, JSON.parse(done.out)]).toMatchObject([0, counts])
    expect(there()).toEqual(all)
  })

  it('are refused without --delete, with what would have to go', async () => {
    const before = there()
    for (const way of [[...sync], ['cp', '-r', 'stead://mine']]) {
      const { code, message } = await commands.run([...way, folder])
      expect([code, message]).toEqual([1, expect.stringContaining('has the name of a folder that is there')])
      expect(message).toContain(`next: Rename or remove what is in the way: rm -r ${join(folder, 'a')}`)
      expect(there()).toEqual(before)
    }
  })
})

describe('what --delete leaves', () => {
  it('stays in the way, and then nothing else is deleted, which is said', async () => {
    write('a/old', 'a/kept.log', 'extra')
    const args = [...sync, folder, '--delete', '--exclude', '*.log']
    const dry = await commands.run([...args, '--dry-run'])
    expect(dry.message).toContain('2 to copy, 0 to delete, 0 the same, 1 refused, 2 not to delete, because')
    const { code, out, message } = await commands.run(args)
    expect([code, out]).toEqual([1, expect.stringContaining('2 not deleted, because something was refused or failed')])
    expect(message).toContain(`rm -r ${join(folder, 'a')}`)
    expect(there()).toEqual(expect.arrayContaining(['a/kept.log', 'a/old', 'extra']))
    const { deleted, notDeleted } = JSON.parse((await commands.run([...args, '--json'])).out)
    expect([deleted, notDeleted]).toEqual([0, 2])
  })

  it('are links and pipes, which are not followed', async () => {
    const outside = join(commands.directory, 'outside')
    mkdirSync(join(outside, 'in'), { recursive: true })
    writeFileSync(join(outside, 'in', 'deep'), 'keep')
    writeFileSync(join(outside, 'old'), 'keep')
    symlinkSync(outside, join(folder, 'c'))
    mkdirSync(join(folder, 'a'))
    symlinkSync(outside, join(folder, 'a', 'link'))
    execFileSync('mkfifo', [join(folder, 'b')])
    for (const way of [[], ['--dry-run']]) {
      const { code, message } = await commands.run([...sync, folder, '--delete', ...way])
      expect([code, message]).toEqual([1, expect.stringContaining(`rm -r ${join(folder, 'a')}`)])
    }
    expect(there()).toEqual(expect.arrayContaining(['a', 'a/link', 'b', 'c']))
    expect(readFileSync(join(outside, 'in', 'deep'), 'utf8')).toBe('keep')
    expect(existsSync(join(outside, 'old'))).toBe(true)
  })

  it('is all, where the source cannot be listed to its end', async () => {
    write('a/old', 'b', 'extra')
    const before = there()
    const own = commands.world.objects.list.bind(commands.world.objects)
    commands.world.objects.list = async (bucket, options) => {
      if (options.after !== undefined) throw new Error('no more')
      return await own(bucket, { ...options, limit: 1 })
    }
    expect((await commands.run([...sync, folder, '--delete'])).code).not.toBe(0)
    expect(there()).toEqual(before)
  })
})
