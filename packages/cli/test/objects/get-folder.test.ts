import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ObjectCommands } from './object-commands.ts'

let commands: ObjectCommands

beforeEach(async () => {
  commands = new ObjectCommands()
  await commands.start()
})
afterEach(() => commands.stop())

describe('get of what is no object', () => {
  it('says which command brings a folder or a bucket', async () => {
    await commands.keep('mine', 'tree/a', 'tree/sub/b')
    for (const name of ['stead://mine/tree', 'stead://mine/tree/', 'stead://mine/tree/sub', 'stead://mine/']) {
      const said = await commands.run(['get', name, '-'])
      expect([said.code, said.message]).toEqual([2, expect.stringContaining(`stead cp -r ${name} <folder>`)])
    }
    const nothing = await commands.run(['get', 'stead://mine/tre', '-'])
    expect([nothing.code, nothing.message]).toEqual([1, expect.stringContaining('(STORAGE_OBJECT_UNKNOWN)')])
  })
})
