import { existsSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readPhrase, writePhrase } from '@stead/node/files'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ObjectCommands, type Said } from './object-commands.ts'

const words = Array.from({ length: 24 }, (_, index) => `word${index}`)
const phrase = words.join(' ')

let commands: ObjectCommands
let file = ''

beforeEach(async () => {
  commands = new ObjectCommands()
  await commands.start()
  file = join(commands.directory, 'file')
  writeFileSync(file, 'x')
  await commands.objects.makeBucket('mine')
})
afterEach(() => commands.stop())

async function atTerminal(...args: readonly string[]): Promise<Said> {
  return await commands.run(args, new AbortController().signal, true)
}

const isShown = ({ message, out }: Said): boolean => words.every((word) => `${message}\n${out}`.includes(word))

describe('a recovery phrase that was just made', () => {
  it.each([
    ['put', 'put', 'FILE', 'stead://mine/'],
    ['cp', 'cp', 'FILE', 'stead://mine/'],
    ['sync', 'sync', 'stead://mine', 'stead://other'],
  ])('is shown once to the person whose %s made it, with a warning', async (_, ...args) => {
    writePhrase(commands.directory, phrase, { isNew: true })
    const line = args.map((each) => (each === 'FILE' ? file : each))
    const first = await atTerminal(...line)
    expect([first.code, isShown(first)]).toEqual([0, true])
    expect(first.message).toContain('Write them on paper')
    expect(isShown(await atTerminal(...line))).toBe(false)
  })

  it('is not written where no person looks, and is kept for one who does', async () => {
    writePhrase(commands.directory, phrase, { isNew: true })
    for (const args of [
      ['put', file, 'stead://mine/'],
      ['put', file, 'stead://mine/', '--json'],
    ])
      expect((await commands.run(args)).message + (await commands.run(args)).out).not.toContain('word1')
    const json = await commands.run(['put', file, 'stead://mine/', '--json'], new AbortController().signal, true)
    expect(json.message + json.out).not.toContain('word1')
    expect(isShown(await atTerminal('put', file, 'stead://mine/'))).toBe(true)
  })

  it('is not shown when it came from elsewhere', async () => {
    writePhrase(commands.directory, phrase, { isNew: false })
    expect(isShown(await atTerminal('put', file, 'stead://mine/'))).toBe(false)
  })
})

describe('stead phrase', () => {
  it('shows it again, the words alone on standard output', async () => {
    writePhrase(commands.directory, phrase, { isNew: true })
    for (let time = 0; time < 2; time++)
      expect(await commands.run(['phrase'])).toMatchObject({
        code: 0,
        out: phrase,
        message: expect.stringContaining('Whoever has these words'),
      })
    expect(isShown(await atTerminal('put', file, 'stead://mine/'))).toBe(false)
    expect(JSON.parse((await commands.run(['phrase', '--json'])).out)).toEqual({ phrase })
    expect(readPhrase(commands.directory)).toBe(phrase)
  })

  it('writes it into a new file that only its owner can read, and not to where everyone looks', async () => {
    writePhrase(commands.directory, phrase, { isNew: true })
    const said = await commands.run(['phrase', '--to', 'words'])
    expect([said.code, isShown(said), said.out]).toEqual([0, false, ''])
    expect(said.message).toContain('the words are in words, which only you can read')
    const words = join(commands.directory, 'words')
    expect([readFileSync(words, 'utf8'), statSync(words).mode & 0o777]).toEqual([`${phrase}\n`, 0o600])
    expect(isShown(await atTerminal('put', file, 'stead://mine/'))).toBe(false)
  })

  it('leaves a file that is there as it is, and one behind a link', async () => {
    writePhrase(commands.directory, phrase, { isNew: true })
    symlinkSync(join(commands.directory, 'target'), join(commands.directory, 'link'))
    for (const name of ['file', 'link']) {
      const said = await commands.run(['phrase', '--to', name])
      expect([said.code, said.message]).toEqual([2, expect.stringContaining('is there already')])
      expect(said.message).toContain('next: Name a new file: stead phrase --to <file>')
    }
    expect([readFileSync(file, 'utf8'), existsSync(join(commands.directory, 'target'))]).toEqual(['x', false])
    // What was not written was not seen either.
    expect(isShown(await atTerminal('put', file, 'stead://mine/'))).toBe(true)
  })

  it('says that there is none before anything was kept', async () => {
    const said = await commands.run(['phrase'])
    expect([said.code, said.message]).toEqual([1, expect.stringContaining('CLI_NO_PHRASE')])
    expect(said.message).toContain(`the node in ${commands.directory} has no recovery phrase`)
  })
})
