import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { EMPTY_SHA256, scopeText, sha256Hex, sign, signingKey } from '../src/s3/auth/signature.ts'
import { ChunkedBody } from '../src/s3/body/chunked-body.ts'
import { amzTime, call, codeOf, type RawAnswer, send, signRequest } from './signing-client.ts'
import { type RunningGateway, startGateway } from './system-ports.ts'

const SHA1_OF_ABC = 'qZk+NkcGgWq6PiVxeFDCbJzQ2J0='
const SIGNED = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD'
const SIGNED_TRAILER = 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER'
const UNSIGNED_TRAILER = 'STREAMING-UNSIGNED-PAYLOAD-TRAILER'
/** `npm run nightly -- s3-chunks` asks for more. */
const RUNS = Number(process.env.STEAD_FUZZ_PROGRAMS ?? 100)
let running: RunningGateway

beforeAll(async () => {
  running = await startGateway()
  await running.store.createBucket('vault')
})
afterAll(() => running.gateway.stop())

interface StreamedPut {
  readonly parts: readonly string[]
  readonly payloadHash?: string
  readonly decodedBytes?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly trailer?: string
  /** Spoils the chunks, each with its line, when they are signed. */
  readonly spoil?: (chunks: string[]) => readonly string[]
}

/** Puts a body in chunks as a client would, after `spoil` had its way. */
async function put(streamed: StreamedPut): Promise<RawAnswer> {
  const { parts, payloadHash = SIGNED, trailer = '', spoil = (chunks) => chunks } = streamed
  const signedAtMs = running.clock.now()
  const decodedBytes = streamed.decodedBytes ?? Buffer.byteLength(parts.join(''))
  const request = signRequest(running, {
    method: 'PUT',
    target: '/vault/streamed',
    payloadHash,
    signedAtMs,
    headers: {
      'content-encoding': 'aws-chunked,gzip',
      'x-amz-decoded-content-length': String(decodedBytes),
      ...streamed.headers,
    },
  })
  const scope = { date: amzTime(signedAtMs).slice(0, 8), region: 'us-east-1' }
  const key = signingKey(running.credentials.secretAccessKey, scope)
  let previous = /Signature=(\w+)/.exec(request.headers.authorization ?? '')?.[1] ?? ''
  const signNext = (kind: string, ...hashes: readonly string[]): string => {
    previous = sign(key, [kind, amzTime(signedAtMs), scopeText(scope), previous, ...hashes])
    return previous
  }
  const chunks = [...parts, ''].map((part) => {
    const size = Buffer.byteLength(part).toString(16)
    const end = part === '' && payloadHash !== SIGNED ? '' : '\r\n'
    if (payloadHash === UNSIGNED_TRAILER) return `${size}\r\n${part}${end}`
    const signature = signNext('AWS4-HMAC-SHA256-PAYLOAD', EMPTY_SHA256, sha256Hex(Buffer.from(part)))
    return `${size};chunk-signature=${signature}\r\n${part}${end}`
  })
  const tail = trailer === '' ? '' : `${trailer}\r\n`
  const signature =
    payloadHash === SIGNED_TRAILER
      ? `x-amz-trailer-signature:${signNext('AWS4-HMAC-SHA256-TRAILER', sha256Hex(`${trailer}\n`))}\r\n`
      : ''
  const end = payloadHash === SIGNED ? '' : `${tail}${signature}\r\n`
  return send(running, { ...request, body: [...spoil(chunks), end].join('') })
}

async function isStored(): Promise<boolean> {
  return (await running.store.head('vault', 'streamed')) !== undefined
}

const parts = ['first '.repeat(3000), 'second '.repeat(3000), 'third']
const swapped = ([one = '', two = '', ...more]: string[]): string[] => [two, one, ...more]

describe('a body in signed chunks', () => {
  test.each<[string, StreamedPut, string]>([
    ['in another order', { parts, spoil: swapped }, 'SignatureDoesNotMatch'],
    [
      'without one of them',
      { parts, spoil: (chunks) => chunks.filter((_, index) => index !== 1) },
      'SignatureDoesNotMatch',
    ],
    ['with one twice', { parts, spoil: ([one = '', ...more]) => [one, one, ...more] }, 'SignatureDoesNotMatch'],
    [
      'with a letter changed',
      { parts, spoil: (chunks) => chunks.map((chunk) => chunk.replace('third', 'turds')) },
      'SignatureDoesNotMatch',
    ],
    ['that ends before its last chunk', { parts, spoil: (chunks) => chunks.slice(0, -1) }, 'IncompleteBody'],
    ['that ends within a chunk', { parts, spoil: ([one = '']) => [one.slice(0, 500)] }, 'IncompleteBody'],
    ['that ends within a line', { parts, spoil: ([one = '']) => [one.slice(0, 50)] }, 'IncompleteBody'],
    ['of nothing', { parts, spoil: () => [] }, 'IncompleteBody'],
    ['with something behind it', { parts, spoil: (chunks) => [...chunks, 'more\r\n'] }, 'InvalidRequest'],
    ['longer than it says', { parts, decodedBytes: 100 }, 'IncompleteBody'],
    ['shorter than it says', { parts, decodedBytes: 1_000_000 }, 'IncompleteBody'],
    ['that does not say its length', { parts, headers: { 'x-amz-decoded-content-length': 'x' } }, 'InvalidArgument'],
    [
      'without signatures',
      { parts, spoil: (chunks) => chunks.map((chunk) => chunk.replace(/;chunk-signature=\w+/, '')) },
      'InvalidRequest',
    ],
    [
      'of a size that is none',
      { parts, spoil: ([, ...more]) => [`-5;chunk-signature=${'0'.repeat(64)}\r\n`, ...more] },
      'InvalidRequest',
    ],
    ['of a line without end', { parts, spoil: () => ['1'.repeat(100_000)] }, 'InvalidRequest'],
    [
      'with no end of its chunks',
      { parts, spoil: (chunks) => chunks.map((chunk) => chunk.replace(/\r\n$/, 'xx')) },
      'InvalidRequest',
    ],
  ])('%s is refused, and nothing is stored', async (_name, streamed, code) => {
    expect(codeOf(await put(streamed))).toBe(code)
    expect(await isStored()).toBe(false)
  })

  test('is stored as it was signed, without the coding of its chunks', async () => {
    expect((await put({ parts })).status).toBe(200)
    const got = await call(running, { method: 'GET', target: '/vault/streamed' })
    expect(got.body).toBe(parts.join(''))
    expect(got.headers['content-encoding']).toBe('gzip')
    await running.store.delete('vault', 'streamed')
  })
})

describe('a body with a checksum behind it', () => {
  const crc32OfAbc = 'NSRBwg=='
  const declared = { 'x-amz-trailer': 'x-amz-checksum-crc32' }
  const trailer = `x-amz-checksum-crc32:${crc32OfAbc}`
  const good = { parts: ['abc'], headers: declared, trailer }

  test.each([SIGNED_TRAILER, UNSIGNED_TRAILER])('%s is stored, and the checksum told', async (payloadHash) => {
    const answer = await put({ ...good, payloadHash })
    expect(answer.status).toBe(200)
    expect(answer.headers['x-amz-checksum-crc32']).toBe(crc32OfAbc)
    expect(await isStored()).toBe(true)
    await running.store.delete('vault', 'streamed')
  })

  test.each<[string, StreamedPut, string]>([
    ['a wrong one', { ...good, parts: ['abd'], payloadHash: UNSIGNED_TRAILER }, 'BadDigest'],
    ['a wrong one that is signed', { ...good, parts: ['abd'], payloadHash: SIGNED_TRAILER }, 'BadDigest'],
    ['none', { ...good, trailer: '', payloadHash: UNSIGNED_TRAILER }, 'InvalidRequest'],
    [
      'one of another length',
      { ...good, trailer: 'x-amz-checksum-crc32:AAAA', payloadHash: UNSIGNED_TRAILER },
      'InvalidRequest',
    ],
    [
      'another one than it said',
      { ...good, trailer: 'x-amz-checksum-sha1:AAAA', payloadHash: UNSIGNED_TRAILER },
      'InvalidRequest',
    ],
    ['one that nobody knows', { ...good, headers: { 'x-amz-trailer': 'x-amz-checksum-rot13' } }, 'NotImplemented'],
    [
      'two',
      { ...good, headers: { ...declared, 'x-amz-checksum-sha1': SHA1_OF_ABC }, payloadHash: UNSIGNED_TRAILER },
      'InvalidRequest',
    ],
    ['one, but no trailer', { ...good, payloadHash: SIGNED }, 'InvalidRequest'],
    [
      'hundreds of lines',
      {
        ...good,
        trailer: [...Array.from({ length: 300 }, (_, index) => `x-${index}:y`), trailer].join('\r\n'),
        payloadHash: UNSIGNED_TRAILER,
      },
      'InvalidRequest',
    ],
  ])('%s: is refused, and nothing is stored', async (_name, streamed, code) => {
    expect(codeOf(await put(streamed))).toBe(code)
    expect(await isStored()).toBe(false)
  })

  test('that was exchanged together with its bytes does not fit the signature', async () => {
    const spoil = (chunks: string[]): string[] => chunks.map((chunk) => chunk.replace('abc', 'abd'))
    expect(codeOf(await put({ ...good, payloadHash: SIGNED_TRAILER, spoil }))).toBe('SignatureDoesNotMatch')
  })
})

describe('checks of a whole body', () => {
  test.each([
    ['content-md5', 'AAAAAAAAAAAAAAAAAAAAAA==', 'BadDigest'],
    ['content-md5', 'short', 'InvalidDigest'],
    ['x-amz-checksum-crc32', 'AAAAAA==', 'BadDigest'],
    ['x-amz-checksum-crc32c', 'AAAAAA==', 'BadDigest'],
    ['x-amz-checksum-crc64nvme', 'AAAAAAAAAAA=', 'BadDigest'],
    ['x-amz-checksum-sha1', 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'BadDigest'],
    ['x-amz-checksum-sha256', 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=', 'BadDigest'],
    ['x-amz-sdk-checksum-algorithm', 'CRC32', 'InvalidRequest'],
  ])('%s: %s is refused, and nothing is stored', async (name, value, code) => {
    const answer = await call(running, {
      method: 'PUT',
      target: '/vault/streamed',
      body: 'x',
      headers: { [name]: value },
    })
    expect(codeOf(answer)).toBe(code)
    expect(await isStored()).toBe(false)
  })

  test('a hash that is none is refused', async () => {
    const raw = { method: 'PUT', target: '/vault/streamed', body: 'x' }
    expect(codeOf(await call(running, { ...raw, payloadHash: 'deadbeef' }))).toBe('InvalidArgument')
    const curve = 'STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD'
    expect(codeOf(await call(running, { ...raw, payloadHash: curve }))).toBe('NotImplemented')
  })
})

test('chunks are decoded the same however the wire cuts them', async () => {
  const pieces = fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 8 })
  await fc.assert(
    fc.asyncProperty(pieces, fc.infiniteStream(fc.integer({ min: 1, max: 64 })), async (chunks, cuts) => {
      const lines = chunks.flatMap((chunk) => [
        Buffer.from(`${chunk.length.toString(16)}\r\n`),
        chunk,
        Buffer.from('\r\n'),
      ])
      const wire = Buffer.concat([...lines, Buffer.from('0\r\n\r\n')])
      async function* cut(): AsyncGenerator<Uint8Array> {
        for (let at = 0; at < wire.length; ) {
          const length = cuts.next().value ?? 1
          yield wire.subarray(at, at + length)
          at += length
        }
      }
      const plain = Buffer.concat(chunks)
      const body = new ChunkedBody(cut(), { seed: undefined, hasTrailer: true, decodedBytes: plain.length })
      const got: Uint8Array[] = []
      for await (const part of body.bytes()) got.push(Uint8Array.from(part))
      expect(Buffer.concat(got).equals(plain)).toBe(true)
    }),
    { numRuns: RUNS },
  )
}, 600_000)
