import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ObjectCommands } from './object-commands.ts'

const commands = new ObjectCommands()

beforeAll(async () => {
  await commands.start()
  await commands.keep('mine', 'photos/1.jpg', 'note')
})
afterAll(() => commands.stop())

const unknown = (next: string): object => ({
  code: 1,
  message: expect.stringMatching(new RegExp(`\\(STORAGE_SHARE_UNKNOWN\\)\\n  next: ${next}`)),
})

describe('unshare', () => {
  it('of what is no place and no id says that ids are allowed', async () => {
    for (const what of ['nosuchid', 'photos/', 'ABCDEF'])
      expect(await commands.run(['unshare', what])).toMatchObject({
        code: 2,
        message: expect.stringMatching(
          /nor an id, which is 32 .*\n {2}next: See what is shared, with its ids: stead shares/,
        ),
      })
  })

  it('of a share that has ended, of an id that is none, and of what was never shared, says that there is none', async () => {
    await commands.run(['share', 'stead://mine/note'])
    const { id } = JSON.parse((await commands.run(['shares', '--json'])).out).shares[0]
    expect(await commands.run(['unshare', id])).toMatchObject({ code: 0 })
    for (const what of [id, '0'.repeat(32), 'stead://mine/note', 'stead://mine', 'stead://nowhere/a/'])
      expect(await commands.run(['unshare', what])).toMatchObject(unknown('See which there are: stead shares'))
    expect(JSON.parse((await commands.run(['unshare', id, '--json'])).out).error.code).toBe('STORAGE_SHARE_UNKNOWN')
  })

  it('of a folder without its / says that it is missing, where such a share is there', async () => {
    for (const share of [['share'], ['share', '--write', '--limit', '1GB']]) {
      await commands.run([...share, 'stead://mine/photos/'])
      const said = await commands.run(['unshare', 'stead://mine/photos'])
      expect(said).toMatchObject(unknown('A folder ends with /: stead unshare stead://mine/photos/'))
      expect(await commands.run(['unshare', 'stead://mine/photos/'])).toMatchObject({ code: 0 })
    }
    expect(await commands.run(['unshare', 'stead://mine/photos'])).toMatchObject(unknown('See which there are'))
  })
})
