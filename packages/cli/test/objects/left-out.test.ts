import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CommandContext } from '../../src/command-context.ts'
import { printDryRun } from '../../src/objects/transfer-report.ts'
import { createTerminal } from '../../src/terminal/terminal.ts'
import { ObjectCommands } from './object-commands.ts'

let commands: ObjectCommands
let folder = ''

beforeEach(async () => {
  commands = new ObjectCommands()
  await commands.start()
  folder = join(commands.directory, 'folder')
  mkdirSync(folder)
  writeFileSync(join(folder, 'note'), 'note')
  symlinkSync('note', join(folder, 'link'))
})
afterEach(() => commands.stop())

const ways = [['sync'], ['cp', '-r'], ['sync', '--dry-run'], ['cp', '-r', '--dry-run']]

describe('what is left out of a folder', () => {
  it.each(ways)('is told to programs by %s %s, and links are no fault', async (...way) => {
    const said = await commands.run([...way, folder, 'stead://mine', '--json'])
    expect(said).toMatchObject({ code: 0, message: 'left out: link is a link' })
    expect(JSON.parse(said.out)).toMatchObject({ leftOut: [{ name: 'link', reason: 'is a link' }], failed: [] })
    const text = await commands.run([...way, folder, 'stead://mine'])
    expect(`${text.out}${text.message}`).toContain('1 left out')
    const filtered = await commands.run([...way, folder, 'stead://mine', '--exclude', 'li*', '--json'])
    expect([filtered.message, JSON.parse(filtered.out).leftOut]).toEqual([expect.not.stringContaining('link'), []])
  })

  it('is summed up by its reasons', async () => {
    const reasons = ['has a name that is not UTF-8', 'cannot be read (EACCES)', 'is a link']
    const names = reasons.map((reason, index) => ({ name: 'x', reason, isContent: index < 2 }))
    for (const [left, error, next] of [
      [names, '1 could not be read and 1 has a name that is not UTF-8, and are left out', 'Let this user read'],
      [names.slice(0, 1), '1 has a name that is not UTF-8, and is left out', 'Give other names, of UTF-8'],
      [names.slice(1), '1 could not be read, and is left out', 'Let this user read'],
    ] as const) {
      const said: string[] = []
      const terminal = { ...createTerminal({ isJson: false }), message: (text: string) => void said.push(text) }
      const context = { terminal, exitWith: () => undefined } as unknown as CommandContext
      printDryRun(context, [], { left: { emptyFolders: 0, names: left } })
      expect(said.join('\n')).toContain(`error: ${error} (CLI_TRANSFER_REFUSED)\n  next: ${next}`)
    }
  })

  it.skipIf(process.platform !== 'linux').each(ways)('is a fault of %s %s where it is content', async (...way) => {
    const name = Buffer.concat([Buffer.from(`${folder}/bad`), Buffer.from([0xff]), Buffer.from('name')])
    writeFileSync(name, 'x')
    mkdirSync(Buffer.concat([name, Buffer.from('s')]))
    const said = await commands.run([...way, folder, 'stead://mine', '--json'])
    const { leftOut, error } = JSON.parse(said.out)
    expect([said.code, error.code, leftOut.length]).toEqual([1, 'CLI_TRANSFER_REFUSED', 3])
    expect(leftOut[0].reason).toBe('has a name that is not UTF-8')
    const text = await commands.run([...way, folder, 'stead://mine'])
    expect([text.code, text.message]).toEqual([
      1,
      expect.stringContaining('2 have names that are not UTF-8, and are left out'),
    ])
    expect(text.message).not.toContain('could not be read')
    expect(await commands.run([...way, folder, 'stead://mine', '--exclude', 'bad*'])).toMatchObject({ code: 0 })
  })
})
