import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
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
    const isNone = 'next: What a link shows is brought with: stead get <link> <folder>'
    const isWritten = 'next: Write with it: stead put <file> <link>/, stead cp -r <folder> <link>/'
    const isRead = 'next: Ask its owner for one to write: stead share --write'
    for (const [line, why, written] of [
      ['cp -r LINK F', isNone, isWritten],
      ['cp LINK stead://mine/', isNone, isWritten],
      ['cp F LINK', isRead, undefined],
      ['sync LINK F', isNone, isWritten],
      ['sync F LINK', isNone, isWritten],
      ['put LINK stead://mine/', isNone, isWritten],
      ['put F LINK', isRead, undefined],
      ['rm LINK', isNone, isWritten],
      ['unshare LINK', 'next: See what is shared', 'next: See what is shared'],
      ['cp stead://mine/x LINK', isRead, 'next: Bring it here first: stead get stead://mine/x'],
    ] as const)
      for (const [scheme, next] of [
        ['share', why],
        ['write', written],
      ]) {
        if (next === undefined) continue
        const link = `stead:${scheme}:secret`
        const said = await commands.run(line.split(' ').map((word) => word.replace('LINK', link).replace('F', folder)))
        expect([line, said]).toMatchObject([line, refused(next)])
        expect(said.message).not.toContain('secret')
      }
  })
})

describe('a file that cannot be named so', () => {
  it('is asked for where the key has a last part that no file can have', async () => {
    const key = `long/${'x'.repeat(300)}`
    await commands.keep('mine', key)
    const args = ['get', `stead://mine/${key}`]
    for (const where of [[], [folder]])
      expect(await commands.run([...args, ...where])).toMatchObject(refused('next: Name a file: stead get'))
    expect(await commands.run([...args, join(folder, 'short')])).toMatchObject({ code: 0 })
  })

  it('is none where it is empty, which is shown', async () => {
    await commands.keep('mine', 'one')
    expect(await commands.run(['get', 'stead://mine/one', ''])).toMatchObject(refused('the name of the file is empty'))
    expect(await commands.run(['put', join(folder, 'one'), ''])).toMatchObject(refused('"" is not stead://bucket/key'))
    expect(await commands.run(['put', '', 'stead://mine/x'])).toMatchObject(refused('there is no file ""'))
  })

  it('is named with its folder, and not the part that would be written first', async () => {
    await commands.keep('mine', 'one')
    const { code, message } = await commands.run(['get', 'stead://mine/one', '/sys/one'])
    expect([code, message]).toEqual([1, expect.stringContaining('/sys/one cannot be written in the folder /sys')])
    expect(message).not.toContain('.stead-part-')
  })
})

describe('the gateway of a node', () => {
  it('that does not run is another thing than one of a node that runs without', async () => {
    expect(await commands.run(['s3'])).toMatchObject(refused('next: Start the node with it: stead up --s3'))
    rmSync(join(commands.directory, 'api.json'))
    const [said, listed] = [await commands.run(['s3']), await commands.run(['ls'])]
    expect(said).toEqual({ ...listed, code: 5, message: expect.stringContaining('(API_NO_DAEMON)') })
  })
})
