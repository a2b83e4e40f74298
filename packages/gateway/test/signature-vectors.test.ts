import type { IncomingMessage } from 'node:http'
import type { UnixMs } from '@stead/core'
import { describe, expect, test } from 'vitest'
import { authenticate } from '../src/s3/auth/authenticate.ts'
import { expectedChecksum, settleChecksum } from '../src/s3/body/checksum.ts'
import { ChunkedBody } from '../src/s3/body/chunked-body.ts'
import { readRequest, type S3Request } from '../src/s3/s3-request.ts'

// Inputs and signatures from the public documentation of AWS: "Authenticating Requests: Using the Authorization
// Header", "… Using Query Parameters", "Signature Calculations: Transferring Payload in Multiple Chunks", and "… with
// trailing headers".
const CREDENTIALS = [
  { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY' },
]
const NOW = Date.UTC(2013, 4, 24, 0, 5) as UnixMs
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
const DOMAIN = ['s3.amazonaws.com']

function request(method: string, url: string, headers: Readonly<Record<string, string>>): S3Request {
  const rawHeaders = Object.entries(headers).flat()
  return readRequest({ method, url, rawHeaders } as unknown as IncomingMessage, DOMAIN)
}

function authorization(signedHeaders: string, signature: string): string {
  const credential = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'
  return `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${signedHeaders},Signature=${signature}`
}

const ofBucket = { Host: 'examplebucket.s3.amazonaws.com', 'x-amz-date': '20130524T000000Z' }

describe('the signatures that AWS documents hold', () => {
  const examples: readonly [string, S3Request][] = [
    [
      'GetObject of a range',
      request('GET', '/test.txt', {
        ...ofBucket,
        Authorization: authorization(
          'host;range;x-amz-content-sha256;x-amz-date',
          'f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41',
        ),
        Range: 'bytes=0-9',
        'x-amz-content-sha256': EMPTY,
      }),
    ],
    [
      'PutObject of a key with a dollar sign',
      request('PUT', '/test$file.text', {
        ...ofBucket,
        Date: 'Fri, 24 May 2013 00:00:00 GMT',
        Authorization: authorization(
          'date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class',
          '98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd',
        ),
        'x-amz-storage-class': 'REDUCED_REDUNDANCY',
        'x-amz-content-sha256': '44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072',
      }),
    ],
    [
      'GetBucketLifecycle, a name without a value',
      request('GET', '/?lifecycle', {
        ...ofBucket,
        Authorization: authorization(
          'host;x-amz-content-sha256;x-amz-date',
          'fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543',
        ),
        'x-amz-content-sha256': EMPTY,
      }),
    ],
    [
      'ListObjects',
      request('GET', '/?max-keys=2&prefix=J', {
        ...ofBucket,
        Authorization: authorization(
          'host;x-amz-content-sha256;x-amz-date',
          '34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7',
        ),
        'x-amz-content-sha256': EMPTY,
      }),
    ],
    [
      'a presigned GetObject',
      request(
        'GET',
        '/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404',
        { Host: 'examplebucket.s3.amazonaws.com' },
      ),
    ],
  ]

  test.each(examples)('%s', (_name, example) => {
    expect(authenticate(example, CREDENTIALS, NOW)).toMatchObject({ accessKeyId: 'AKIAIOSFODNN7EXAMPLE' })
    expect(example.bucket).toBe('examplebucket')
  })
})

const CHUNKED = {
  Host: 's3.amazonaws.com',
  'x-amz-date': '20130524T000000Z',
  'x-amz-storage-class': 'REDUCED_REDUNDANCY',
  'Content-Encoding': 'aws-chunked',
  'x-amz-decoded-content-length': '66560',
}
const SIGNED_CHUNKED =
  'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class'
const first = 'a'.repeat(65_536)
const second = 'a'.repeat(1024)

async function* once(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text)
}

async function lengthOf(body: ChunkedBody): Promise<number> {
  let lengthBytes = 0
  for await (const part of body.bytes()) lengthBytes += part.length
  return lengthBytes
}

describe('the chunk signatures that AWS documents hold', () => {
  test('of a body in three chunks', async () => {
    const { seed } = authenticate(
      request('PUT', '/examplebucket/chunkObject.txt', {
        ...CHUNKED,
        Authorization: authorization(
          SIGNED_CHUNKED,
          '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
        ),
        'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
        'Content-Length': '66824',
      }),
      CREDENTIALS,
      NOW,
    )
    const wire = [
      `10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n${first}\r\n`,
      `400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n${second}\r\n`,
      '0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n',
    ].join('')
    expect(wire).toHaveLength(66_824)
    const body = new ChunkedBody(once(wire), { seed, hasTrailer: false, decodedBytes: 66_560 })
    expect(await lengthOf(body)).toBe(66_560)
  })

  test('of a body with a checksum behind it', async () => {
    const put = request('PUT', '/examplebucket/chunkObject.txt', {
      ...CHUNKED,
      Authorization: authorization(
        'content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer',
        '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
      ),
      'x-amz-content-sha256': 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
      'x-amz-trailer': 'x-amz-checksum-crc32c',
    })
    const { seed } = authenticate(put, CREDENTIALS, NOW)
    const wire = [
      `10000;chunk-signature=b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2\r\n${first}\r\n`,
      `400;chunk-signature=1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7\r\n${second}\r\n`,
      '0;chunk-signature=2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992\r\n',
      'x-amz-checksum-crc32c:sOO8/Q==\n\r\n',
      'x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n',
    ].join('')
    const body = new ChunkedBody(once(wire), { seed, hasTrailer: true, decodedBytes: 66_560 })
    expect(await lengthOf(body)).toBe(66_560)
    const checksum = await expectedChecksum(put)
    if (checksum === undefined) throw new Error('no checksum')
    checksum.running.update(Buffer.from(first))
    checksum.running.update(Buffer.from(second))
    expect(settleChecksum(checksum, body.trailers)).toBe('sOO8/Q==')
  })
})

describe('checksums of "123456789"', () => {
  test.each([
    ['crc32', 'cbf43926'],
    ['crc32c', 'e3069283'],
    ['crc64nvme', 'ae8b14860a799888'],
    ['sha1', 'f7c3bc1d808e04732adf679965ccc34ca7ae3441'],
    ['sha256', '15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225'],
  ])('%s is the published one', async (name, hex) => {
    const value = Buffer.from(hex, 'hex').toString('base64')
    const checksum = await expectedChecksum(request('PUT', '/b/k', { [`x-amz-checksum-${name}`]: value }))
    if (checksum === undefined) throw new Error('no checksum')
    checksum.running.update(Buffer.from('12345'))
    checksum.running.update(Buffer.from('6789'))
    expect(settleChecksum(checksum, new Map())).toBe(value)
  })
})
