import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CopyObjectCommand,
  CreateBucketCommand,
  CreateMultipartUploadCommand,
  DeleteBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  type GetObjectCommandInput,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListMultipartUploadsCommand,
  ListObjectVersionsCommand,
  ListPartsCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  paginateListObjectsV2,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type RunningGateway, startGateway } from './system-ports.ts'

const MIB = 1024 * 1024
const Bucket = 'sdk'
let running: RunningGateway
let client: S3Client

beforeAll(async () => {
  running = await startGateway()
  const { endpoint, credentials } = running
  client = new S3Client({ endpoint, credentials, region: 'eu-west-3', forcePathStyle: true, maxAttempts: 1 })
  await client.send(new CreateBucketCommand({ Bucket }))
})
afterAll(async () => {
  client.destroy()
  await running.gateway.stop()
})

const put = (Key: string, Body: string | Readable, more: Partial<PutObjectCommandInput> = {}) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body, ...more }))
const get = (Key: string, more: Partial<GetObjectCommandInput> = {}) =>
  client.send(new GetObjectCommand({ Bucket, Key, ...more }))
const textOf = async (Key: string, more: Partial<GetObjectCommandInput> = {}) =>
  (await get(Key, more)).Body?.transformToString()

async function keysBelow(Prefix: string, more: { Delimiter?: string; MaxKeys?: number } = {}): Promise<string[]> {
  const found: string[] = []
  for await (const page of paginateListObjectsV2({ client }, { Bucket, Prefix, ...more })) {
    found.push(...(page.Contents ?? []).map(({ Key = '' }) => Key))
    found.push(...(page.CommonPrefixes ?? []).map(({ Prefix: common = '' }) => common))
  }
  return found
}

describe('objects', () => {
  test.each([
    'a b',
    '..',
    '../up',
    'a//b',
    '/root',
    './here/.',
    '%2e%2e/%2F',
    'a+b&c=d?e#f',
    `'"<>&;`,
    'ünï☃',
    '😀',
    'end/',
    'a\\b',
    'line\nbreak\ttab',
    '*!()~$@:,',
  ])('%j is a key like any other', async (name) => {
    const Key = `odd/${name}`
    await put(Key, name)
    expect(await textOf(Key)).toBe(name)
    expect(await client.send(new HeadObjectCommand({ Bucket, Key }))).toMatchObject({
      ContentLength: Buffer.byteLength(name),
    })
    expect(await keysBelow(Key)).toContain(Key)
    await client.send(
      new CopyObjectCommand({ Bucket, Key: 'copied', CopySource: `${Bucket}/${encodeURIComponent(Key)}` }),
    )
    expect(await textOf('copied')).toBe(name)
    await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key }] } }))
    await expect(get(Key)).rejects.toMatchObject({ name: 'NoSuchKey' })
  })

  test('of keys that XML cannot hold are read, and deleted one by one', async () => {
    const Key = 'odd/\u0001'
    await put(Key, 'x')
    expect(await textOf(Key)).toBe('x')
    await expect(
      client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: [{ Key }] } })),
    ).rejects.toMatchObject({ name: 'MalformedXML' })
    await client.send(new DeleteObjectCommand({ Bucket, Key }))
    await expect(get(Key)).rejects.toMatchObject({ name: 'NoSuchKey' })
  })

  test('keep what they are described by', async () => {
    const described = {
      ContentType: 'text/x-note; charset=utf-8',
      CacheControl: 'max-age=60',
      ContentDisposition: 'attachment; filename="a.txt"',
      ContentEncoding: 'identity',
      ContentLanguage: 'de',
      Metadata: { colour: 'blue', 'a-b.c': 'x  y' },
    }
    await put('described', 'x', described)
    expect(await get('described')).toMatchObject(described)
    await client.send(new CopyObjectCommand({ Bucket, Key: 'copied', CopySource: `${Bucket}/described` }))
    expect(await client.send(new HeadObjectCommand({ Bucket, Key: 'copied' }))).toMatchObject(described)
    await client.send(
      new CopyObjectCommand({
        Bucket,
        Key: 'copied',
        CopySource: `${Bucket}/copied`,
        MetadataDirective: 'REPLACE',
        ContentType: 'text/plain',
        Metadata: { shape: 'round' },
      }),
    )
    const replaced = await get('copied', { ResponseContentType: 'text/html', ResponseCacheControl: 'no-store' })
    expect(replaced).toMatchObject({ ContentType: 'text/html', CacheControl: 'no-store', Metadata: { shape: 'round' } })
    await expect(
      client.send(new CopyObjectCommand({ Bucket, Key: 'copied', CopySource: `${Bucket}/copied` })),
    ).rejects.toMatchObject({ name: 'InvalidRequest' })
  })

  test.each([
    ['bytes=0-0', '0', 'bytes 0-0/10'],
    ['bytes=2-4', '234', 'bytes 2-4/10'],
    ['bytes=7-', '789', 'bytes 7-9/10'],
    ['bytes=-3', '789', 'bytes 7-9/10'],
    ['bytes=-100', '0123456789', 'bytes 0-9/10'],
    ['bytes=8-100', '89', 'bytes 8-9/10'],
    ['bytes=5-2', '0123456789', undefined],
    ['bytes=0-1,4-5', '0123456789', undefined],
    ['lines=1-2', '0123456789', undefined],
  ])('give %s', async (Range, text, ContentRange) => {
    await put('digits', '0123456789')
    const got = await get('digits', { Range })
    expect([await got.Body?.transformToString(), got.ContentRange]).toEqual([text, ContentRange])
  })

  test.each(['bytes=10-', 'bytes=-0', 'bytes=99-100'])('have no %s', async (Range) => {
    await put('digits', '0123456789')
    await expect(get('digits', { Range })).rejects.toMatchObject({ name: 'InvalidRange' })
  })

  test('are read on conditions', async () => {
    const { ETag = '' } = await put('conditional', 'x')
    const [past, future] = [new Date(Date.now() - 60_000), new Date(Date.now() + 60_000)]
    const status = (more: Partial<GetObjectCommandInput>) =>
      get('conditional', more).then(
        () => 200,
        (error: { $metadata: { httpStatusCode: number } }) => error.$metadata.httpStatusCode,
      )
    expect(await status({ IfMatch: ETag })).toBe(200)
    expect(await status({ IfMatch: '"other"' })).toBe(412)
    expect(await status({ IfNoneMatch: ETag })).toBe(304)
    expect(await status({ IfNoneMatch: '"other"' })).toBe(200)
    expect(await status({ IfModifiedSince: past })).toBe(200)
    expect(await status({ IfModifiedSince: future })).toBe(304)
    expect(await status({ IfUnmodifiedSince: past })).toBe(412)
    expect(await status({ IfUnmodifiedSince: future })).toBe(200)
    expect(await status({ IfMatch: ETag, IfUnmodifiedSince: past })).toBe(200)
    expect(await status({ IfNoneMatch: '"other"', IfModifiedSince: future })).toBe(200)
  })

  test('are written on conditions: only one of many writers makes the object, only who knows it replaces it', async () => {
    const writers = await Promise.allSettled(
      ['a', 'b', 'c', 'd'].map((body) => put('once', body, { IfNoneMatch: '*' })),
    )
    expect(writers.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const { ETag } = await client.send(new HeadObjectCommand({ Bucket, Key: 'once' }))
    await put('once', 'next', { IfMatch: ETag })
    await expect(put('once', 'late', { IfMatch: ETag })).rejects.toMatchObject({ name: 'PreconditionFailed' })
    await expect(put('never', 'x', { IfMatch: ETag })).rejects.toMatchObject({ name: 'NoSuchKey' })
    expect(await textOf('once')).toBe('next')
    const copy = { Bucket, Key: 'other', CopySource: `${Bucket}/once` }
    await expect(client.send(new CopyObjectCommand({ ...copy, CopySourceIfMatch: '"other"' }))).rejects.toMatchObject({
      name: 'PreconditionFailed',
    })
    await expect(client.send(new DeleteObjectCommand({ Bucket, Key: 'once', IfMatch: ETag }))).rejects.toMatchObject({
      name: 'PreconditionFailed',
    })
  })

  test.each(['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const)('are checked by %s', async (algorithm) => {
    const text = 'checked '.repeat(10_000)
    await put('checked', text, { ChecksumAlgorithm: algorithm })
    expect(await textOf('checked')).toBe(text)
    await put('checked', Readable.from([Buffer.from(text)]), {
      ChecksumAlgorithm: algorithm,
      ContentLength: text.length,
    })
    expect(await textOf('checked')).toBe(text)
  })

  test('tell their attributes', async () => {
    const { ETag = '' } = await put('attributes', 'abc')
    const asked = { Bucket, Key: 'attributes', ObjectAttributes: ['ETag', 'ObjectSize'] as const }
    const found = await client.send(
      new GetObjectAttributesCommand({ ...asked, ObjectAttributes: [...asked.ObjectAttributes] }),
    )
    expect(found).toMatchObject({ ETag: ETag.replaceAll('"', ''), ObjectSize: 3 })
  })
})

describe('buckets', () => {
  test('are made, listed, and deleted when they are empty', async () => {
    await client.send(new CreateBucketCommand({ Bucket: 'second' }))
    await expect(client.send(new CreateBucketCommand({ Bucket: 'second' }))).rejects.toMatchObject({
      name: 'BucketAlreadyOwnedByYou',
    })
    const { Buckets = [] } = await client.send(new ListBucketsCommand({}))
    expect(Buckets.map(({ Name }) => Name)).toEqual(['sdk', 'second'])
    await client.send(new PutObjectCommand({ Bucket: 'second', Key: 'x', Body: 'x' }))
    await expect(client.send(new DeleteBucketCommand({ Bucket: 'second' }))).rejects.toMatchObject({
      name: 'BucketNotEmpty',
    })
    await client.send(new DeleteObjectCommand({ Bucket: 'second', Key: 'x' }))
    await client.send(new DeleteBucketCommand({ Bucket: 'second' }))
    await expect(client.send(new HeadBucketCommand({ Bucket: 'second' }))).rejects.toMatchObject({ name: 'NotFound' })
  })

  test('list thousands of keys in pages, rolled up or not, in the order of their bytes', async () => {
    const keys = Array.from({ length: 1200 }, (_, index) => `many/${index % 7}/${index} ☃`)
    await Promise.all(keys.map((key) => running.store.put(Bucket, key, [])))
    const sorted = keys.map((key) => Buffer.from(key)).sort(Buffer.compare)
    expect(await keysBelow('many/')).toEqual(sorted.map(String))
    expect(await keysBelow('many/', { MaxKeys: 91 })).toEqual(sorted.map(String))
    const rolled = Array.from({ length: 7 }, (_, index) => `many/${index}/`)
    expect(await keysBelow('many/', { Delimiter: '/', MaxKeys: 2 })).toEqual(rolled)
    const objects = keys.slice(0, 1000).map((Key) => ({ Key }))
    const { Deleted = [] } = await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: objects } }))
    expect(Deleted).toHaveLength(1000)
    const quietly = { Objects: keys.slice(1000).map((Key) => ({ Key })), Quiet: true }
    expect((await client.send(new DeleteObjectsCommand({ Bucket, Delete: quietly }))).Deleted).toBeUndefined()
    expect(await keysBelow('many/')).toEqual([])
  })

  test('keep versions when they are told to', async () => {
    const versioned = 'versions'
    await client.send(new CreateBucketCommand({ Bucket: versioned }))
    const place = { Bucket: versioned, Key: 'note' }
    await client.send(new PutObjectCommand({ ...place, Body: 'before' }))
    await client.send(
      new PutBucketVersioningCommand({ Bucket: versioned, VersioningConfiguration: { Status: 'Enabled' } }),
    )
    const { VersionId } = await client.send(new PutObjectCommand({ ...place, Body: 'first' }))
    await client.send(new PutObjectCommand({ ...place, Body: 'second' }))
    const marker = await client.send(new DeleteObjectCommand(place))
    expect(marker).toMatchObject({ DeleteMarker: true, VersionId: expect.any(String) })
    await expect(client.send(new HeadObjectCommand(place))).rejects.toMatchObject({
      $response: { headers: { 'x-amz-delete-marker': 'true' } },
    })
    await expect(client.send(new GetObjectCommand({ ...place, VersionId: marker.VersionId }))).rejects.toMatchObject({
      name: 'MethodNotAllowed',
    })
    await expect(client.send(new GetObjectCommand({ ...place, VersionId: 'none' }))).rejects.toMatchObject({
      name: 'NoSuchVersion',
    })
    const first = await client.send(new GetObjectCommand({ ...place, VersionId }))
    expect(await first.Body?.transformToString()).toBe('first')
    const versions: (string | undefined)[] = []
    let KeyMarker: string | undefined
    let VersionIdMarker: string | undefined
    do {
      const page = await client.send(
        new ListObjectVersionsCommand({ Bucket: versioned, MaxKeys: 1, KeyMarker, VersionIdMarker }),
      )
      versions.push(...[...(page.Versions ?? []), ...(page.DeleteMarkers ?? [])].map((version) => version.VersionId))
      KeyMarker = page.NextKeyMarker
      VersionIdMarker = page.NextVersionIdMarker
    } while (KeyMarker !== undefined)
    expect(versions).toHaveLength(4)
    expect(versions.at(-1)).toBe('null')
    await client.send(new DeleteObjectCommand({ ...place, VersionId: marker.VersionId }))
    const latest = await client.send(new GetObjectCommand(place))
    expect(await latest.Body?.transformToString()).toBe('second')
  })
})

describe('uploads in parts', () => {
  test('of a stream without a length', async () => {
    const bytes = randomBytes(12 * MIB + 17)
    const stream = Readable.from(bytes.toString('base64').match(/.{1,100000}/g) ?? [])
    const upload = new Upload({ client, params: { Bucket, Key: 'stream', Body: stream, ContentType: 'text/base64' } })
    expect(await upload.done()).toMatchObject({ ETag: expect.stringMatching(/-4"$/) })
    expect(await get('stream').then(({ ContentType }) => ContentType)).toBe('text/base64')
    expect(await textOf('stream')).toBe(bytes.toString('base64'))
  })

  test('are listed, with their parts, and given up', async () => {
    const place = { Bucket, Key: 'slow' }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(place))
    const parts = [1, 2, 5].map((PartNumber) =>
      client.send(new UploadPartCommand({ ...place, UploadId, PartNumber, Body: `part ${PartNumber}` })),
    )
    await Promise.all(parts)
    const listed = await client.send(new ListPartsCommand({ ...place, UploadId, MaxParts: 2 }))
    expect(listed).toMatchObject({
      IsTruncated: true,
      NextPartNumberMarker: '2',
      Parts: [{ PartNumber: 1 }, { PartNumber: 2 }],
    })
    const rest = await client.send(new ListPartsCommand({ ...place, UploadId, PartNumberMarker: '2' }))
    expect(rest).toMatchObject({ IsTruncated: false, Parts: [{ PartNumber: 5, Size: 6 }] })
    const { UploadId: other } = await client.send(new CreateMultipartUploadCommand({ Bucket, Key: 'slower' }))
    const uploads = await client.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'slow', MaxUploads: 1 }))
    expect(uploads).toMatchObject({ IsTruncated: true, Uploads: [{ Key: 'slow', UploadId }] })
    const { NextKeyMarker: KeyMarker, NextUploadIdMarker: UploadIdMarker } = uploads
    const more = await client.send(new ListMultipartUploadsCommand({ Bucket, KeyMarker, UploadIdMarker }))
    expect(more.Uploads).toMatchObject([{ Key: 'slower', UploadId: other }])
    const { UploadId: again } = await client.send(new CreateMultipartUploadCommand(place))
    const behind = await client.send(new ListMultipartUploadsCommand({ Bucket, KeyMarker: 'slow' }))
    expect(behind.Uploads).toMatchObject([{ Key: 'slower', UploadId: other }])
    await client.send(new AbortMultipartUploadCommand({ ...place, UploadId: again }))
    await expect(client.send(new ListPartsCommand({ Bucket, Key: 'slower', UploadId }))).rejects.toMatchObject({
      name: 'NoSuchUpload',
    })
    for (const [Key, id] of [
      ['slow', UploadId],
      ['slower', other],
    ] as const)
      await client.send(new AbortMultipartUploadCommand({ Bucket, Key, UploadId: id }))
    expect((await client.send(new ListMultipartUploadsCommand({ Bucket }))).Uploads).toBeUndefined()
  })

  test('take parts from other objects, in ranges', async () => {
    await put('source', '0123456789')
    const place = { Bucket, Key: 'assembled' }
    const { UploadId } = await client.send(new CreateMultipartUploadCommand(place))
    const copy = { ...place, UploadId, PartNumber: 1, CopySource: `/${Bucket}/source` }
    const part = await client.send(new UploadPartCopyCommand({ ...copy, CopySourceRange: 'bytes=2-5' }))
    expect(part.CopyPartResult?.ETag).toBe('"81b073de9370ea873f548e31b8adc081"')
    await expect(
      client.send(new UploadPartCopyCommand({ ...copy, CopySourceRange: 'bytes=5-10' })),
    ).rejects.toMatchObject({ name: 'InvalidArgument' })
    expect(await client.send(new ListPartsCommand({ ...place, UploadId }))).toMatchObject({ Parts: [{ Size: 4 }] })
    await client.send(new AbortMultipartUploadCommand({ ...place, UploadId }))
  })
})
