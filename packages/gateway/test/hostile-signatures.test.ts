import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { call, codeOf, presign, type SignedRequest, send, signRequest } from './signing-client.ts'
import { type RunningGateway, startGateway } from './system-ports.ts'

const MINUTE_MS = 60_000
let running: RunningGateway

beforeAll(async () => {
  running = await startGateway()
  await running.store.createBucket('vault')
  await running.store.put('vault', 'secret', [Buffer.from('treasure')])
})
beforeEach(() => {
  running.clock.aheadMs = 0
})
afterAll(() => running.gateway.stop())

const getSecret = { method: 'GET', target: '/vault/secret' }
const putSecret = { method: 'PUT', target: '/vault/secret', body: 'replaced' }
const spoil = (request: SignedRequest, changes: Partial<SignedRequest>): SignedRequest => ({ ...request, ...changes })

async function secretIsUntouched(): Promise<void> {
  expect((await call(running, getSecret)).body).toBe('treasure')
}

describe('who has no key', () => {
  test('learns nothing, not even which buckets there are', async () => {
    const answers = await Promise.all(
      ['/', '/vault', '/nowhere', '/vault/secret', '/vault?policy'].map((target) =>
        send(running, { method: 'GET', target, headers: {}, body: '' }),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 403])
    expect(new Set(answers.map(codeOf))).toEqual(new Set(['AccessDenied']))
  })

  test('is told apart by a key that is not known, and by a secret that is another', async () => {
    const other = { ...running, credentials: { accessKeyId: 'A'.repeat(20), secretAccessKey: 'x'.repeat(40) } }
    expect(codeOf(await call(other, getSecret))).toBe('InvalidAccessKeyId')
    const { accessKeyId } = running.credentials
    const guessed = { ...running, credentials: { accessKeyId, secretAccessKey: 'x'.repeat(40) } }
    expect(codeOf(await call(guessed, getSecret))).toBe('SignatureDoesNotMatch')
  })

  test.each([
    ['an old kind of signature', { authorization: 'AWS AKIA:c2lnbmF0dXJl' }, 'InvalidRequest'],
    ['another algorithm', { authorization: 'AWS4-ECDSA-P256-SHA256 Credential=x' }, 'AuthorizationHeaderMalformed'],
    ['nonsense', { authorization: 'AWS4-HMAC-SHA256 ,,,=,' }, 'InvalidRequest'],
    [
      'nonsense with a hash',
      { authorization: 'AWS4-HMAC-SHA256 ,,,=,', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
      'AuthorizationHeaderMalformed',
    ],
  ])('is refused with %s', async (_name, headers, code) => {
    expect(codeOf(await send(running, { ...getSecret, headers, body: '' }))).toBe(code)
  })
})

describe('a signed request', () => {
  test('cannot be made another one', async () => {
    const signed = signRequest(running, { ...putSecret, headers: { 'x-amz-meta-note': 'mine' } })
    const spoilt: readonly SignedRequest[] = [
      spoil(signed, { method: 'DELETE' }),
      spoil(signed, { target: '/vault/secret2' }),
      spoil(signed, { target: '/vault/%73ecret2' }),
      spoil(signed, { target: '/vault/secret?versionId=null' }),
      spoil(signed, { headers: { ...signed.headers, 'x-amz-meta-note': 'theirs' } }),
      spoil(signed, { headers: { ...signed.headers, host: 'elsewhere.localhost' } }),
      spoil(signed, {
        headers: { ...signed.headers, authorization: (signed.headers.authorization ?? '').replace(/.$/, '0') },
      }),
    ]
    const first = signed.headers.authorization?.endsWith('0') === true ? spoilt.slice(0, -1) : spoilt
    const answers = await Promise.all(first.map((request) => send(running, request)))
    expect(new Set(answers.map(codeOf))).toEqual(new Set(['SignatureDoesNotMatch']))
    await secretIsUntouched()
  })

  test('takes no header of S3 that was not signed', async () => {
    const signed = signRequest(running, putSecret)
    const answer = await send(
      running,
      spoil(signed, { headers: { ...signed.headers, 'x-amz-copy-source': '/vault/other' } }),
    )
    expect(answer.body).toContain('<HeadersNotSigned>x-amz-copy-source</HeadersNotSigned>')
    await secretIsUntouched()
  })

  test('takes no second value of a signed header', async () => {
    const signed = signRequest(running, { ...putSecret, headers: { 'x-amz-meta-note': 'mine' } })
    const headers = { ...signed.headers, 'X-Amz-Meta-Note': 'theirs' }
    expect(codeOf(await send(running, spoil(signed, { headers })))).toBe('SignatureDoesNotMatch')
  })

  test('does not take another body, and nothing of it is stored', async () => {
    const signed = signRequest(running, putSecret)
    expect(codeOf(await send(running, spoil(signed, { body: 'exchanged' })))).toBe('XAmzContentSHA256Mismatch')
    await secretIsUntouched()
  })

  test.each([
    ['14 minutes old', 14, undefined],
    ['16 minutes old', 16, 'RequestTimeTooSkewed'],
    ['from in 14 minutes', -14, undefined],
    ['from in 16 minutes', -16, 'RequestTimeTooSkewed'],
  ])('that is %s is played again', async (_name, minutes, code) => {
    const signed = signRequest(running, getSecret)
    running.clock.aheadMs = minutes * MINUTE_MS
    expect(codeOf(await send(running, signed))).toBe(code)
  })

  test('is of the day that its credential says, even when it was signed so', async () => {
    expect(codeOf(await call(running, { ...getSecret, scopeDate: '20200101' }))).toBe('SignatureDoesNotMatch')
  })

  test('is signed in one place, and without tokens', async () => {
    const signed = signRequest(running, getSecret)
    const twice = spoil(signed, { target: presign(running, getSecret, 60) })
    expect(codeOf(await send(running, twice))).toBe('InvalidArgument')
    const token = { 'x-amz-security-token': 'session' }
    expect(codeOf(await call(running, { ...getSecret, headers: token }))).toBe('InvalidToken')
  })

  test('names host among its headers, sorted and in lower case', async () => {
    for (const names of ['x-amz-content-sha256;x-amz-date', 'x-amz-date;host', 'Host;x-amz-date']) {
      const signed = signRequest(running, getSecret)
      const authorization = (signed.headers.authorization ?? '').replace(
        /SignedHeaders=[^,]*/,
        `SignedHeaders=${names}`,
      )
      const answer = await send(running, spoil(signed, { headers: { ...signed.headers, authorization } }))
      expect(codeOf(answer)).toBe('AuthorizationHeaderMalformed')
    }
  })
})

describe('a presigned address', () => {
  const fetchSigned = (target: string, method = 'GET') =>
    send(running, { method, target, headers: {}, body: method === 'PUT' ? 'replaced' : '' })

  test('is good until it expires, for that method and key alone', async () => {
    const target = presign(running, getSecret, 120)
    expect((await fetchSigned(target)).body).toBe('treasure')
    expect(codeOf(await fetchSigned(target, 'PUT'))).toBe('SignatureDoesNotMatch')
    expect(codeOf(await fetchSigned(target.replace('/vault/secret', '/vault/other')))).toBe('SignatureDoesNotMatch')
    expect(codeOf(await fetchSigned(target.replace('Expires=120', 'Expires=900')))).toBe('SignatureDoesNotMatch')
    expect(codeOf(await fetchSigned(`${target}&versionId=null`))).toBe('SignatureDoesNotMatch')
    running.clock.aheadMs = 119_000
    expect((await fetchSigned(target)).body).toBe('treasure')
    running.clock.aheadMs = 122_000
    expect((await fetchSigned(target)).body).toContain('The request has expired.')
  })

  test('is not good before its time, nor for more than a week', async () => {
    const later = presign(running, { ...getSecret, signedAtMs: running.clock.now() + 16 * MINUTE_MS }, 60)
    expect((await fetchSigned(later)).body).toContain('The request is not valid yet.')
    for (const seconds of [0, 604_801, -5, 1.5])
      expect(codeOf(await fetchSigned(presign(running, getSecret, seconds)))).toBe('AuthorizationQueryParametersError')
  })

  test('names each of its fields once', async () => {
    const target = presign(running, getSecret, 60)
    expect(codeOf(await fetchSigned(`${target}&X-Amz-Expires=600000`))).toBe('AuthorizationQueryParametersError')
    expect(codeOf(await fetchSigned(target.replace(/&X-Amz-Signature=.*/, '')))).toBe(
      'AuthorizationQueryParametersError',
    )
  })

  test('of an upload stores what comes', async () => {
    const target = presign(running, { method: 'PUT', target: '/vault/sent' }, 60)
    expect((await fetchSigned(target, 'PUT')).status).toBe(200)
    expect((await call(running, { method: 'GET', target: '/vault/sent' })).body).toBe('replaced')
  })
})
