import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ObjectCommands } from './object-commands.ts'

const commands = new ObjectCommands()
let link = ''

beforeAll(async () => {
  await commands.start()
  await commands.keep('mine', 'photos/1.jpg', 'photos/2.jpg', 'photos/2.jpg.old', 'photos/both', 'photos/both/in')
  link = (await commands.run(['share', 'stead://mine/photos/'])).out
})
afterAll(() => commands.stop())

/** The keys that a list has. */
async function listed(...args: readonly string[]): Promise<readonly string[]> {
  const { code, out } = await commands.run(['ls', ...args, '--json'])
  expect(code).toBe(0)
  const { objects, commonPrefixes } = JSON.parse(out)
  return [...objects.map(({ key }: { readonly key: string }) => key), ...commonPrefixes]
}

describe('an object in a folder that is shared', () => {
  it('is listed by its name, as get brings it', async () => {
    const said = await commands.run(['ls', `${link}/2.jpg`])
    expect(said).toMatchObject({ code: 0, message: '', out: expect.stringMatching(/ {2}2\.jpg$/) })
    expect(await listed(`${link}/2.jpg`)).toEqual(['2.jpg'])
    expect(await commands.run(['get', `${link}/2.jpg`, join(commands.directory, '2.jpg')])).toMatchObject({ code: 0 })
    const only = await commands.run(['share', `${link}/2.jpg`])
    expect(await listed(only.out)).toEqual(['2.jpg'])
  })

  it('is listed with the folder of its name', async () => {
    expect(await listed(`${link}/both`)).toEqual(['both', 'both/in'])
    expect(await listed('-r', `${link}/both`)).toEqual(['both', 'both/in'])
    expect(await listed(`${link}/both/`)).toEqual(['both/in'])
    expect(await listed(link)).toEqual(['1.jpg', '2.jpg', '2.jpg.old', 'both', 'both/'])
  })

  it('may be none, which is said', async () => {
    for (const name of ['2', '2.jpg/', 'nothing'])
      expect(await commands.run(['ls', `${link}/${name}`])).toMatchObject({
        code: 0,
        out: '',
        message: 'the link shows nothing there',
      })
    const only = await commands.run(['share', `${link}/2.jpg`])
    const below = await commands.run(['ls', `${only.out}/x`])
    expect([below.code, below.message]).toEqual([1, expect.stringContaining('next: Give the link as it is')])
  })
})
