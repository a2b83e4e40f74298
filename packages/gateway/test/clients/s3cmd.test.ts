import { mkdir, readFile, writeFile } from 'node:fs/promises'
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

const program = programPath('s3cmd')

describe.runIf(program !== undefined)(clientTitle('s3cmd', program, 's3cmd'), { timeout: CLIENT_TIMEOUT_MS }, () => {
  let running: RunningGateway
  let s3cmd: ClientProcess
  const run = (...args: readonly string[]): Promise<string> => s3cmd.run('--config', s3cmd.path('s3cfg'), ...args)

  beforeAll(async () => {
    running = await startGateway()
    s3cmd = await ClientProcess.create(program ?? '')
    const host = new URL(running.endpoint).host
    const { accessKeyId, secretAccessKey } = running.credentials
    const settings = { access_key: accessKeyId, secret_key: secretAccessKey, host_base: host, host_bucket: host }
    const lines = Object.entries({
      ...settings,
      use_https: 'False',
      signature_v2: 'False',
      human_readable_sizes: 'False',
    })
    await writeFile(
      s3cmd.path('s3cfg'),
      ['[default]', ...lines.map(([name, value]) => `${name} = ${value}`), ''].join('\n'),
    )
    await run('mb', 's3://tree')
  })
  afterAll(async () => {
    await running.gateway.stop()
    await s3cmd.remove()
  })

  test('syncs a tree of odd names there and back, and then finds nothing to do', async () => {
    await writeOddTree(s3cmd.path('tree'))
    await run('sync', `${s3cmd.path('tree')}/`, 's3://tree/copy of/')
    expect(await run('sync', `${s3cmd.path('tree')}/`, 's3://tree/copy of/')).not.toContain('upload:')
    await mkdir(s3cmd.path('back'))
    await run('get', '--recursive', 's3://tree/copy of/', `${s3cmd.path('back')}/`)
    expect(await readTree(s3cmd.path('back'))).toEqual(await readTree(s3cmd.path('tree')))
    await run('del', '--recursive', '--force', 's3://tree/copy of/')
    expect(await run('ls', '--recursive', 's3://tree')).toBe('')
  })

  test('moves a large file in parts, and goes on with half of it', async () => {
    const hash = await writeLargeFile(s3cmd.path('large'), LARGE_BYTES)
    await run('put', s3cmd.path('large'), 's3://tree/large')
    await writeFile(s3cmd.path('half'), (await readFile(s3cmd.path('large'))).subarray(0, LARGE_BYTES / 2))
    await run('get', '--continue', 's3://tree/large', s3cmd.path('half'))
    expect(sha256(await readFile(s3cmd.path('half')))).toBe(hash)
    await run('cp', 's3://tree/large', 's3://tree/another')
    expect(await run('ls', 's3://tree/another')).toContain(String(LARGE_BYTES))
  })

  test('shows what a bucket and an object are; its signed address, of an age before ours, is refused', async () => {
    await writeFile(s3cmd.path('note'), 'a note')
    await run('put', '--add-header', 'x-amz-meta-colour: blue', s3cmd.path('note'), 's3://tree/a note')
    expect(await run('info', 's3://tree/a note')).toContain('x-amz-meta-colour: blue')
    expect(await run('info', 's3://tree')).toContain('Location:  us-east-1')
    const address = (await run('signurl', 's3://tree/a note', '+60')).trim()
    const refused = await fetch(address)
    expect(refused.status).toBe(400)
    expect(await refused.text()).toContain('AWS4-HMAC-SHA256')
  })

  test('cannot list a page that has a key with a control character, and lists what is beside it', async () => {
    await run('mb', 's3://controls')
    for (const key of ['odd/a\u0001b', 'plain/a'])
      await running.store.put('controls', key, [new TextEncoder().encode('x')])
    const refused = await s3cmd.try('--config', s3cmd.path('s3cfg'), 'du', 's3://controls')
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('ParseError')])
    expect(await run('du', 's3://controls/plain/')).toContain('1 objects')
  })
})
