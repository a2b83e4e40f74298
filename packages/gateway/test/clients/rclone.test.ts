import { readFile, writeFile } from 'node:fs/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from '../system-ports.ts'
import {
  CLIENT_TIMEOUT_MS,
  ClientProcess,
  clientTitle,
  LARGE_BYTES,
  programPath,
  readTree,
  sha256,
  writeLargeFile,
  writeOddTree,
} from './client-process.ts'

const program = programPath('rclone')

describe.runIf(program !== undefined)(clientTitle('rclone', program, 'rclone'), { timeout: CLIENT_TIMEOUT_MS }, () => {
  let running: RunningGateway
  let rclone: ClientProcess
  const run = (...args: readonly string[]): Promise<string> =>
    rclone.run('--config', rclone.path('rclone.conf'), '--retries', '1', '--low-level-retries', '1', ...args)

  beforeAll(async () => {
    running = await startGateway()
    rclone = await ClientProcess.create(program ?? '')
    const { accessKeyId, secretAccessKey } = running.credentials
    const settings = { type: 's3', provider: 'Other', access_key_id: accessKeyId, secret_access_key: secretAccessKey }
    const lines = Object.entries({ ...settings, endpoint: running.endpoint, chunk_size: '8M', upload_cutoff: '16M' })
    await writeFile(
      rclone.path('rclone.conf'),
      ['[stead]', ...lines.map(([name, value]) => `${name} = ${value}`), ''].join('\n'),
    )
    await run('mkdir', 'stead:tree')
  })
  afterAll(async () => {
    await running.gateway.stop()
    await rclone.remove()
  })

  test('syncs a tree of odd names there and back; what was there is seen by its hash, what is not there any more goes', async () => {
    await writeOddTree(rclone.path('tree'))
    await run('sync', rclone.path('tree'), 'stead:tree/copy of')
    await run('check', '--download', rclone.path('tree'), 'stead:tree/copy of')
    await run('copy', 'stead:tree/copy of', rclone.path('back'))
    expect(await readTree(rclone.path('back'))).toEqual(await readTree(rclone.path('tree')))
    await writeOddTree(rclone.path('other'))
    await writeFile(rclone.path('other', 'plain.txt'), 'changed')
    await run('sync', rclone.path('other'), 'stead:tree/copy of')
    await run('check', rclone.path('other'), 'stead:tree/copy of')
    await run('purge', 'stead:tree/copy of')
    expect(await run('lsf', '-R', 'stead:tree')).toBe('')
  })

  test('moves a large file in parts, copies it in place and keeps its time', async () => {
    const hash = await writeLargeFile(rclone.path('large'), LARGE_BYTES)
    await run('copyto', rclone.path('large'), 'stead:tree/large')
    await run('copyto', 'stead:tree/large', 'stead:tree/larger')
    await run('copyto', 'stead:tree/larger', rclone.path('back.large'))
    expect(sha256(await readFile(rclone.path('back.large')))).toBe(hash)
    const [local, remote] = await Promise.all(
      [rclone.path('large'), 'stead:tree/large'].map(async (path) => JSON.parse(await run('lsjson', path))),
    )
    expect(Date.parse(remote[0].ModTime) - Date.parse(local[0].ModTime)).toBeLessThan(1)
  })

  test('reads from the middle, and its link is good without a key', async () => {
    await writeFile(rclone.path('note'), 'a note')
    await run('copyto', rclone.path('note'), 'stead:tree/a note')
    expect(await run('cat', '--offset', '2', '--count', '3', 'stead:tree/a note')).toBe('not')
    const link = (await run('link', '--expire', '1m', 'stead:tree/a note')).trim()
    expect(await (await fetch(link)).text()).toBe('a note')
    expect(await run('size', '--json', 'stead:tree')).toContain('"count":3')
  })

  test('lists a key with a control character at once when it is told to ask for encoded keys', async () => {
    await run('mkdir', 'stead:controls')
    await running.store.put('controls', 'a\u0001b', [new TextEncoder().encode('x')])
    const list = ['--config', rclone.path('rclone.conf'), '--dump', 'headers', '--s3-list-url-encode=true']
    const { stdout, stderr } = await rclone.try(...list, 'lsf', 'stead:controls')
    expect([stdout, stderr.match(/GET \/controls\?/g)?.length]).toEqual(['a\u2401b\n', 1])
    // Else it asks in vain, as often as it is told to try, before it does so by itself.
    const plain = await rclone.try(
      '--config',
      rclone.path('rclone.conf'),
      '--low-level-retries',
      '2',
      ...list.slice(2, 4),
      'lsf',
      'stead:controls',
    )
    expect(plain.stderr.match(/GET \/controls\?/g)?.length).toBeGreaterThan(1)
  })
})
