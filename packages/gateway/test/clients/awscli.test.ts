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

const program = programPath('aws')

describe.runIf(program !== undefined)(clientTitle('awscli', program, 'awscli'), { timeout: CLIENT_TIMEOUT_MS }, () => {
  let running: RunningGateway
  let aws: ClientProcess
  const s3 = (...args: readonly string[]): Promise<string> => aws.run('--endpoint-url', running.endpoint, 's3', ...args)
  const api = async (...args: readonly string[]): Promise<Record<string, unknown>> => {
    const output = await aws.run('--endpoint-url', running.endpoint, '--output', 'json', 's3api', ...args)
    return output.trim() === '' ? {} : JSON.parse(output)
  }

  beforeAll(async () => {
    running = await startGateway()
    aws = await ClientProcess.create(program ?? '', {
      AWS_ACCESS_KEY_ID: running.credentials.accessKeyId,
      AWS_SECRET_ACCESS_KEY: running.credentials.secretAccessKey,
      AWS_DEFAULT_REGION: 'eu-central-1',
      AWS_EC2_METADATA_DISABLED: 'true',
      AWS_PAGER: '',
    })
    await s3('mb', 's3://tree')
  })
  afterAll(async () => {
    await running.gateway.stop()
    await aws.remove()
  })

  test('syncs a tree of odd names there and back, and then finds nothing to do', async () => {
    await writeOddTree(aws.path('tree'))
    await s3('sync', aws.path('tree'), 's3://tree/copy of/')
    expect(await s3('sync', aws.path('tree'), 's3://tree/copy of/')).toBe('')
    await s3('cp', '--recursive', 's3://tree/copy of/', aws.path('back'))
    expect(await readTree(aws.path('back'))).toEqual(await readTree(aws.path('tree')))
    await s3('rm', '--recursive', 's3://tree/')
    expect(await running.store.list('tree', { limit: 1 })).toMatchObject({ objects: [] })
  })

  test('moves a large file in parts, copies it in place, and reads a range of it', async () => {
    const hash = await writeLargeFile(aws.path('large'), LARGE_BYTES)
    await s3('cp', aws.path('large'), 's3://tree/large')
    await s3('cp', 's3://tree/large', 's3://tree/large copy')
    await s3('cp', 's3://tree/large copy', aws.path('large.back'))
    expect(sha256(await readFile(aws.path('large.back')))).toBe(hash)
    const range = ['--key', 'large', '--range', 'bytes=-1000', aws.path('tail')]
    expect(await api('get-object', '--bucket', 'tree', ...range)).toMatchObject({
      ContentLength: 1000,
      ContentRange: `bytes ${LARGE_BYTES - 1000}-${LARGE_BYTES - 1}/${LARGE_BYTES}`,
      ETag: expect.stringMatching(/^"[0-9a-f]{32}-\d+"$/),
    })
    expect(await readFile(aws.path('tail'))).toEqual((await readFile(aws.path('large'))).subarray(-1000))
  })

  test('keeps versions, and its presigned address is good for the one object', async () => {
    await api('put-bucket-versioning', '--bucket', 'tree', '--versioning-configuration', 'Status=Enabled')
    await writeFile(aws.path('note'), 'one')
    await s3('cp', aws.path('note'), 's3://tree/a note')
    const address = (await s3('presign', '--expires-in', '60', 's3://tree/a note')).trim()
    expect(await (await fetch(address)).text()).toBe('one')
    expect((await fetch(address.replace('note', 'nota'))).status).toBe(403)

    await s3('rm', 's3://tree/a note')
    const found = await api('list-object-versions', '--bucket', 'tree', '--prefix', 'a note')
    expect(found).toMatchObject({
      Versions: [{ IsLatest: false, Size: 3 }],
      DeleteMarkers: [{ IsLatest: true, Key: 'a note' }],
    })
    const version = (found.Versions as { VersionId: string }[])[0]?.VersionId ?? ''
    await api('get-object', '--bucket', 'tree', '--key', 'a note', '--version-id', version, aws.path('first'))
    expect(await readFile(aws.path('first'), 'utf8')).toBe('one')
  })

  test('reads what went wrong', async () => {
    const missing = await aws.try('--endpoint-url', running.endpoint, 's3', 'ls', 's3://nowhere')
    expect(missing.stderr).toContain('NoSuchBucket')
  })
})
