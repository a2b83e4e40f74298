import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ObjectCommands, type Said } from './object-commands.ts'

const commands = new ObjectCommands()
const folder = mkdtempSync(join(tmpdir(), 'stead-write-links-'))
const long = new Uint8Array(1_700_000).fill(7)
let link = ''

beforeAll(async () => {
  await commands.start()
  await commands.objects.makeBucket('mine')
  mkdirSync(join(folder, 'in/sub'), { recursive: true })
  mkdirSync(join(folder, 'in/empty'))
  for (const name of ['a', 'sub/b', 'sub/ü c']) writeFileSync(join(folder, 'in', name), name)
  writeFileSync(join(folder, 'long'), long)
  writeFileSync(join(folder, 'note'), 'note')
})

afterAll(async () => {
  await commands.stop()
  rmSync(folder, { recursive: true, force: true })
})

async function shared(...args: readonly string[]): Promise<string> {
  const said = await commands.run(['share', '--write', ...args])
  expect(said).toMatchObject({ code: 0, out: expect.stringMatching(/^stead:write:/) })
  return said.out
}

function failed(code: number, text: string): Partial<Said> {
  return { code, message: expect.stringContaining(text) }
}

beforeEach(async () => {
  for (const key of await commands.keys('mine')) await commands.run(['rm', `stead://mine/${key}`])
  link = await shared('--limit', '10MB', 'stead://mine/in/')
})

describe('a file that is written with a link', () => {
  it('gets its own name in a folder, another one that is given, or that of the object', async () => {
    for (const to of ['', '/', '/sub/', '/sub/other'])
      expect(await commands.run(['put', join(folder, 'note'), `${link}${to}`, '--json'])).toMatchObject({ code: 0 })
    const only = await shared('--limit', '5MB', '--replace', 'stead://mine/only')
    const said = await commands.run(['put', join(folder, 'long'), only, '--json'])
    expect(JSON.parse(said.out)).toMatchObject({
      path: '',
      lengthBytes: long.length,
      etag: expect.stringMatching(/-4$/),
    })
    expect(await commands.keys('mine')).toEqual(['in/note', 'in/sub/note', 'in/sub/other', 'only'])
    expect(await commands.run(['put', join(folder, 'note'), `${only}/x`])).toMatchObject(failed(2, 'is to one object'))
    expect(await commands.run(['cp', '-r', join(folder, 'in'), only])).toMatchObject(failed(2, 'is to one object'))
  })

  it('is the same writing when it is the same file, and refused when it is another one', async () => {
    const put = ['put', join(folder, 'long'), link, '--json']
    expect(JSON.parse((await commands.run(put)).out).resumedBytes).toBe(0)
    const again = await commands.run(put)
    expect(JSON.parse(again.out).resumedBytes).toBe(long.length)
    expect(again.message).toMatch(/^long: resuming at 1.6 MiB of 1.6 MiB \(100 %\)$/)
    const other = await commands.run(['put', join(folder, 'note'), `${link}/long`])
    expect(other).toMatchObject(failed(1, 'there is an object of this name already'))
    expect(await commands.run(['put', join(folder, 'none'), link])).toMatchObject(failed(2, 'there is no file'))
    expect(await commands.run(['put', folder, link])).toMatchObject(failed(2, 'is a folder'))
    expect(await commands.run(['put', join(folder, 'note'), `${link}/../x`])).toMatchObject(failed(1, 'no empty step'))
  })

  it('may be older than what is counted from, and changed without another time where the link may replace it', async () => {
    const replacing = await shared('--limit', '20MB', '--replace', 'stead://mine/r/')
    const file = join(folder, 'old')
    writeFileSync(file, long)
    utimesSync(file, -1e6, -1e6)
    expect(await commands.run(['put', file, replacing])).toMatchObject({ code: 0 })
    writeFileSync(file, new Uint8Array(long.length).fill(8))
    utimesSync(file, -1e6, -1e6)
    expect(await commands.run(['put', file, replacing])).toMatchObject({ code: 0 })
    const kept = await commands.objects.get({ bucket: 'mine', key: 'r/old' })
    expect(new Uint8Array(await new Response(kept.body).arrayBuffer())[9]).toBe(8)
    expect(await commands.run(['put', join(folder, 'note'), `${replacing}/old/x`])).toMatchObject(
      failed(1, 'the owner takes no object of this name'),
    )
  })

  it('stops when a person stops it', async () => {
    const stopped = await commands.run(['put', join(folder, 'long'), link], AbortSignal.abort())
    expect(stopped).toMatchObject(failed(130, 'a long file goes on where it stopped'))
    expect(await commands.keys('mine')).toEqual([])
  })
})

describe('a folder that is copied with a link', () => {
  it('gets the same names, and says what is left out', async () => {
    const copy = ['cp', '-r', join(folder, 'in'), `${link}/all`]
    const dry = await commands.run([...copy, '--dry-run'])
    expect(dry.out).toContain('would copy')
    expect(dry.out).not.toContain('stead:write:')
    expect(await commands.run(copy)).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^3 copied.*1 empty folder left out$/),
    })
    expect(await commands.keys('mine')).toEqual(['in/all/a', 'in/all/sub/b', 'in/all/sub/ü c'])
    expect(await commands.run([...copy, '--exclude', 'sub/*'])).toMatchObject({ code: 0 })
    const one = await commands.run(['cp', join(folder, 'note'), `${link}/all/a`])
    expect(one).toMatchObject(failed(1, '1 of 1 refused'))
    expect(one.message).not.toContain('stead:write:')
  })
})

describe('links to write', () => {
  it('are said with what they let do, and end', async () => {
    const said = await commands.run(['share', '--write', '--limit', '1.5GiB', '--expires', '1h', 'stead://mine'])
    expect(said.message).toMatch(
      /^whoever has this link writes into stead:\/\/mine\/, 1.5 GiB in all, at your expense until .*; it replaces nothing, and shows nothing$/,
    )
    const narrow = await commands.run(['share', `${link}/sub/`, '--expires', '2h'])
    expect(narrow.message).toMatch(
      /^whoever has this link writes into sub\/ until 20.*; it takes no more bytes than the whole/,
    )
    expect(await commands.run(['share', '--write', '--limit', '1GB', narrow.out])).toMatchObject(
      failed(2, 'a link is narrowed'),
    )
    const { shares, grants } = JSON.parse((await commands.run(['shares', '--json', '--links'])).out)
    expect(shares).toEqual([])
    expect(grants.map((each: { readonly link: string }) => each.link)).toContain(link)
    const { id } = grants.find((each: { readonly link: string }) => each.link === link)
    expect(await commands.run(['unshare', id])).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^1 to write ended/),
    })
    for (const each of [link, narrow.out])
      expect(await commands.run(['put', join(folder, 'note'), each])).toMatchObject(failed(1, 'STORAGE_GRANT_ENDED'))
    expect(await commands.run(['unshare', id])).toMatchObject(failed(1, 'STORAGE_SHARE_UNKNOWN'))
    expect(await commands.run(['unshare', 'stead://mine'])).toMatchObject({ code: 0 })
  })

  it('are refused where they would be none', async () => {
    const share = (...args: readonly string[]): Promise<Said> => commands.run(['share', ...args])
    expect(await share('--write', 'stead://mine/in/')).toMatchObject(failed(2, 'say how much that may be'))
    expect(await share('--write', '--limit', 'much', 'stead://mine/in/')).toMatchObject(failed(2, 'no number of bytes'))
    await commands.keep('mine', 'in/here', 'in/sub/x')
    const here = ['--write', '--limit', '1GB', 'stead://mine/in/here']
    expect(await share(...here)).toMatchObject(failed(2, 'is there already'))
    expect(await share(...here, '--replace')).toMatchObject({ code: 0 })
    expect(await share('--write', '--limit', '1GB', 'stead://mine/in/sub')).toMatchObject(
      failed(0, 'a folder ends with /'),
    )
    expect(await share('--replace', 'stead://mine/in/')).toMatchObject(failed(2, 'give --write'))
    expect(await share('--write', '--limit', '1GB', 'stead://none/')).toMatchObject(failed(1, 'STORAGE_BUCKET_UNKNOWN'))
    expect(await share(`${link}/../`)).toMatchObject(failed(1, 'STORAGE_BAD_NAME'))
    expect(await share(`${link.slice(0, -3)}`)).toMatchObject(failed(1, 'STORAGE_BAD_LINK'))
  })
})
