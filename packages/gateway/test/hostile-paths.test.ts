import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { percentEncodePath } from '../src/s3/http/percent-coding.ts'
import { call, codeOf, type RawRequest, send, signRequest } from './signing-client.ts'
import { type RunningGateway, startGateway } from './system-ports.ts'

/** `npm run nightly -- s3-keys` asks for more. */
const RUNS = Number(process.env.STEAD_FUZZ_PROGRAMS ?? 60)
let running: RunningGateway

beforeAll(async () => {
  running = await startGateway()
  await running.store.createBucket('vault')
  await running.store.createBucket('other')
  await running.store.put('other', 'secret', [Buffer.from('treasure')])
})
afterAll(() => running.gateway.stop())

const put = (target: string, more: Partial<RawRequest> = {}) =>
  call(running, { method: 'PUT', target, body: 'x', ...more })

async function keys(): Promise<readonly string[]> {
  const { objects } = await running.store.list('vault', { limit: 1000 })
  return objects.map(({ key }) => key)
}

describe('a path', () => {
  test.each([
    ['/vault/../other/secret', '../other/secret'],
    ['/vault/%2e%2e/other/secret', '../other/secret'],
    ['/vault/%2E%2E%2Fother%2Fsecret', '../other/secret'],
    ['/vault/..%5cother%5csecret', '..\\other\\secret'],
    ['/vault//other/secret', '/other/secret'],
    ['/vault/.', '.'],
    ['/vault/%252e%252e', '%2e%2e'],
    ['/vault/a%00b'.replace('%00', '%01'), 'a\u0001b'],
    ['/vault/a%0d%0aset-cookie:%20x', 'a\r\nset-cookie: x'],
    ['/vault/%F0%9F%98%80', '😀'],
  ])('%s is a key of its bucket, no way out of it', async (target, key) => {
    expect((await put(target)).status).toBe(200)
    expect(await keys()).toContain(key)
    expect((await call(running, { method: 'GET', target })).body).toBe('x')
    expect((await call(running, { method: 'GET', target: '/other/secret' })).body).toBe('treasure')
  })

  test.each([
    ['/vault/%00', 'InvalidURI'],
    ['/vault/%ff', 'InvalidURI'],
    ['/vault/%c0%ae', 'InvalidURI'],
    ['/vault/%ed%a0%80', 'InvalidURI'],
    ['/vault/%zz', 'InvalidURI'],
    ['/vault/%', 'InvalidURI'],
    [`/vault/${'k'.repeat(1025)}`, 'KeyTooLongError'],
    ['//vault', 'InvalidBucketName'],
    ['/../vault', 'InvalidBucketName'],
    ['/VAULT/x', 'InvalidBucketName'],
    ['/192.168.5.4', 'InvalidBucketName'],
    ['/a..b', 'InvalidBucketName'],
  ])('%s is refused', async (target, code) => {
    const before = await keys()
    // What cannot be read cannot be signed either: these are sent with the signature of another path.
    const signed = signRequest(running, {
      method: 'PUT',
      target: code === 'InvalidURI' || code === 'KeyTooLongError' ? '/vault' : target,
    })
    expect(codeOf(await send(running, { ...signed, target }))).toBe(code)
    expect(await keys()).toEqual(before)
  })

  test('that is a whole address is read as its path', async () => {
    expect((await call(running, { method: 'GET', target: 'http://evil.example/other/secret' })).body).toBe('treasure')
  })

  test('holds any text as a key, and gives it back in a list', async () => {
    const key = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((text) => !text.includes('\0'))
    await fc.assert(
      fc.asyncProperty(key, async (text) => {
        const target = `/vault/${percentEncodePath(text)}`
        expect((await put(target)).status).toBe(200)
        const asked = `/vault?list-type=2&encoding-type=url&prefix=${encodeURIComponent(text)}`
        const list = await call(running, { method: 'GET', target: asked })
        const found = [...list.body.matchAll(/<Key>([^<]*)<\/Key>/g)].map(([, spelt = '']) => decodeURIComponent(spelt))
        expect(found).toContain(text)
        expect((await call(running, { method: 'DELETE', target })).status).toBe(204)
      }),
      { numRuns: RUNS },
    )
  }, 600_000)
})

describe('a host', () => {
  const port = () => new URL(running.endpoint).port
  const ofHost = (host: string, target: string) => call(running, { method: 'GET', target, headers: { host } })

  test('names the bucket below our domain, and only there', async () => {
    expect((await ofHost(`other.localhost:${port()}`, '/secret')).body).toBe('treasure')
    expect((await ofHost(`OTHER.localhost`, '/secret')).body).toBe('treasure')
    expect((await ofHost('other.evil.example', '/other/secret')).body).toBe('treasure')
    expect(codeOf(await ofHost('localhost', '/secret'))).toBe('NoSuchBucket')
  })

  test('of another server changes nothing in the answers', async () => {
    const answer = await ofHost('evil.example', '/nowhere')
    expect(JSON.stringify([answer.headers, answer.body])).not.toContain('evil')
  })
})

describe('a copy source', () => {
  const copy = (source: string) => put('/vault/copied', { body: '', headers: { 'x-amz-copy-source': source } })

  test('is a key, in either spelling', async () => {
    for (const source of ['/other/secret', 'other/secret', 'other/%73ecret', '/other/secret?versionId=null']) {
      expect((await copy(source)).status).toBe(200)
      expect((await call(running, { method: 'GET', target: '/vault/copied' })).body).toBe('treasure')
    }
  })

  test.each([
    ['http://127.0.0.1/latest/meta-data', 'InvalidBucketName'],
    ['file:///etc/passwd', 'InvalidBucketName'],
    ['//169.254.169.254/latest', 'InvalidArgument'],
    ['arn:aws:s3:::other/secret', 'InvalidBucketName'],
    ['secret', 'InvalidArgument'],
    ['other/', 'InvalidArgument'],
    ['other/%00', 'InvalidArgument'],
    ['other/%ff', 'InvalidURI'],
    ['other/../vault/x', 'NoSuchKey'],
    ['nowhere/secret', 'NoSuchBucket'],
    [`other/${'k'.repeat(1025)}`, 'KeyTooLongError'],
    ['other/secret?versionId=none', 'NoSuchVersion'],
  ])('%s leads nowhere', async (source, code) => {
    expect(codeOf(await copy(source))).toBe(code)
  })
})

describe('a query', () => {
  test.each([
    ['PUT', '/vault/key?retention'],
    ['PUT', '/vault/key?legal-hold'],
    ['PUT', '/vault/key?tagging'],
    ['PUT', '/vault/key?unheard-of'],
    ['PUT', '/vault/key?uploadId=x'],
    ['PUT', '/vault?policy'],
    ['PUT', '/vault?lifecycle'],
    ['DELETE', '/vault?policy'],
    ['DELETE', '/vault/key?tagging'],
    ['POST', '/vault/key?restore'],
    ['POST', '/vault/key?select&select-type=2'],
    ['GET', '/vault/key?torrent'],
    ['GET', '/vault?inventory'],
  ])('%s %s is refused and not taken for something else', async (method, target) => {
    const answer = await call(running, { method, target, body: method === 'GET' ? '' : 'x' })
    expect([answer.status, codeOf(answer)]).toEqual([501, 'NotImplemented'])
    expect(await running.store.head('vault', 'key')).toBeUndefined()
  })

  test.each([
    ['/vault?list-type=3', 'InvalidArgument'],
    ['/vault?max-keys=-1', 'InvalidArgument'],
    ['/vault?max-keys=lots', 'InvalidArgument'],
    ['/vault?encoding-type=rot13', 'InvalidArgument'],
    ['/vault?list-type=2&continuation-token=', 'InvalidArgument'],
    ['/vault?list-type=2&continuation-token=made-up', 'InvalidArgument'],
    ['/vault?versions&version-id-marker=x', 'InvalidArgument'],
    ['/vault/key?response-content-type=a%0d%0ab', 'NoSuchKey'],
    ['/other/secret?response-content-type=a%0d%0aset-cookie:x', 'InvalidArgument'],
  ])('%s is refused', async (target, code) => {
    expect(codeOf(await call(running, { method: 'GET', target }))).toBe(code)
  })
})

describe('headers that ask for what is not here', () => {
  test.each([
    ['x-amz-acl', 'public-read', 'AccessControlListNotSupported'],
    ['x-amz-grant-read', 'uri="http://acs.amazonaws.com/groups/global/AllUsers"', 'AccessControlListNotSupported'],
    ['x-amz-server-side-encryption', 'aws:kms', 'NotImplemented'],
    ['x-amz-server-side-encryption-customer-key', 'a2V5', 'NotImplemented'],
    ['x-amz-storage-class', 'GLACIER', 'InvalidStorageClass'],
    ['x-amz-tagging', 'a=b', 'NotImplemented'],
    ['x-amz-object-lock-mode', 'COMPLIANCE', 'NotImplemented'],
    ['x-amz-website-redirect-location', 'http://evil.example', 'NotImplemented'],
    ['x-amz-write-offset-bytes', '0', 'NotImplemented'],
    ['x-amz-expected-bucket-owner', '123456789012', 'AccessDenied'],
    ['if-none-match', '"etag"', 'NotImplemented'],
    ['x-amz-meta-long', 'x'.repeat(2048), 'MetadataTooLarge'],
  ])('%s: %s is refused, and nothing is stored', async (name, value, code) => {
    expect(codeOf(await put('/vault/asked', { headers: { [name]: value } }))).toBe(code)
    expect(await running.store.head('vault', 'asked')).toBeUndefined()
  })
})
