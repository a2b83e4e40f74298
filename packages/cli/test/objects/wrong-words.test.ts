import { mkdirSync, writeFileSync } from 'node:fs'
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
  writeFileSync(join(folder, 'one'), 'one')
})
afterEach(() => commands.stop())

const refused = (what: string): object => ({ code: 2, message: expect.stringContaining(what) })

describe('a file that is not there', () => {
  it('is looked for where it would be', async () => {
    for (const name of ['put', 'cp']) {
      const said = await commands.run([name, join(folder, 'nosuch'), 'stead://mine/'])
      expect(said).toMatchObject(refused(`next: Look what is there: ls ${folder}`))
    }
  })

  it('may have a name that is not UTF-8', async () => {
    for (const name of [['put'], ['cp'], ['cp', '-r'], ['sync']]) {
      const said = await commands.run([...name, join(folder, 'bad\ufffdname'), 'stead://mine/'])
      expect(said).toMatchObject(refused('has a name that is not UTF-8'))
    }
  })
})

describe('a link where a file or an object is meant', () => {
  it('is refused and not repeated', async () => {
    for (const line of [
      'cp -r LINK F',
      'sync LINK F',
      'sync F LINK',
      'cp LINK stead://mine/',
      'put LINK stead://mine/',
      'put F LINK',
      'rm LINK',
    ]) {
      const args = line.split(' ').map((word) => word.replace('LINK', 'stead:share:secret').replace('F', folder))
      const said = await commands.run(args)
      expect([line, said]).toMatchObject([
        line,
        refused('next: What a link shows is brought with: stead get <link> <folder>'),
      ])
      expect(said.message).not.toContain('secret')
    }
  })
})
