import { silentLogger } from '@stead/core'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createS3Credentials, S3Gateway, s3GatewayOptionsSchema } from '../src/index.ts'
import { call, codeOf } from './signing-client.ts'
import { type RunningGateway, startGateway } from './system-ports.ts'

let running: RunningGateway

beforeAll(async () => {
  running = await startGateway({ region: 'eu-central-1' })
  await running.store.createBucket('vault')
  await running.store.put('vault', 'digits', [Buffer.from('0123456789')], { etag: () => 'ten' })
})
afterAll(() => running.gateway.stop())

const get = (target: string, headers: Readonly<Record<string, string>> = {}) =>
  call(running, { method: 'GET', target, headers })

describe('what clients ask of every bucket', () => {
  test.each([
    ['?location', 200, 'eu-central-1</LocationConstraint>'],
    ['?versioning', 200, '<VersioningConfiguration'],
    ['?acl', 200, 'xsi:type="CanonicalUser"'],
    ['?ownershipControls', 200, 'BucketOwnerEnforced'],
    ['?requestPayment', 200, 'BucketOwner'],
    ['?logging', 200, '<BucketLoggingStatus'],
    ['?notification', 200, '<NotificationConfiguration'],
    ['?accelerate', 200, '<AccelerateConfiguration'],
    ['?policy', 404, 'NoSuchBucketPolicy'],
    ['?cors', 404, 'NoSuchCORSConfiguration'],
    ['?lifecycle', 404, 'NoSuchLifecycleConfiguration'],
    ['?website', 404, 'NoSuchWebsiteConfiguration'],
    ['?tagging', 404, 'NoSuchTagSet'],
    ['?replication', 404, 'ReplicationConfigurationNotFoundError'],
    ['?object-lock', 404, 'ObjectLockConfigurationNotFoundError'],
    ['?publicAccessBlock', 404, 'NoSuchPublicAccessBlockConfiguration'],
    ['?encryption', 404, 'ServerSideEncryptionConfigurationNotFoundError'],
    ['/digits?acl', 200, 'FULL_CONTROL'],
    ['/digits?tagging', 200, '<TagSet></TagSet>'],
  ])('%s has its answer', async (target, status, words) => {
    const answer = await get(`/vault${target}`)
    expect([answer.status, answer.body]).toEqual([status, expect.stringContaining(words)])
    expect(codeOf(await get(target.startsWith('/') ? `/vault/no${target.slice(1)}` : `/nowhere${target}`))).toMatch(
      /^NoSuch/,
    )
  })

  test('access stays the owner’s, in every way to say it', async () => {
    const put = (body: string, headers: Readonly<Record<string, string>> = {}) =>
      call(running, { method: 'PUT', target: '/vault/digits?acl', body, headers })
    const { body: own } = await get('/vault/digits?acl')
    expect((await put(own)).status).toBe(200)
    expect((await put('', { 'x-amz-acl': 'private' })).status).toBe(200)
    const others = own.replace(/<ID>\w+<\/ID>(?=<DisplayName>stead<\/DisplayName><\/Grantee>)/, '<ID>somebody</ID>')
    expect(codeOf(await put(others))).toBe('AccessControlListNotSupported')
    expect(codeOf(await put(own.replace('FULL_CONTROL', 'READ')))).toBe('AccessControlListNotSupported')
  })
})

describe('an object', () => {
  test.each([
    [{}, 200],
    [{ range: 'bytes=5-' }, 206],
    [{ 'if-none-match': '"ten"' }, 304],
    [{ 'if-match': '"eleven"' }, 412],
    [{ range: 'bytes=50-' }, 416],
  ])('with %o is asked for once: who waits for the first byte waits for one look', async (headers, status) => {
    const [head, opened] = [vi.spyOn(running.store, 'head'), vi.spyOn(running.store, 'get')]
    try {
      expect((await get('/vault/digits', headers)).status).toBe(status)
      expect([head.mock.calls.length, opened.mock.calls.length]).toEqual([0, 1])
    } finally {
      head.mockRestore()
      opened.mockRestore()
    }
  })
})

test('a large object is whole each time, also where its first bytes were asked for early', async () => {
  const bytes = Buffer.alloc(3_000_000, 'all of it')
  await running.store.put('vault', 'large', [bytes])
  for (let times = 0; times < 3; times++) {
    const { status, body } = await get('/vault/large')
    expect([status, body.length]).toEqual([200, bytes.length])
    expect(body === bytes.toString()).toBe(true)
  }
})

describe('an object that is replaced', () => {
  test('is told as what it is now, whenever the store looks at what it was', async () => {
    const get0 = running.store.get.bind(running.store)
    const opened = vi.spyOn(running.store, 'get').mockImplementation(async (bucket, key, options) => {
      const found = await get0(bucket, key, options)
      if (typeof options?.range === 'function') options.range({ ...found.info, lengthBytes: 3 })
      return found
    })
    try {
      const { headers, body } = await get('/vault/digits')
      expect([headers['content-length'], body]).toEqual(['10', '0123456789'])
    } finally {
      opened.mockRestore()
    }
  })

  test('has no bytes read for whoever has it already', async () => {
    const opened = vi.spyOn(running.store, 'get')
    try {
      expect((await get('/vault/digits', { 'if-none-match': '"ten"' })).status).toBe(304)
      expect(await opened.mock.results[0]?.value).toMatchObject({ fromByte: 0, toByte: 0 })
    } finally {
      opened.mockRestore()
    }
  })
})

describe('a range', () => {
  test('is heeded while the object is the one that was begun', async () => {
    const range = { range: 'bytes=5-' }
    const { headers } = await get('/vault/digits')
    const modified = headers['last-modified'] ?? ''
    const statuses = [
      await get('/vault/digits', { ...range, 'if-range': '"ten"' }),
      await get('/vault/digits', { ...range, 'if-range': '"eleven"' }),
      await get('/vault/digits', { ...range, 'if-range': modified }),
      await get('/vault/digits', { ...range, 'if-range': new Date(0).toUTCString() }),
    ].map(({ status, body }) => [status, body])
    expect(statuses).toEqual([
      [206, '56789'],
      [200, '0123456789'],
      [206, '56789'],
      [200, '0123456789'],
    ])
  })
})

test('an object that is replaced while it is opened comes whole, under its own tag', async () => {
  const { store } = running
  await store.put('vault', 'moving', [Buffer.from('a long beginning')], { etag: () => 'old' })
  const opened = store.get
  let replaced = 0
  store.get = async (...args) => {
    replaced += 1
    if (replaced === 1) await store.put('vault', 'moving', [Buffer.from('short')], { etag: () => 'new' })
    return opened.apply(store, args)
  }
  const answer = await get('/vault/moving', { range: 'bytes=3-' })
  store.get = opened
  expect([answer.headers.etag, answer.headers['content-range'], answer.body]).toEqual(['"new"', 'bytes 3-4/5', 'rt'])
})

test('metadata that no header can hold is counted, and none gets out of its header', async () => {
  await running.store.put('vault', 'odd', [], {
    contentType: 'text/plain\r\nset-cookie: x=1',
    metadata: { good: 'grün', 'bad name': 'x', split: 'a\r\nset-cookie: x=1', 'http:expires': 'never' },
  })
  const { headers } = await get('/vault/odd')
  expect(headers['set-cookie']).toBeUndefined()
  expect(headers['x-amz-missing-meta']).toBe('2')
  expect(headers['content-type']).toBe('binary/octet-stream')
  expect(headers.expires).toBe('never')
  expect(Buffer.from(String(headers['x-amz-meta-good']), 'latin1').toString()).toBe('grün')
})

test('names that objects of JavaScript have are names like others', async () => {
  const put = (headers: Readonly<Record<string, string>>, payloadHash?: string) =>
    call(running, { method: 'PUT', target: '/vault/names', body: 'x', headers, ...(payloadHash && { payloadHash }) })
  const names = { 'x-amz-meta-__proto__': 'one', 'x-amz-meta-constructor': 'two' }
  expect((await put(names)).status).toBe(200)
  expect((await get('/vault/names')).headers).toMatchObject(names)
  expect(codeOf(await put({ 'x-amz-checksum-constructor': 'AAAA' }))).toBe('NotImplemented')
  expect(codeOf(await put({}, 'constructor'))).toBe('InvalidArgument')
  expect(codeOf(await get('/vault?__proto__'))).toBeUndefined()
})

describe('options', () => {
  test('come with reasons for their defaults, and are refused when they are misspelt or have no key', () => {
    const credentials = [running.credentials]
    expect(s3GatewayOptionsSchema.parse({ credentials })).toMatchObject({ host: '127.0.0.1', port: 0 })
    expect(() => s3GatewayOptionsSchema.parse({ credentials: [] })).toThrow()
    expect(() => s3GatewayOptionsSchema.parse({ credentials, prot: 1 })).toThrow('prot')
  })

  test('new credentials are of the form that clients take, and never the same', () => {
    const { clock, store } = running
    const made = Array.from({ length: 50 }, (_, index) =>
      createS3Credentials({ bytes: (length) => new Uint8Array(length).fill(index * 5), fraction: () => 0 }),
    )
    expect(new Set(made.map(({ secretAccessKey }) => secretAccessKey)).size).toBe(50)
    for (const credentials of made) {
      expect(credentials.accessKeyId).toMatch(/^[A-Z2-7]{20}$/)
      expect(credentials.secretAccessKey).toHaveLength(40)
      const random = { bytes: (length: number) => new Uint8Array(length), fraction: () => 0 }
      expect(
        () => new S3Gateway({ store, clock, random, logger: silentLogger }, { credentials: [credentials] }),
      ).not.toThrow()
    }
  })
})
