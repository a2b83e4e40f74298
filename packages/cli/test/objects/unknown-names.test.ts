import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nearestName } from '../../src/objects/known-buckets.ts'
import { ObjectCommands } from './object-commands.ts'

let commands: ObjectCommands

beforeEach(async () => {
  commands = new ObjectCommands()
  await commands.start()
})
afterEach(() => commands.stop())

/** Commands that read from a place. */
const reading = (place: string, target: string): readonly (readonly string[])[] => [
  ['get', `${place}/a`, target],
  ['ls', place],
  ['ls', '--uploads', place],
  ['cp', `${place}/a`, target],
  ['cp', '-r', place, target],
  ['sync', place, target],
  ['rm', `${place}/a`],
  ['rm', '--uploads', `${place}/a`],
]

describe('a bucket that is not there', () => {
  it('is said with the one that was meant, where a name is near', async () => {
    for (const bucket of ['photos', 'mine']) await commands.objects.makeBucket(bucket)
    for (const args of reading('stead://fotos', join(commands.directory, 'x'))) {
      const { code, message } = await commands.run(args)
      expect([args, code, message]).toEqual([args, 1, expect.stringContaining('there is no bucket fotos')])
      expect(message).toContain('next: Did you mean stead://photos? All that there are: stead ls')
    }
  })

  it('is said with those that there are, where none is near, or with how one is made', async () => {
    const get = async () => await commands.run(['get', 'stead://nothing/a', join(commands.directory, 'x')])
    expect((await get()).message).toContain('next: There is none yet; this makes it: stead put <file> stead://nothing/')
    for (const bucket of ['photos', 'mine']) await commands.objects.makeBucket(bucket)
    expect((await get()).message).toContain('next: The buckets: mine, photos (stead ls)')
    for (const bucket of ['aaa', 'bbb', 'ccc', 'ddd']) await commands.objects.makeBucket(bucket)
    expect((await get()).message).toContain('next: The buckets: aaa, bbb, ccc, ddd, mine and 1 more (stead ls)')
    const json = JSON.parse((await commands.run(['ls', 'stead://nothing', '--json'])).out)
    expect(json.error).toMatchObject({ code: 'STORAGE_BUCKET_UNKNOWN', details: { name: 'nothing' } })
  })
})

describe('an object that is not there', () => {
  it('is looked for in its bucket', async () => {
    await commands.keep('mine', 'a')
    for (const args of [
      ['get', 'stead://mine/nope', join(commands.directory, 'x')],
      ['cp', 'stead://mine/nope', join(commands.directory, 'x')],
      ['cp', 'stead://mine/nope', 'stead://mine/copy'],
      ['cp', '-r', 'stead://mine/nope', join(commands.directory, 'x')],
      ['cp', '-r', 'stead://mine/nope', 'stead://mine/copy'],
    ]) {
      const { code, message } = await commands.run(args)
      expect([code, message]).toEqual([1, expect.stringContaining('(STORAGE_OBJECT_UNKNOWN)')])
      expect(message).toContain('next: See which there are: stead ls stead://mine')
    }
  })

  it('may be another version, and then its versions are listed', async () => {
    await commands.keep('mine', 'a')
    for (const name of ['get', 'cp']) {
      const place = 'stead://mine/a?version=0123456789abcdef'
      const { code, message } = await commands.run([name, place, join(commands.directory, 'x')])
      expect([code, message]).toEqual([1, expect.stringContaining('there is no version 0123456789abcdef of a')])
      expect(message).toContain('next: See which there are: stead ls --versions stead://mine/a')
    }
  })
})

describe('the nearest name', () => {
  it.each([
    ['fotos', 'photos'],
    ['photo', 'photos'],
    ['pohtos', 'photos'],
    ['Photos', 'photos'],
    ['backups', 'backup'],
    ['nothing', undefined],
    ['abc', undefined],
    ['', undefined],
  ])('of %s is %s', (name, nearest) => {
    expect(nearestName(name, ['xyz', 'photos', 'backup'])).toBe(nearest)
  })
})
