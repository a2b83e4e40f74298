import type { UnixMs } from '@stead/core'
import type { DaemonClient } from '@stead/sdk'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { uploadsBelow } from '../../src/objects/half-sent.ts'
import { ObjectCommands } from './object-commands.ts'

let commands: ObjectCommands

beforeEach(async () => {
  commands = new ObjectCommands()
  await commands.start()
})
afterEach(() => commands.stop())

/** Begins an upload of so many parts, each of so many bytes, and leaves it. */
async function begin(bucket: string, key: string, ...partsBytes: readonly number[]): Promise<string> {
  await commands.objects.makeBucket(bucket)
  const client = commands.world.client()
  const { id } = await client.beginUpload({ bucket, key })
  for (const [index, bytes] of partsBytes.entries())
    await client.putPart({ bucket, upload: id, number: index + 1 }, new Uint8Array(bytes))
  return id
}

/** Where each line of a list says that something is. */
const places = (out: string): readonly string[] => out.split('\n').map((line) => line.trim().split(/ +/).at(-1) ?? '')

describe('what is half-sent', () => {
  it('is listed with its bytes and since when, of a folder, of a bucket, or of all', async () => {
    const id = await begin('mine', 'tree/a', 2048, 1024)
    await begin('mine', 'b\\c')
    await begin('other', 'tree/a', 1)
    await commands.keep('mine', 'whole')
    const all = await commands.run(['ls', '--uploads'])
    expect(all).toMatchObject({ code: 0, message: '' })
    expect(places(all.out)).toEqual(['OBJECT', 'stead://mine/b\\\\c', 'stead://mine/tree/a', 'stead://other/tree/a'])
    expect(all.out).toMatch(/^ *3\.0 KiB {2}20\d\d-\S+Z {2}stead:\/\/mine\/tree\/a$/m)
    expect(places((await commands.run(['ls', '--uploads', 'stead://mine/tr'])).out)).toEqual([
      'OBJECT',
      'stead://mine/tree/a',
    ])
    const { uploads } = JSON.parse((await commands.run(['ls', '--uploads', 'stead://mine/tree', '--json'])).out)
    expect(uploads).toEqual([{ bucket: 'mine', key: 'tree/a', id, begunAt: expect.any(Number), sentBytes: 3072 }])
  })

  it('may be nothing, which is said', async () => {
    await commands.keep('mine', 'whole')
    for (const args of [
      ['ls', '--uploads'],
      ['ls', '--uploads', 'stead://mine/whole'],
    ])
      expect(await commands.run(args)).toMatchObject({
        code: 0,
        out: '',
        message: expect.stringContaining('half-sent'),
      })
    expect((await commands.run(['ls', '--uploads', '--json'])).out).toBe('{"uploads":[]}')
    const link = await commands.run(['ls', '--uploads', 'stead:share:uAb'])
    expect(link).toMatchObject({ code: 2, message: expect.stringContaining('link') })
  })

  it('is given up without what is stored under the same name', async () => {
    await commands.keep('mine', 'tree/a', 'tree/b')
    for (const key of ['tree/a', 'tree/a', 'tree/b', 'treetop']) await begin('mine', key, 10)
    const one = await commands.run(['rm', '--uploads', 'stead://mine/tree/a'])
    expect(one).toMatchObject({ code: 0, message: '' })
    expect(one.out).toMatch(/^2 half-sent given up; their room /)
    expect((await commands.run(['rm', '--uploads', 'stead://mine/tree/a'])).out).toBe('0 half-sent given up')
    const folder = await commands.run(['rm', '--uploads', 'stead://mine/tree'])
    expect(folder).toMatchObject({ code: 2, message: expect.stringContaining('give -r') })
    expect((await commands.run(['rm', '--uploads', '-r', 'stead://mine/tree', '--json'])).out).toBe('{"uploads":1}')
    expect(places((await commands.run(['ls', '--uploads'])).out)).toEqual(['OBJECT', 'stead://mine/treetop'])
    const bucket = await commands.run(['rm', '--uploads', 'stead://mine'])
    expect(bucket).toMatchObject({ code: 2, message: expect.stringContaining('give -r') })
    expect((await commands.run(['rm', '--uploads', '-r', 'stead://mine'])).out).toContain('1 half-sent given up')
    expect(await commands.keys('mine')).toEqual(['tree/a', 'tree/b'])
  })

  it('is not what versions are about', async () => {
    await begin('mine', 'a', 10)
    const both = await commands.run(['rm', '--uploads', '--all-versions', 'stead://mine/a'])
    expect(both).toMatchObject({ code: 1, message: expect.stringContaining('--all-versions') })
    expect((await commands.run(['ls', '--uploads'])).out).toContain('stead://mine/a')
  })

  it('is told by a whole list where it is longer than a page', async () => {
    const all = Array.from({ length: 5 }, (_, index) => ({ id: `${index}`, key: 'same', begunAt: 0 as UnixMs }))
    const listUploads: DaemonClient['listUploads'] = async ({ afterKey, afterId }) => {
      const at = afterKey === undefined ? 0 : all.findIndex(({ id }) => id === afterId) + 1
      return { uploads: all.slice(at, at + 2) }
    }
    expect(await Array.fromAsync(uploadsBelow({ listUploads }, 'mine', ''))).toEqual(all)
  })
})
