import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ObjectCommands } from './object-commands.ts'

let commands: ObjectCommands

beforeEach(async () => {
  commands = new ObjectCommands()
  await commands.start()
  await commands.objects.makeBucket('mine')
  await commands.world.objects.setVersioning('mine', 'on')
})
afterEach(() => commands.stop())

/** More than lies in the metadata. */
const large = new Uint8Array(100_000)

async function put(key: string, ...contents: readonly (string | Uint8Array<ArrayBuffer>)[]): Promise<void> {
  for (const content of contents) await commands.objects.put({ bucket: 'mine', key }, content)
}

/** `key` and how many versions it has, markers in brackets. */
async function versions(): Promise<readonly string[]> {
  const { objects } = await commands.world.objects.list('mine', { limit: 1000, versions: true })
  return objects.map(({ key, isDeleted }) => (isDeleted ? `(${key})` : key))
}

describe('rm where versions are kept', () => {
  it('says that delete markers hide what stays and is paid for, and how to delete it for good', async () => {
    await put('a', 'one', 'two')
    await put('tree/b', 'b')
    const one = await commands.run(['rm', 'stead://mine/a'])
    expect(one).toMatchObject({ code: 0, message: '' })
    expect(one.out).toBe(
      '1 hidden by delete markers; their versions stay and are paid for. For good: stead rm --all-versions stead://mine/a',
    )
    expect((await commands.run(['rm', '-r', 'stead://mine/tree'])).out).toContain('stead rm -r --all-versions')
    expect(await versions()).toEqual(['(a)', 'a', 'a', '(tree/b)', 'tree/b'])
    expect((await commands.run(['rm', 'stead://mine/a'])).out).toBe('0 deleted')
  })

  it('does not say that a bucket is gone which keeps versions', async () => {
    await put('a', 'one', 'two')
    const said = await commands.run(['rm', '-r', 'stead://mine'])
    expect([said.code, said.out]).toEqual([1, '1 hidden by delete markers; their versions stay and are paid for'])
    expect(said.message).toContain('CLI_VERSIONS_STAY')
    expect(said.message).toContain('stead rm -r --all-versions stead://mine')
    expect(await versions()).toEqual(['(a)', 'a', 'a'])
    const again = await commands.run(['rm', '-r', 'stead://mine', '--json'])
    expect([again.code, JSON.parse(again.out)]).toEqual([
      1,
      { kind: 'markers', deleted: 0, uploads: 0, error: expect.objectContaining({ code: 'CLI_VERSIONS_STAY' }) },
    ])
  })

  it('with --all-versions deletes versions and markers of what is meant, and nothing else', async () => {
    await put('a', 'one', 'two')
    await put('a.txt', 'beside')
    await put('a/b', 'below')
    await commands.run(['rm', 'stead://mine/a'])
    const said = await commands.run(['rm', '--all-versions', 'stead://mine/a'])
    expect(said.out).toMatch(/^3 versions deleted for good; /)
    expect(await versions()).toEqual(['a.txt', 'a/b'])
    await put('a', 'again')
    expect((await commands.run(['rm', '-r', '--all-versions', 'stead://mine/a'])).out).toMatch(/^2 versions/)
    expect(await versions()).toEqual(['a.txt'])
  })

  it('with --all-versions deletes the whole bucket, more of it than a page, and the room is free in the end', async () => {
    await commands.world.objects.setVersioning('mine', 'suspended')
    await put('old', large)
    await commands.world.objects.setVersioning('mine', 'on')
    for (let index = 0; index < 40; index++) await put(`many/${index}`, 'x', 'y')
    await put('large', large, large)
    for (let index = 0; index < 1001; index++) {
      await commands.world.objects.delete('mine', 'large')
      // Lets both ends of an idle connection see that it closed.
      await nextTurn()
    }
    await commands.objects.makeBucket('kept')
    const said = await commands.run(['rm', '-r', '--all-versions', 'stead://mine', '--json'])
    expect(JSON.parse(said.out)).toEqual({ kind: 'versions', deleted: 1 + 80 + 2 + 1001, uploads: 0 })
    expect((await commands.run(['ls'])).out).toBe('stead://kept/')
    expect(commands.world.segments.sealedBytes).toBeGreaterThan(300_000)
    await commands.world.sweep()
    expect(commands.world.segments.sealedBytes).toBeLessThan(100_000)
  }, 60_000)

  it('that ends early never brings back what was deleted', async () => {
    await put('a', 'one', 'two', 'three')
    await commands.run(['rm', 'stead://mine/a'])
    const seen: unknown[] = []
    const own = commands.world.objects.delete.bind(commands.world.objects)
    commands.world.objects.delete = async (...args) => {
      const result = await own(...args)
      seen.push(await commands.world.objects.head('mine', 'a'))
      return result
    }
    await commands.run(['rm', '--all-versions', 'stead://mine/a'])
    expect(seen).toEqual([undefined, undefined, undefined, undefined])
  })
})

describe('ls --versions', () => {
  it('lists all versions and delete markers, the newest first, as get and rm take them', async () => {
    await put('tree/a', 'one', 'three')
    await put('tree/b?version=null', 'b')
    await commands.run(['rm', 'stead://mine/tree/a'])
    const said = await commands.run(['ls', '--versions', 'stead://mine/tree/'])
    expect(said).toMatchObject({ code: 0, message: '' })
    const lines = said.out.split('\n').map((line) => line.trim().split(/ {2,}/))
    expect(lines[0]).toEqual(['SIZE', 'MODIFIED', 'STATE', 'VERSION'])
    expect(lines.slice(1).map((cells) => cells.slice(0, -1))).toEqual([
      [expect.any(String), 'delete marker, latest'],
      ['5 B', expect.any(String), 'earlier'],
      ['3 B', expect.any(String), 'earlier'],
      ['1 B', expect.any(String), 'latest'],
    ])
    for (const [line, content] of [
      [2, 'three'],
      [3, 'one'],
      [4, 'b'],
    ] as const) {
      const target = join(commands.directory, 'got')
      expect(await commands.run(['get', lines[line]?.at(-1) ?? '', target])).toMatchObject({ code: 0 })
      expect(readFileSync(target, 'utf8')).toBe(content)
    }
    const { versions: listed } = JSON.parse(
      (await commands.run(['ls', '--versions', 'stead://mine/tree/a', '--json'])).out,
    )
    expect(listed).toMatchObject([
      { key: 'tree/a', isLatest: true, isDeleted: true },
      { key: 'tree/a', isLatest: false, isDeleted: false, lengthBytes: 5 },
      { key: 'tree/a', isLatest: false, isDeleted: false, lengthBytes: 3 },
    ])
  })

  it('says that nothing is there, or that a bucket is to be named', async () => {
    const none = await commands.run(['ls', '--versions', 'stead://mine/none'])
    expect(none).toEqual({ code: 0, out: '', message: 'nothing is under stead://mine/none' })
    for (const args of [[], ['stead:share:uAb']]) {
      const next = expect.stringContaining('next: Say of what: stead ls --versions stead://')
      expect(await commands.run(['ls', '--versions', ...args])).toMatchObject({ code: 2, message: next })
    }
    await commands.keep('plain', 'a')
    expect((await commands.run(['ls', '--versions', 'stead://plain'])).out).toContain('stead://plain/a?version=null')
  })
})

describe('rm of one version', () => {
  /** `stead://mine/key?version=…` of all versions, the newest first. */
  async function places(key: string): Promise<readonly string[]> {
    const { versions: listed } = JSON.parse(
      (await commands.run(['ls', '--versions', `stead://mine/${key}`, '--json'])).out,
    )
    return listed.map(({ version }: { readonly version: string }) => `stead://mine/${key}?version=${version}`)
  }

  it('deletes that one for good, and nothing else', async () => {
    await put('a', 'one', 'two', 'three')
    await put('a.txt', 'beside')
    const [three = '', two = ''] = await places('a')
    expect((await commands.run(['rm', two])).out).toMatch(/^1 version deleted for good; their room/)
    expect(await versions()).toEqual(['a', 'a', 'a.txt'])
    const latest = await commands.run(['rm', three, '--json'])
    expect(JSON.parse(latest.out)).toEqual({ kind: 'versions', deleted: 1, uploads: 0 })
    expect(await commands.world.objects.head('mine', 'a')).toMatchObject({ lengthBytes: 3 })
    const again = await commands.run(['rm', three])
    expect(again).toMatchObject({ code: 0, out: '0 deleted' })
    expect(again.message).toContain('See which there are: stead ls --versions stead://mine/a')
  })

  it('that is a delete marker brings the object back', async () => {
    await put('a', 'one')
    await commands.run(['rm', 'stead://mine/a'])
    const [marker = ''] = await places('a')
    expect((await commands.run(['rm', marker])).out).toBe(
      '1 delete marker deleted for good; the version before it, if there is one, is the latest now',
    )
    expect(await commands.keys('mine')).toEqual(['a'])
  })

  it('is not mixed up with more', async () => {
    await put('a', 'one')
    const [one = ''] = await places('a')
    for (const option of ['-r', '--all-versions', '--uploads'])
      expect(await commands.run(['rm', option, one])).toMatchObject({
        code: 2,
        message: expect.stringContaining('one version is deleted alone'),
      })
    expect(await versions()).toEqual(['a'])
    const wrong = await commands.run(['rm', 'stead://mine/a?version=wrong'])
    expect(wrong).toMatchObject({ code: 2, message: expect.stringContaining('names no version') })
  })
})

describe('rm where no versions are kept', () => {
  it('means the same with --all-versions', async () => {
    await commands.keep('plain', 'a', 'b/c')
    const said = await commands.run(['rm', '-r', '--all-versions', 'stead://plain'])
    expect(said.out).toMatch(/^2 deleted; /)
    expect((await commands.run(['ls'])).out).toBe('stead://mine/')
  })
})
